"""Every exception of Tallystick.

TallystickError
├── InvariantBroken      our own mistake; nobody below `entry/` catches it
├── Refused              leave was not given; always written as a look or as an audit entry
│   └── (told apart by `code`, see docs/reference/codes.md)
├── BadRequest           the caller's request cannot be read or does not fit; nothing was done
├── Unavailable          the world failed; says whether trying again is safe
└── ProfileError         a jurisdiction's values cannot be loaded (file and path in the message)

A bad *record* is never an exception: it is a `model.finding.Finding`.
Messages hold no identity data and no value of a record.
"""

from __future__ import annotations

from collections.abc import Mapping


class TallystickError(Exception):
    """Base of everything raised on purpose."""


class InvariantBroken(TallystickError):
    """The program contradicts itself; stop rather than go on with wrong data."""


class Coded(TallystickError):
    """An error with a stable `code` from the catalogue (docs/reference/codes.md)."""

    def __init__(self, code: str, detail: str = "", *, extra: Mapping[str, str] | None = None):
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.extra = dict(extra or {})


class Refused(Coded):
    """Leave to see, to change or to furnish was not given."""


class BadRequest(Coded):
    """The request cannot be read, or names what is not there."""


class Unavailable(Coded):
    """Something outside failed. `retryable` says whether the same call may be sent again."""

    def __init__(self, code: str, detail: str = "", *, retryable: bool = True):
        super().__init__(code, detail)
        self.retryable = retryable


class ProfileError(TallystickError):
    """A profile, rule or registry file is wrong; the message names file and path."""


def require(condition: bool, message: str) -> None:
    """Raise `InvariantBroken` unless `condition` holds; unlike `assert` it is on in production."""
    if not condition:
        raise InvariantBroken(message)
