"""Circles of former numbers: one account goes on from another that goes on from it in turn.

None of them can ever be taken, so who closes a circle is told at once; it would wait for itself
until its date. What waits already counts like what is in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import psycopg

from tallystick.service import intake_store
from tallystick.service.port import Deps
from tallystick.service.references import Job

#: What a pending row waits for that its former account must bring (`intake.pending.waits_kind`).
WAITS_KIND = "former"
_WAITING = """
select p.waits_token, p.submission_id, p.line_no, p.record_sealed from intake.pending p
where p.furnisher_id = %(furnisher)s and p.waits_kind = %(kind)s and p.waits_token = any(%(tokens)s)
  and p.dataset = 'account'
  and not exists (select from intake.pending_outcome o where o.pending_id = p.pending_id)
"""


def closed(
    deps: Deps, connection: psycopg.Connection[Any], job: Job, named: Iterable[tuple[str, str]]
) -> set[str]:
    """The numbers of a file that go on, over others or not, from themselves.

    Takes: `named`: (number, former number) of the file's rows, both the furnisher's own and neither
           on file
    Note:  a number that names two former ones closes no circle: one of them may still come
    """
    formers: dict[str, set[str]] = {}
    for number, former in named:
        formers.setdefault(number, set()).add(former)
    own = set(formers)
    asked, fresh = set[str](), set(formers)
    while fresh:
        asked |= fresh
        waiting = _waiting(deps, connection, job, fresh)
        for number, former in waiting:
            formers.setdefault(number, set()).add(former)
        fresh = {number for number, _ in waiting} - asked
    only = {number: next(iter(some)) for number, some in formers.items() if len(some) == 1}
    return {number for number in own if _comes_back(only, number)}


def _comes_back(former_of: Mapping[str, str], number: str) -> bool:
    met: set[str] = set()
    at = former_of.get(number)
    while at is not None and at != number and at not in met:
        met.add(at)
        at = former_of.get(at)
    return at == number


def _waiting(
    deps: Deps, connection: psycopg.Connection[Any], job: Job, numbers: Iterable[str]
) -> list[tuple[str, str]]:
    """(number, former number) of the furnisher's rows that wait for these former numbers."""
    token_of = {deps.keys.number_token(job.furnisher_id, "account", one): one for one in numbers}
    rows = connection.execute(
        _WAITING,
        {"furnisher": job.furnisher_id, "kind": WAITS_KIND, "tokens": list(token_of)},
    ).fetchall()
    keys = deps.vault.get(sorted({row[1] for row in rows}))
    found = []
    for token, submission_id, line_no, sealed in rows:
        if submission_id in keys:
            part_no = (1 << 80) + line_no
            record = orjson.loads(intake_store.open_part(keys[submission_id], part_no, sealed))
            found.append((record["account_number"], token_of[bytes(token)]))
    return found
