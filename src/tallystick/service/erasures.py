"""Whether what is gone was erased: by statements that the bureau signed.

An erasure leaves a row beside each look and each statement that went, which excuses that it is not
there. Those rows are not signed; the statement of an erasure is, with its instant and how many of
each went. So whoever takes a look or a row out, and writes that it was erased, makes one
more than was signed at that instant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.audit import Fault, PublicKeys
from tallystick.audit.tree import is_signed
from tallystick.model.canonical import canonical
from tallystick.model.instant import instant_text
from tallystick.service.port import Deps

Connection = psycopg.Connection[Any]
_BATCH = 1000
_STATEMENTS = "select subject_id, statement from log.subject_erasure"
_LOOKS = "select erased_at, count(*) from log.erasure group by erased_at"
_LOOKS_AT = """
select e.number, x.look_id from log.erasure x left join log.entry e using (look_id)
where x.erased_at = any(%s) order by e.number, x.look_id limit %s
"""
#: Rows of chunks that were never published hold nothing that anybody could miss.
_ROWS = """
select erased_at, count(*), min(position) from ledger.erased
join ledger.publication using (chunk_id) group by erased_at order by min(position)
"""


def signed_content(subject_id: UUID, statement: str, keys: PublicKeys) -> dict[str, Any] | None:
    """What a statement of an erasure says; None unless we signed it of this subject."""
    try:
        content: dict[str, Any] = {**orjson.loads(statement)}
        signature = bytes.fromhex(content.pop("signature"))
        named, key_id, message = content["subject_id"], content["key_id"], canonical(content)
    except (ValueError, KeyError, TypeError):
        return None  # nothing that we ever wrote
    is_ours = named == str(subject_id) and is_signed(message, signature, key_id, keys=keys)
    return content if is_ours else None


def unsigned_looks(connection: Connection, keys: PublicKeys, *, limit: int) -> list[Fault]:
    """Looks said to be erased at an instant at which more are than signed statements count.

    Takes: a connection as `sequencer`; all looks of such an instant are named, `limit` at most
    """
    signed = _signed(connection, keys, "looks")
    found = connection.execute(_LOOKS).fetchall()
    doubtful = [at for at, count in found if count > signed[instant_text(at)]]
    if not doubtful:
        return []
    return [
        Fault(what="missing", number=number, until=number, look_id=look_id)
        for number, look_id in connection.execute(_LOOKS_AT, (doubtful, limit)).fetchall()
    ]


def unsigned_rows(deps: Deps, intake: Connection, keys: PublicKeys) -> Iterator[tuple[str, str]]:
    """Published rows said to be erased at an instant at which more are than was signed.

    Takes: `intake`: a connection as `intake`, in the snapshot that is verified
    Gives: where (the first position concerned) and what is wrong
    """
    found: list[tuple[datetime, int, int]] = intake.execute(_ROWS).fetchall()
    if not found:
        return
    with deps.database.connect("sequencer") as connection:
        signed = _signed(connection, keys, "statements")
    for erased_at, count, position in found:
        if count > signed[instant_text(erased_at)]:
            yield f"position {position}", "a row is gone by an erasure that nobody signed"


def _signed(connection: Connection, keys: PublicKeys, what: str) -> Counter[str]:
    """By instant, how many went (`looks` or `statements`) by the statements that we signed."""
    counts: Counter[str] = Counter()
    with connection.cursor("erasures") as cursor:
        cursor.itersize = _BATCH
        for subject_id, statement in cursor.execute(_STATEMENTS):
            content = signed_content(subject_id, statement, keys)
            if content is not None:
                counts[content["erased_at"]] += content[what]
    return counts
