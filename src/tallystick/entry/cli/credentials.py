"""Read the secret a command acts with: a member's key or a person's session.

Who names a secret means to act by it. One that is named and not there is refused: to go on without
it would be to act as the operator, who may see more than any member.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from tallystick.entry.cli.machine import reading
from tallystick.errors import Refused

#: A secret is a few dozen bytes; anything larger is the wrong file.
_MOST_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A kind of secret: `variable` and `option` name one, `made_by` is the command that makes it.

    `code` is the catalogue's, of a secret that opens nothing.
    """

    noun: str
    variable: str
    option: str
    code: str
    made_by: str


KEY: Final = Credential(
    noun="key",
    variable="TALLYSTICK_KEY",
    option="--key-file",
    code="not_authenticated",
    made_by="tallystick keys create CODE",
)
SESSION: Final = Credential(
    noun="session's secret",
    variable="TALLYSTICK_SESSION",
    option="--session-file",
    code="sign_in_required",
    made_by="tallystick sign-in person --subject FILE --session",
)


def secret_or_none(kind: Credential, path: Path | None) -> str | None:
    """The secret that was named: by a file, else by the variable; None when neither was.

    Raises: Refused when what was named is empty or blank; typer.BadParameter when it cannot be a
            secret. Neither quotes what was read.
    """
    if path is None and kind.variable not in os.environ:
        return None
    raw = os.environb[kind.variable.encode()] if path is None else _bytes(kind, path)
    where = f"{kind.variable} is set but" if path is None else f"the file {path} is"
    try:
        secret = raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise typer.BadParameter(_no_secret(kind, path)) from None
    if not secret:
        told = f"{where} empty and holds no {kind.noun}; `{kind.made_by}` makes one"
        instead = f", and without one leave {kind.variable} unset" if path is None else ""
        raise Refused(kind.code, told + instead)
    return secret


def _bytes(kind: Credential, path: Path) -> bytes:
    with reading(path), path.open("rb") as file:
        found = file.read(_MOST_BYTES + 1)
    if len(found) > _MOST_BYTES:
        raise typer.BadParameter(_no_secret(kind, path))
    return found


def _no_secret(kind: Credential, path: Path | None) -> str:
    what = kind.variable if path is None else f"{kind.option} {path}"
    return f"{what} holds no {kind.noun}: it is no short text; `{kind.made_by}` makes one"
