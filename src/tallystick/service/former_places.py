"""What a file says of persons who have a number now: by which place they were known before.

A place is an account, role and holder number, which name a person where there is no number.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import psycopg

from tallystick.service.keys_of_rows import SHAPES
from tallystick.service.numbers import led_to
from tallystick.service.port import Deps
from tallystick.service.references import Job, place_key
from tallystick.service.workbench import insert_rows

_SENT = """
select r.line_no, r.account_number, r.role, r.holder_no, p.subject_id, r.identifier_scheme,
  r.identifier_number
from "row" r left join person_ref p on p.number = {person}
where r.person_number is not null and r.account_number is not null and r.role is not null
  and r.holder_no is not null and (r.account_number, r.role, r.holder_no) not in
  (select (account_number, role, holder_no) from "row" where person_number is null
    and account_number is not null and role is not null and holder_no is not null)
order by r.line_no
"""
_WHO = """
select p.person_token, ps.subject_id from directory.party p
join directory.party_subject ps using (party_id)
where p.furnisher_id = %s and p.person_token = any(%s)
"""


def expressions(deps: Deps, connection: psycopg.Connection[Any], job: Job) -> dict[str, str]:
    """What `former_place` says beside a row, over the joins of `service/context.py`.

    Takes: the job with its references looked up; `connection`: under the intake role
    Gives: nothing where no row says a place that anything is to be said of
    """
    if job.dataset != "subject" or not _load(deps, connection, job):
        return {}
    return {"place_state": "(select z.state from former_place z where z.line_no = r.line_no)"}


def _load(deps: Deps, connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `former_place`: by line `unknown` or `other`, where a former place is said.

    Whether names and birth dates contradict is not asked here: that is settled when the row is
    published (`service/settle.py`). A place sent in the same file is known.

    Gives: whether there are any
    """
    if not job.says("person_number") or not job.says("account_number"):
        return False
    person = dict(SHAPES["subject"].references)["person"]
    sent = job.con.execute(_SENT.format(person=person)).fetchall()
    if not sent:
        return False
    places = [
        deps.keys.number_token(job.furnisher_id, "person", place_key(*row[1:4])) for row in sent
    ]
    found = connection.execute(_WHO, (job.furnisher_id, places))
    who: dict[bytes, UUID] = {bytes(place): subject for place, subject in found}
    rows = []
    for row, place, whose in zip(sent, places, _whose(deps, connection, sent), strict=True):
        state = _state(who.get(place), whose)
        if state is not None:
            rows.append((row[0], state))
    if rows:
        job.con.execute("create or replace table former_place (line_no bigint, state varchar)")
        insert_rows(job.con, "former_place", rows)
    return bool(rows)


def _whose(
    deps: Deps, connection: psycopg.Connection[Any], sent: Sequence[tuple[Any, ...]]
) -> list[set[UUID]]:
    """Whose each row is by its person number, else by its identity number; empty where unknown."""
    tokens = [
        deps.keys.identity_token(row[5], row[6]) if row[5] and row[6] else b"" for row in sent
    ]
    named = led_to(deps, connection, [one for one in tokens if one])
    return [
        {row[4]} if row[4] else named.get(token, set())
        for row, token in zip(sent, tokens, strict=True)
    ]


def _state(was: UUID | None, whose: Collection[UUID]) -> str | None:
    """What is to be said of a place.

    Takes:   who was known by it; whose the record is by its number or its identity number
    Missing: nothing is to be said
    """
    if was is None:
        return "unknown"
    return "other" if whose and was not in whose else None
