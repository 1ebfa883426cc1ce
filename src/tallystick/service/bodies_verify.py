"""Whether the kept bodies are those of their looks: their times, and where asked their bytes.

A look is committed to in the log's tree. The row of its kept body is not, but follows from it: its
times by the profile that the look names, its bytes by their digest. A body opens only under the key
made from those of exactly its parties, so one that opens vouches for whose they are; they are kept
in rising order, each once, which needs no opening.

Nothing is said of times where the look names a version of the profile that this program has not,
nor of a body with a party whose key an erasure destroyed: nobody can open it. No body goes but by
an erasure, which takes its look too; one that is gone before its time is named where bytes are
asked for, as its answer is folded anew all the same.

Runs as `eraser`, who may read looks and bodies and cannot answer. Nothing is handed out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg

from tallystick.audit import Fault
from tallystick.audit.fault import KEPT_FAULTS, BodyPart
from tallystick.ledger import seal
from tallystick.model.canonical import sha256
from tallystick.service.answers import kept_times, made_under, unpacked
from tallystick.service.port import Deps

Connection = psycopg.Connection[Any]
#: Bodies opened at once, some megabytes: one question to the vault for all their keys.
_BATCH: Final = 500


def _year(instant: str) -> str:
    """An instant within the years Python has: infinity may have been written there."""
    return f"greatest('0002-01-01Z', least({instant}, '9000-01-01Z'))"


_OF_LOOK = f"l.look_id, {_year('l.occurred_at')}, {_year('l.as_of')}, l.versions"
#: `%s`: the body's bytes and its parties, without dimensions, or nulls where they are not asked for
_BODIES = f"""
select {_OF_LOOK}, b.look_id,
  coalesce(l.outcome = 'hit' and l.permit <> 'again', false), x.look_id is not null,
  l.body_digest, {_year("b.readable_until")}, {_year("b.kept_until")},
  b.parties <> array(select distinct unnest(b.parties) order by 1)
    or (cardinality(b.parties) = 0 and l.audience = 'lender'), %s
from log.body b
left join log.look l on l.subject_id = b.subject_id and l.look_id = b.look_id
left join log.erasure x on x.look_id = b.look_id
"""
_WITH_BYTES = "array(select unnest(b.parties)), b.sealed"
_WITHOUT_BYTES = "null::uuid[], null::bytea"
_MISSING = f"""
select {_OF_LOOK} from log.look l
where l.outcome = 'hit' and l.permit <> 'again' and not exists
  (select from log.body b where b.subject_id = l.subject_id and b.look_id = l.look_id)
"""


class _Row(NamedTuple):
    """A kept body beside its look; of the look all is None where there is none."""

    of_look: UUID | None
    occurred_at: datetime
    as_of: datetime
    versions: str | None
    look_id: UUID
    is_of_hit: bool
    is_erased: bool
    body_digest: bytes | None
    readable_until: datetime
    kept_until: datetime
    has_other_parties: bool | None
    parties: list[UUID | None] | None
    sealed: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BodiesChecked:
    """How many bodies were compared with their looks, how many of them opened; the faults found."""

    compared: int
    opened: int
    faults: tuple[Fault, ...]


def check(deps: Deps, *, opened: bool) -> BodiesChecked:
    """Compare every kept body with its look, in one snapshot; streamed.

    Takes:  `opened`: open them too, and say which are gone before their time
    Gives:  faults, a thousand at most
    Raises: psycopg errors
    """
    with deps.database.connect("eraser") as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        walk = _Walk(deps, connection)
        found = tuple(islice(walk.faults(opened=opened), KEPT_FAULTS))
    return BodiesChecked(compared=walk.compared, opened=walk.opened, faults=found)


class _Walk:
    """One check, as one transaction sees the log."""

    def __init__(self, deps: Deps, connection: Connection):
        self._deps = deps
        self._connection = connection
        self.compared = 0
        self.opened = 0

    def faults(self, *, opened: bool) -> Iterator[Fault]:
        """Faults as they are found: those of bodies, then those that are gone."""
        rows = self._rows(_BODIES % (_WITH_BYTES if opened else _WITHOUT_BYTES))
        while batch := [_Row(*row) for row in islice(rows, _BATCH)]:
            self.compared += len(batch)
            for row in batch:
                yield from self._beside(row)
            if opened:
                yield from self._within(batch)
        if opened:
            yield from self._missing()

    def _beside(self, row: _Row) -> Iterator[Fault]:
        """What is wrong beside the bytes."""
        if not row.is_of_hit:
            if not row.is_erased:
                yield _fault("unlogged", row, "body")
            return
        # None at all only of a past before anything was on file, which she alone may ask.
        if row.has_other_parties:
            yield _fault("altered", row, "parties")
        profile = made_under(self._deps, row.versions, row.as_of)
        if profile is None:
            return
        readable_until, kept_until = kept_times(row.occurred_at, profile)
        if row.readable_until != readable_until:
            yield _fault("altered", row, "readable_until")
        if row.kept_until != kept_until:
            yield _fault("altered", row, "kept_until")

    def _within(self, batch: Iterable[_Row]) -> Iterator[Fault]:
        """Bodies that do not open, or to something else than their look names."""
        asked = [row for row in batch if row.is_of_hit and not row.has_other_parties]
        keys = self._deps.vault.get([one for row in asked for one in _parties(row)])
        without = {one for row in asked for one in _parties(row) if one not in keys}
        destroyed = self._deps.vault.destroyed_of(without)
        for row in asked:
            parties = _parties(row)
            if any(one in destroyed for one in parties):
                continue
            is_whole = None not in (row.parties or ()) and parties <= keys.keys()
            if is_whole and _digest(row, parties, keys) == row.body_digest:
                self.opened += 1
            else:
                yield _fault("altered", row, "content")

    def _missing(self) -> Iterator[Fault]:
        now = self._deps.clock()
        for look_id, occurred_at, as_of, versions in self._rows(_MISSING):
            profile = made_under(self._deps, versions, as_of)
            if profile is not None and now < kept_times(occurred_at, profile)[1]:
                yield Fault(what="missing", look_id=look_id, body="body")

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        with self._connection.cursor("bodies", binary=True) as cursor:
            cursor.itersize = _BATCH
            yield from cursor.execute(query.encode())


def _fault(what: Any, row: _Row, part: BodyPart) -> Fault:
    return Fault(what=what, look_id=row.look_id, body=part)


def _parties(row: _Row) -> set[UUID]:
    return {one for one in row.parties or () if one is not None}


def _digest(row: _Row, parties: Iterable[UUID], keys: Mapping[UUID, bytes]) -> bytes | None:
    """SHA-256 of the body; None where it does not open."""
    key = seal.body_key((keys[one] for one in parties), row.look_id.bytes)
    opened = seal.unseal_body(key, row.sealed or b"")
    try:
        return None if opened is None else sha256(unpacked(opened))
    except zlib.error:
        return None
