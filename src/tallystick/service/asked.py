"""Who is asked for: by number *and* name *and* birth date, checked as tolerantly as in resolving.

One check for an inquiry and for an operator who names a person by a file: under one number there
may be others, of a household or by a mistake of typing.

Source: spine 6
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import orjson

from tallystick.errors import BadRequest
from tallystick.resolve import Identity, is_another, normal_name
from tallystick.service.port import Deps
from tallystick.service.read_file import Material, numbers_of, opened_identities


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Who is meant: a subject, and the first of her numbers that was given.

    Missing: `token` is None where she was named by our own id
    """

    subject_id: UUID
    token: bytes | None = None


def require_name(name: str) -> None:
    """Refuse a name of nothing that is compared: it would agree with any.

    Raises: BadRequest `invalid_request`
    """
    if not normal_name(name):
        raise BadRequest("invalid_request", "the subject's name must hold a letter")


def is_asked_for(
    tokens: Iterable[bytes],
    name: str,
    birth_date: date | str | None,
    *,
    numbers: frozenset[bytes],
    held: Iterable[tuple[str, str | None]],
) -> bool:
    """Whether a record of hers carries a number asked by, and name and birth date fit.

    Takes:   tokens, name and birth date asked by; of her: the tokens of her `numbers`, and name and
             birth date of each version that can be opened (`held`; not read where no number is
             hers). Of her parties those that hold a birth date vouch for it
    Missing: of whom nothing can be opened is not asked for
    """
    if numbers.isdisjoint(tokens):
        return False
    known = [Identity(name=one, birth_date=born, token=None) for one, born in held]
    day = None if birth_date is None else str(birth_date)
    return bool(known) and not is_another(Identity(name=name, birth_date=day, token=None), known)


_UNDER = """
select subject_id, document from file.subject where subject_id in
  (select subject_id from directory.token_subject where token = any(%s)) order by subject_id
"""


def named_person(
    deps: Deps, identifiers: Sequence[tuple[str, str]], name: str, birth_date: date
) -> Named:
    """The one person on file whom numbers, name and birth date name; it is for an operator's act.

    Nothing of her is handed out, and it is no look.
    Raises: BadRequest `not_found` unless exactly one subject passes, in the same words whether the
            number is on file under another name or not at all; `invalid_request` (`require_name`)
    """
    require_name(name)
    tokens = [deps.keys.identity_token(scheme, number) for scheme, number in identifiers]
    found = _passing(deps, tokens, name, birth_date)
    if not found:  # an erasure leaves no token by which the two could be told apart
        raise BadRequest(
            "not_found",
            "nobody on file has these numbers, this name and birth date: she is known otherwise,"
            " never was on file, or was erased; by her `subject_id` she, or the erasure, is found",
        )
    if len(found) != 1:
        raise BadRequest(
            "not_found",
            f"{len(found)} subjects have these numbers and pass by name and birth date, exactly one"
            " must: give numbers of one person only, or her `subject_id`",
        )
    return found[0]


def _passing(deps: Deps, tokens: Collection[bytes], name: str, birth_date: date) -> list[Named]:
    """All who pass, each with the first of the tokens that is hers."""
    with deps.database.connect("eraser") as connection:
        rows = connection.execute(_UNDER, (list(tokens),)).fetchall()
    found = []
    for subject_id, document in rows:
        hers = Material(
            subject_id=str(subject_id),
            position=0,
            log_size=0,
            head_version=0,
            document=orjson.loads(document),
        )
        parties = [UUID(one) for one in hers.own_parties()]
        keys = {str(one): key for one, key in deps.vault.get(parties).items()}
        numbers, held = numbers_of(hers, keys, deps.keys), opened_identities(hers, keys)
        if is_asked_for(tokens, name, birth_date, numbers=numbers, held=held):
            token = next(one for one in tokens if one in numbers)
            found.append(Named(subject_id=subject_id, token=token))
    return found
