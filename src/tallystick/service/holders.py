"""Who else holds the accounts of a file of roles: what is on file, and the file's own lines."""

from __future__ import annotations

from typing import Any

import psycopg

from tallystick.service.keys_of_rows import SHAPES
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows
from tallystick.validate import UNREADABLE

_AT_ONCE = 10_000
#: An account stands in the file of each of its holders and says the same there. Its first borrower
#: has no record of his own, and his place from the first day on.
_ON_FILE = """
select f.account_id, ps.subject_id, h ->> 'role', (h ->> 'holder_no')::int,
  coalesce((h ->> 'valid_from')::date, '0001-01-01'), (h ->> 'valid_to')::date
from (select distinct on (f.account_id) f.account_id, f.terms from file.account f
  where f.account_id = any(%s) order by f.account_id, f.subject_id) f
cross join lateral json_array_elements(f.terms::json -> 'holders') h
join directory.party_subject ps on ps.party_id = (h ->> 'party_id')::uuid
"""


def load_beside(connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `held_beside`: lines whose person has another role of the account meanwhile, and
    lines whose place (role and number) another person has meanwhile.

    One that only ends on the day the other begins is over. An earlier statement of the same person
    in the same place is what the line goes on from, by whichever number of hers. A line that cannot
    be read keeps nobody out: its end may be what cannot be read.

    Gives: whether there are any
    """
    person = dict(SHAPES[job.dataset].references)["person"]
    job.con.execute(
        "create or replace table held as select r.line_no, a.object_id, p.subject_id, r.role,"
        ' r.holder_no::integer as holder_no, r.valid_from, r.valid_to from "row" r'
        " join account_state a on a.number = r.account_number"
        f" join person_ref p on p.number = {person}"
        " where a.object_id is not null and p.subject_id is not null"
    )
    accounts = [one[0] for one in job.con.execute("select distinct object_id from held").fetchall()]
    job.con.execute(
        "create or replace table on_file_holder (line_no bigint, object_id uuid, subject_id uuid,"
        " role varchar, holder_no integer, valid_from date, valid_to date)"
    )
    for start in range(0, len(accounts), _AT_ONCE):
        found = connection.execute(_ON_FILE, (accounts[start : start + _AT_ONCE],)).fetchall()
        insert_rows(job.con, "on_file_holder", [(None, *one) for one in found])
    job.con.execute(
        "create or replace table held_beside as select r.line_no,"
        " bool_or(h.subject_id = r.subject_id) as has_other_role,"
        " bool_or(h.subject_id <> r.subject_id) as is_taken from held r"
        f" join (from held where line_no not in ({UNREADABLE}) union all from on_file_holder) h"
        " on h.object_id = r.object_id"
        " and (h.subject_id = r.subject_id) <> (h.role = r.role and h.holder_no = r.holder_no)"
        " and (h.role, h.holder_no, h.valid_from) <> (r.role, r.holder_no, r.valid_from)"
        " and h.valid_from < coalesce(r.valid_to, date '9999-12-31')"
        " and r.valid_from < coalesce(h.valid_to, date '9999-12-31') group by r.line_no"
    )
    return job.con.execute("select 1 from held_beside limit 1").fetchone() is not None
