"""Open the bureau for one command, and find out on whose behalf it acts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from tallystick.entry.cli.credentials import KEY, SESSION, secret_or_none
from tallystick.errors import Refused, Unavailable

if TYPE_CHECKING:
    from tallystick.adapters.settings import Settings
    from tallystick.entry.compose import Bureau
    from tallystick.service.members import Member
    from tallystick.service.port import Deps
    from tallystick.service.sessions import Session

KEY_VARIABLE = KEY.variable
SESSION_VARIABLE = SESSION.variable
SessionFile = Annotated[
    Path | None,
    typer.Option(
        "--session-file",
        help=f"File with a person's session secret; else {SESSION_VARIABLE}.",
        exists=True,
        dir_okay=False,
    ),
]
T = TypeVar("T")


def read_settings(**overrides: object) -> Settings:
    """The settings of the environment, with a command's own options over them."""
    from tallystick.adapters.settings import Settings

    given = {name: value for name, value in overrides.items() if value is not None}
    return Settings(**given)  # type: ignore[arg-type]  # pydantic checks each value


@contextmanager
def bureau(
    settings: Settings | None = None, *, make: bool = False, waits: bool = False
) -> Iterator[Bureau]:
    """The bureau of these settings (else the environment's), closed at the end.

    Takes:  `make`: make and migrate what is missing (`init`, `migrate`); without it a bureau that
            is not there is a mistake to be told, not an empty one to be made;
            `waits`: for databases that are coming up (`serve`, `worker`); a command that ends says
            at once that nothing listens at the bureau's, or at the vault's if it needs a key
    Raises: Unavailable `unavailable` when there is none yet; OperationalError
    """
    from tallystick.adapters.reach import require_listener
    from tallystick.entry.compose import open_bureau

    # What the pool logs while it tries again is said once, with its remedy, by the command.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    chosen = settings or read_settings()
    if not make and chosen.database_url is None and not (chosen.data_folder / "postgres").exists():
        raise Unavailable(
            "unavailable", "there is no bureau yet: run `tallystick init`", retryable=False
        )
    if chosen.database_url is not None and not waits:
        require_listener(chosen.database_url)
    with open_bureau(chosen, make=make) as opened:
        opened.vault.looks_first = not waits
        yield opened


@contextmanager
def deps() -> Iterator[Deps]:
    """What the use-cases need, from the environment's settings."""
    with bureau() as opened:
        yield opened.deps


def waited(opened: Bureau, answer: Coroutine[Any, Any, T]) -> T:
    """Run one asynchronous use-case to its end, and close what it opened on its loop."""

    async def run() -> T:
        try:
            return await answer
        finally:
            await opened.database.aclose()
            await opened.vault.aclose()

    return asyncio.run(run())


def acting_member(parts: Deps, key_file: Path | None) -> Member:
    """The member whose key was given.

    Raises: Refused when none was given, or no member has it; typer.BadParameter
    """
    member = acting_member_or_none(parts, key_file)
    if member is None:
        raise Refused(
            "not_authenticated", f"set {KEY_VARIABLE}, or name a file with the key by --key-file"
        )
    return member


def acting_member_or_none(parts: Deps, key_file: Path | None) -> Member | None:
    """The member whose key was given; None (the operator) when no key was named at all.

    Raises: Refused when what was named is empty, or no member has it; typer.BadParameter
    """
    from tallystick.service.members import authenticate

    secret = secret_or_none(KEY, key_file)
    if secret is None:
        return None
    member = authenticate(parts, secret)
    if member is None:
        raise Refused("not_authenticated", "no member has this key, or it was revoked")
    return member


def session_or_none(parts: Deps, session_file: Path | None) -> Session | None:
    """The session whose secret was given; None when none was named at all.

    Raises: Refused when what was named is empty, or opens no session any more; typer.BadParameter
    """
    from tallystick.service.sessions import session

    secret = secret_or_none(SESSION, session_file)
    if secret is None:
        return None
    found = session(parts, secret)
    if found is None:
        raise Refused(
            "sign_in_required",
            "this session has ended: `tallystick sign-in person --subject FILE --session`",
        )
    return found


def own_session(parts: Deps, session_file: Path | None) -> Session:
    """The session given, which is a person's. Raises: Refused when it is nobody's."""
    return persons(session_or_none(parts, session_file))


def persons(found: Session | None) -> Session:
    """That session, which is a person's. Raises: Refused when it is nobody's."""
    if found is None or found.subject_id is None:
        raise Refused(
            "sign_in_required",
            f"only the person may: set {SESSION_VARIABLE} to her session's secret, which"
            " `tallystick sign-in person --subject FILE --session` prints for her",
        )
    return found


def decider(by: str | None) -> str:
    """The name a decision is recorded under."""
    if by:
        return by
    import getpass

    return f"operator:{getpass.getuser()}"
