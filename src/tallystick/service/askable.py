"""What an inquiry asks by must be words of the profile: these are kept in clear, numbers never.

A number that cannot be anybody's is refused and not answered `no_hit`, which would read as a person
without debts. So it is of a consent: under such a number nobody could ever inquire.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tallystick.errors import BadRequest
from tallystick.profile.at import ProfileAt
from tallystick.profile.identifiers import Verdict

#: What is said of a number refused. A "bad_area" is none of them: lists of areas lag behind.
_WRONG: Final[Mapping[Verdict, str]] = {
    "bad_form": "its value has not the length and the signs of its scheme",
    "bad_date": "the date inside its value does not exist",
    "bad_checksum": "its value fails the check digit of its scheme",
}
_TEST_AREA: Final = "its value is from the range kept for tests"


def require_askable(
    identifiers: Sequence[tuple[str, str]], purpose: str, *, profile: ProfileAt, is_test_mode: bool
) -> None:
    """Refuse a purpose, a scheme or a number that the profile in force does not know.

    Takes:  `identifiers` as (scheme, number as written)
    Raises: BadRequest purpose_unknown, identifier_invalid; neither repeats what was sent
    """
    if purpose not in profile.purposes:
        raise BadRequest("purpose_unknown", f"`purpose` must be one of {_listed(profile.purposes)}")
    for at, (scheme, number) in enumerate(identifiers, start=1):
        wrong = _wrong_with(scheme, number, profile=profile, is_test_mode=is_test_mode)
        if wrong is not None:
            raise BadRequest("identifier_invalid", f"identifier {at}: {wrong}")


def require_number(scheme: str, number: str, *, profile: ProfileAt, is_test_mode: bool) -> None:
    """Refuse a number that nobody could inquire by: a consent to it could never be used.

    Raises: BadRequest identifier_invalid, which does not repeat what was sent
    """
    wrong = _wrong_with(scheme, number, profile=profile, is_test_mode=is_test_mode)
    if wrong is not None:
        raise BadRequest("identifier_invalid", f"the identity number: {wrong}")


def require_scheme(scheme: str, *, profile: ProfileAt) -> None:
    """Refuse a scheme the profile does not know: it is kept in clear, and might be a number.

    Raises: BadRequest identifier_invalid, which does not repeat what was sent
    """
    if scheme not in profile.schemes:
        raise BadRequest(
            "identifier_invalid", f"the scheme must be one of {_listed(profile.schemes)}"
        )


def _wrong_with(scheme: str, number: str, *, profile: ProfileAt, is_test_mode: bool) -> str | None:
    """Why a number cannot be anybody's; None where it can."""
    verdict = profile.check_identifier(scheme, number)
    if verdict == "unknown_scheme":
        return f"its scheme must be one of {_listed(profile.schemes)}"
    if verdict == "test_area" and not is_test_mode:
        return _TEST_AREA
    return _WRONG.get(verdict)


def _listed(words: Mapping[str, object]) -> str:
    return ", ".join(sorted(words))
