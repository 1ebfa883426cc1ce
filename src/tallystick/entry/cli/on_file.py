"""Which subject an operator's act is about: by our own id, or by an identity number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from tallystick.entry.cli.ids import read
from tallystick.entry.cli.persons import identified, taken
from tallystick.errors import BadRequest

if TYPE_CHECKING:
    from tallystick.service.port import Deps

_SUBJECTS = "select distinct subject_id from directory.token_subject where token = any(%s)"


def check_named(content: dict[str, Any]) -> None:
    """Refuse what names nobody, before anything is opened.

    Raises: typer.BadParameter; its message quotes nothing of the content
    """
    if set(content) == {"subject_id"}:
        read("subject", taken(content, "subject_id")[0])
    else:
        identified(content)


def subject_of(parts: Deps, content: dict[str, Any]) -> UUID:
    """The subject of {"subject_id": "sbj_…"}, or the one all given identity numbers lead to.

    Raises: BadRequest `not_found` unless exactly one subject has them: a household is not erased
            with one of its members
    """
    if set(content) == {"subject_id"}:
        return read("subject", taken(content, "subject_id")[0])
    identifiers, _, _ = identified(content)
    tokens = [parts.keys.identity_token(scheme, number) for scheme, number in identifiers]
    with parts.database.connect("eraser") as connection:
        rows = connection.execute(_SUBJECTS, (tokens,)).fetchall()
    if len(rows) != 1:
        raise BadRequest(
            "not_found",
            f"{len(rows)} subjects have these numbers, exactly one must: give numbers of one person"
            " only, or her `subject_id`",
        )
    found: UUID = rows[0][0]
    return found
