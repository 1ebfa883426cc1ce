"""Which subject an operator's act is about: by our own id, or by an identity number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from tallystick.entry.cli.ids import PREFIXES, read
from tallystick.entry.cli.persons import identified, read_object, taken
from tallystick.errors import BadRequest

if TYPE_CHECKING:
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


def subject_of(parts: Deps, content: dict[str, Any]) -> UUID:
    """The subject of {"subject_id": "sbj_…"}, or the one all given identity numbers lead to.

    Takes:  what `named` gives; whether a subject on file has the id is not asked
    Raises: BadRequest `not_found` unless exactly one subject has them: a household is not erased
            with one of its members
    """
    from tallystick.service.numbers import led_to

    if set(content) == {"subject_id"}:
        return read("subject", taken(content, "subject_id")[0])
    identifiers, _, _ = identified(content)
    tokens = [parts.keys.identity_token(scheme, number) for scheme, number in identifiers]
    with parts.database.connect("eraser") as connection:
        by_number = led_to(parts, connection, tokens)
    found = {subject for group in by_number.values() for subject in group}
    if not found:  # an erasure leaves no token by which the two could be told apart
        raise BadRequest(
            "not_found",
            "nobody on file has these numbers: she never was on file, or was erased; by her"
            " `subject_id` an erasure is found again",
        )
    if len(found) != 1:
        raise BadRequest(
            "not_found",
            f"{len(found)} subjects have these numbers, exactly one must: give numbers of one"
            " person only, or her `subject_id`",
        )
    return found.pop()


def require_on_file(parts: Deps, subject_id: UUID) -> None:
    """Refuse the id of nobody, and of a person who was erased. Raises: BadRequest `not_found`."""
    with parts.database.connect("eraser") as connection:
        row = connection.execute(_ON_FILE, {"subject": subject_id}).fetchone()
    if row is None:
        raise BadRequest("not_found", "no subject on file has this id")
