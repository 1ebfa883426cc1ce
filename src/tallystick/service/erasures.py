"""Whether what is gone was erased, and is said to be so, by statements that the bureau signed.

An erasure leaves a row beside each look and each statement that went, which excuses that it is not
there. Those rows are not signed; the statement of an erasure is, with its instant, its ground and
how many of each went. So whoever takes a look or a row out, and writes that it was erased, makes
one more than was signed at that instant; and whoever alters the ground makes one more than was
signed on it. What is told in place of a look follows from the two, byte by byte.

Rows and signed statements are both read in the order of their instants, so what is in memory at
once are the erasures of one instant and the faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import psycopg

from tallystick.audit import Fault, PublicKeys
from tallystick.audit.fault import KEPT_FAULTS, ErasurePart, What
from tallystick.audit.log_rows import instant_sql
from tallystick.audit.tree import is_signed
from tallystick.errors import InvariantBroken
from tallystick.model.canonical import canonical
from tallystick.service.port import Deps

Connection = psycopg.Connection[Any]
_BATCH: Final = 1000
#: What a statement of an erasure says, besides who erased and its signature.
_SAID: Final = {"erased_at", "ground", "looks", "statements"}
_AT: Final = instant_sql("erased_at")
#: Canonical statements begin with their instant, so those that we signed come in its order.
_STATEMENTS = f"""
select subject_id, {_AT}, ground, statement from log.subject_erasure
order by statement collate "C"
"""
_LOOKS = f"""
select erased_at, ground, statement, sum(count(*)) over (partition by erased_at, ground)::bigint,
  sum(count(*)) over (partition by erased_at)::bigint
from (select {_AT} as erased_at, ground, statement from log.erasure) x
group by erased_at, ground, statement order by erased_at collate "C", ground, statement
"""
_LOOKS_OF = f"""
select e.number, x.look_id, f.no
from (select look_id, {_AT} as erased_at, ground, statement from log.erasure) x
join unnest(%s::text[], %s::text[], %s::text[]) with ordinality f (erased_at, ground, statement, no)
  using (erased_at, ground, statement)
left join log.entry e using (look_id) order by e.number, x.look_id limit %s
"""
#: Rows of chunks that were never published count too: of what was signed they are a part.
_ROWS = f"""
select erased_at, ground, null, count(*),
  sum(count(*)) over (partition by erased_at)::bigint
from (select {_AT} as erased_at, ground from ledger.erased) x
group by erased_at, ground order by erased_at collate "C", ground
"""
_ROWS_OF = f"""
select f.no, min(p.position), x.chunk_id, x.row_no
from (select chunk_id, row_no, {_AT} as erased_at, ground from ledger.erased) x
join unnest(%s::text[], %s::text[]) with ordinality f (erased_at, ground, no)
  using (erased_at, ground)
left join ledger.publication p using (chunk_id)
group by f.no, x.chunk_id, x.row_no order by 2, 3, 4
"""


class _Group(NamedTuple):
    """What was erased at one instant on one ground with one statement (None in the ledger).

    `of_ground`: how many there are at that instant on that ground; `of_instant`: at that instant.
    """

    erased_at: str
    ground: str
    statement: str | None
    of_ground: int
    of_instant: int


#: What is wrong with a group.
_Verdict = tuple[What, ErasurePart | None]
#: An instant, and by ground how many went then by the statements that we signed.
_Signed = tuple[str, Counter[str]]


def look_statement(erased_at: str, ground: str) -> str:
    """What is told in place of an erased look; `erased_at` is the text of an instant."""
    return canonical({"erased_at": erased_at, "ground": ground, "of": "look"}).decode()


def signed_content(subject_id: UUID, statement: str, keys: PublicKeys) -> dict[str, Any] | None:
    """What a statement of an erasure says; None unless it is, byte by byte, what we signed."""
    try:
        content: dict[str, Any] = {**orjson.loads(statement)}
        is_ours = content["subject_id"] == str(subject_id) and content.keys() >= _SAID
        is_ours = is_ours and canonical(content).decode() == statement
        signature = bytes.fromhex(content.pop("signature"))
        message = canonical(content)
        is_ours = is_ours and is_signed(message, signature, content["key_id"], keys=keys)
    except (ValueError, KeyError, TypeError, InvariantBroken):
        return None  # nothing that we ever wrote
    return content if is_ours else None


def check_looks(connection: Connection, keys: PublicKeys) -> tuple[list[Fault], list[Fault]]:
    """Hold what says that looks, and subjects, were erased to the signed statements.

    Takes: an idle connection as `sequencer`
    Gives: faults of looks, named by number: `missing` where more are said to be erased at an
           instant than was signed (all that may be the ones too many are named), else `altered`;
           and those of the erasures themselves, by subject; `KEPT_FAULTS` of each at most
    """
    of_erasures: list[Fault] = []
    with connection.transaction():
        # One snapshot: an erasure between two would be seen by the looks only.
        connection.execute("set transaction isolation level repeatable read, read only")
        signed = _signed(connection, keys, "looks", of_erasures)
        found = list(islice(_doubtful(_groups(connection, _LOOKS), signed), KEPT_FAULTS))
        for _ in signed:
            pass  # statements of later instants are checked too
        of_looks = _faults_of_looks(connection, found) if found else []
    return of_looks, of_erasures


def check_rows(
    deps: Deps, intake: Connection, keys: PublicKeys, *, limit: int
) -> list[tuple[str, str]]:
    """Hold what says that rows were erased to the signed statements.

    Takes: `intake`: a connection as `intake`, in the snapshot that is verified
    Gives: where and what, `limit` at most: the first position of rows that are more than was
           signed at their instant, else each row whose ground is not the one that was signed
    """
    with deps.database.connect("sequencer") as connection:
        signed = _signed(connection, keys, "statements", [])
        found = list(islice(_doubtful(_groups(intake, _ROWS), signed), limit))
    return list(islice(_named_rows(intake, found), limit)) if found else []


def _faults_of_looks(connection: Connection, found: list[tuple[_Group, _Verdict]]) -> list[Fault]:
    columns = [[group[at] for group, _ in found] for at in range(3)]
    named = connection.execute(_LOOKS_OF, (*columns, KEPT_FAULTS)).fetchall()
    faults = []
    for number, look_id, no in named:
        what, part = found[no - 1][1]
        faults.append(Fault(what=what, number=number, until=number, look_id=look_id, erasure=part))
    return faults


def _named_rows(
    intake: Connection, found: list[tuple[_Group, _Verdict]]
) -> Iterator[tuple[str, str]]:
    columns = [[group[at] for group, _ in found] for at in range(2)]
    seen = set()
    with intake.cursor("erased_rows") as cursor:
        cursor.itersize = _BATCH
        for no, position, chunk_id, row_no in cursor.execute(_ROWS_OF, columns):
            if found[no - 1][1][0] == "altered":
                where = f"chunk {chunk_id}, row {row_no}"
                yield where, "the ground of its erasure is not the one that was signed"
            elif no not in seen:
                seen.add(no)
                where = f"chunk {chunk_id}" if position is None else f"position {position}"
                yield where, "a row is gone by an erasure that nobody signed"


def _groups(connection: Connection, query: str) -> Iterator[_Group]:
    with connection.cursor("erased") as cursor:
        cursor.itersize = _BATCH
        for row in cursor.execute(query):
            yield _Group(*row)


def _doubtful(
    groups: Iterable[_Group], signed: Iterator[_Signed]
) -> Iterator[tuple[_Group, _Verdict]]:
    """The groups that do not follow from what was signed; takes both in the order of instants."""
    one = next(signed, None)
    for group in groups:
        while one is not None and one[0] < group.erased_at:
            one = next(signed, None)
        is_then = one is not None and one[0] == group.erased_at
        verdict = _verdict(group, one[1] if one is not None and is_then else Counter())
        if verdict is not None:
            yield group, verdict


def _verdict(group: _Group, signed: Counter[str]) -> _Verdict | None:
    if group.of_instant > signed.total() and group.of_ground > signed[group.ground]:
        return "missing", None
    if group.of_ground > signed[group.ground]:
        return "altered", "ground"
    if group.statement in (None, look_statement(group.erased_at, group.ground)):
        return None
    return "altered", "statement"


def _signed(
    connection: Connection, keys: PublicKeys, what: str, faults: list[Fault]
) -> Iterator[_Signed]:
    """By instant, ascending, how many went (`looks` or `statements`) as we signed it.

    Adds to `faults` what in the rows read so far is not as it was signed.
    """
    for erased_at, several in groupby(
        _contents(connection, keys, faults), lambda content: str(content["erased_at"])
    ):
        counts: Counter[str] = Counter()
        for content in several:
            counts[content["ground"]] += content[what]
        yield erased_at, counts


def _contents(
    connection: Connection, keys: PublicKeys, faults: list[Fault]
) -> Iterator[dict[str, Any]]:
    with connection.cursor("erasures") as cursor:
        cursor.itersize = _BATCH
        for subject_id, erased_at, ground, statement in cursor.execute(_STATEMENTS):
            content = signed_content(subject_id, statement, keys)
            kept = {"erased_at": erased_at, "ground": ground}
            parts: list[ErasurePart] = ["erased_at", "ground"]
            wrong: list[ErasurePart] = ["statement"]
            if content is not None:
                wrong = [part for part in parts if kept[part] != content[part]]
                yield content
            for part in wrong[: max(0, KEPT_FAULTS - len(faults))]:
                faults.append(Fault(what="altered", subject_id=subject_id, erasure=part))
