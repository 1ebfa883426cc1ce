"""Whose a number is: lines that name another person than the one their number belongs to.

What is said of an account, agreement, guarantee or payer account is keyed for good by the party it
was first sent for: it cannot move. Two parties of one subject are the same person.
"""

from __future__ import annotations

from typing import Any

import psycopg

from tallystick.service.keys_of_rows import SHAPES
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows

#: Datasets whose records name the person that their number belongs to.
DATASETS = frozenset({"account", "agreement", "guarantee", "payment"})
_NAMED = """
create or replace table named as
select r.line_no, {number} as number, o.party_id as owner_id, p.subject_id
from "row" r left join {place} o on o.number = {number} join person_ref p on p.number = {person}
where p.subject_id is not null and {number} is not null and o.party_id is distinct from p.party_id
"""
_ON_FILE = """
select n.line_no from named n left join owner w on w.party_id = n.owner_id
where n.owner_id is not null and w.subject_id is distinct from n.subject_id
"""
#: A number that comes for the first time is the person's of its first line that can be read and
#: whose person is known: others wait for theirs, and are judged again.
_IN_FILE = """
select line_no from (select line_no, subject_id,
    first_value(subject_id) over (partition by number order by line_no) as first_id
  from named where owner_id is null and line_no not in
    (select line_no from fault where severity = 'reject' and line_no is not null))
where subject_id <> first_id
"""


def expressions(
    connection: psycopg.Connection[Any], job: Job, exists_already: str
) -> dict[str, str]:
    """What `named_another` says beside a row, over the joins of `service/context.py`.

    Takes: the job with its references looked up; `connection`: under the intake role;
           `exists_already`: the expression of that column
    Gives: nothing where no line names another person
    """
    if job.dataset not in DATASETS or not _load_named(connection, job):
        return {}
    is_anothers = "r.line_no in (select line_no from named_another)"
    return {
        "person_is_other": is_anothers,
        # What is refused for it takes the place of nothing.
        "exists_already": f"{exists_already} and not {is_anothers}",
    }


def _load_named(connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `named_another`: lines whose number is another's, on file or by the file.

    Of a person who is not known yet nothing is said: her line waits.
    Gives: whether there are any
    """
    kinds = dict(SHAPES[job.dataset].references)
    own = SHAPES[job.dataset].own or ""
    place = "account_state" if own == "account" else f"{own}_ref"
    job.con.execute(_NAMED.format(number=kinds[own], place=place, person=kinds["person"]))
    # A new number has no owner; sent for two persons it is one's alone.
    found = job.con.execute(
        "select owner_id from named group by owner_id, if(owner_id is null, number, null)"
        " having owner_id is not null or min(subject_id) <> max(subject_id)"
    ).fetchall()
    if not found:
        return False
    owners = [one for (one,) in found if one is not None]
    job.con.execute("create or replace table owner (party_id uuid, subject_id uuid)")
    if owners:
        rows = connection.execute(
            "select party_id, subject_id from directory.party_subject where party_id = any(%s)",
            (owners,),
        )
        insert_rows(job.con, "owner", rows)
    job.con.execute(f"create or replace table named_another as {_ON_FILE} union all {_IN_FILE}")
    return job.con.execute("select 1 from named_another limit 1").fetchone() is not None
