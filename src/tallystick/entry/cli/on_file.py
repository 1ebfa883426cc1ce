"""Which subject an operator's act is about: by our own id, or as an inquiry names her."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from tallystick.entry.cli.ids import PREFIXES, read
from tallystick.entry.cli.persons import identified, read_object, taken
from tallystick.errors import BadRequest

if TYPE_CHECKING:
    from tallystick.service.asked import Named
    from tallystick.service.port import Deps

_ON_FILE = """
select from directory.token_subject where subject_id = %(subject)s
union all select from directory.party_subject where subject_id = %(subject)s limit 1
"""


def named(source: str) -> dict[str, Any]:
    """What names the person; refused, before anything is opened, when it names nobody.

    Takes:  her id (`sbj_…`), or a JSON file (- for standard input) that names her as for an
            inquiry or holds her `subject_id`
    Raises: typer.BadParameter; its message quotes nothing of the content
    """
    if source.startswith(f"{PREFIXES['subject']}_"):
        content: dict[str, Any] = {"subject_id": source}
    else:
        content = read_object(source)
    if set(content) == {"subject_id"}:
        read("subject", taken(content, "subject_id")[0])
    else:
        identified(content)
    return content


def person_of(parts: Deps, content: dict[str, Any]) -> Named:
    """Who is meant: by {"subject_id": "sbj_…"}, or by what an inquiry names her by.

    Takes:  what `named` gives; whether a subject on file has the id is not asked
    Raises: BadRequest `not_found` unless exactly one subject passes; `invalid_request`
            when the name holds nothing to compare
    """
    from tallystick.service.asked import Named, named_person

    if set(content) == {"subject_id"}:
        return Named(subject_id=read("subject", taken(content, "subject_id")[0]))
    return named_person(parts, *identified(content))


def require_on_file(parts: Deps, subject_id: UUID) -> None:
    """Refuse the id of nobody, and of a person who was erased. Raises: BadRequest `not_found`."""
    with parts.database.connect("eraser") as connection:
        row = connection.execute(_ON_FILE, {"subject": subject_id}).fetchone()
    if row is None:
        raise BadRequest("not_found", "no subject on file has this id")
