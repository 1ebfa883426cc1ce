"""Rows that waited, and whose key their furnisher spoke of meanwhile: these are not taken any more.

Who sends a record is heard in the order of sending. A row that waits is published when what it
waits for comes, which says nothing of when it was sent: what was sent of its key later stands.
"""

from __future__ import annotations

from typing import Any

import psycopg

from tallystick.service.keys_of_rows import party_sql
from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows

#: A deletion of an account says something of all its terms. What waited itself counts as sent when
#: its own submission came; what a furnisher sends as mended rejects of another is sent by itself.
_LATER = """
join ledger.publication using (chunk_id) join ledger.chunk c using (chunk_id)
join intake.submission w on w.submission_id = c.submission_id
join intake.submission s on s.submission_id =
  case w.channel when 'pending' then w.parent_submission_id else w.submission_id end
where t.party_id = a.party_id and t.furnisher_id = %(furnisher)s
  and (s.received_at, s.submission_id) > (select p.received_at, p.submission_id
    from intake.submission p where p.submission_id = %(sent)s)
"""
_QUERY = f"""
select a.object_id, a.item_key
from unnest(%(parties)s::uuid[], %(objects)s::uuid[], %(items)s::text[])
  as a (party_id, object_id, item_key)
where exists (select from ledger.{{dataset}} t {_LATER}
    and t.{{object}} = a.object_id and t.{{item}})
  or exists (select from ledger.deletion t {_LATER} and t.object_id = a.object_id
    and (t.dataset = 'account' or (t.dataset = %(dataset)s and t.item_key = a.item_key)))
"""
#: What a correction says it replaces tells already that it is not made of the newest record.
_IS_TOLD = (
    "exists (select 1 from fault z where z.line_no = r.line_no and z.rule_id = 'COR-DIGEST-001')"
)


def expressions(
    connection: psycopg.Connection[Any], job: Job, joins: str, exists_already: str
) -> dict[str, str]:
    """What `newer_was_taken` says beside a row that waited, over those joins.

    Takes: `joins`: those of `service/context.py` with all they name, whose `e` is on file;
           `exists_already`: the expression of that column
    Gives: nothing for rows that did not wait, or where nothing newer was taken
    """
    if job.sent_in is None or not _load(connection, job, joins):
        return {}
    # The same once more is unchanged: no harm is done by it.
    says_so = "not coalesce(q.is_same, false)"
    if job.dataset == "snapshot":
        says_so = f"({exists_already}) or coalesce(e.is_deleted, false)"
    is_newer = (
        "(e.object_id, e.item_key) in (select (object_id, item_key) from overtaken)"
        f" and ({says_so}) and not {_IS_TOLD}"
    )
    return {
        "newer_was_taken": f"coalesce({is_newer}, false)",
        # What is refused for it takes the place of nothing.
        "exists_already": f"({exists_already}) and not coalesce({is_newer}, false)",
    }


def _load(connection: psycopg.Connection[Any], job: Job, joins: str) -> bool:
    """DuckDB table `overtaken` (object_id, item_key): keys of which something newer was taken."""
    asked = job.con.execute(
        f'select distinct {party_sql(job.dataset)}, e.object_id, e.item_key from "row" r {joins}'
        " where e.leaf is not null"
    ).fetchall()
    if not asked:
        return False
    parties, objects, items = zip(*asked, strict=True)
    is_snapshot = job.dataset == "snapshot"
    query = _QUERY.format(
        dataset=job.dataset,
        object="account_id" if is_snapshot else "object_id",
        item="period_end = a.item_key::date" if is_snapshot else "item_key = a.item_key",
    )
    found = connection.execute(
        query,
        {
            "parties": list(parties), "objects": list(objects), "items": list(items),
            "dataset": job.dataset, "furnisher": job.furnisher_id, "sent": job.sent_in,
        },
    ).fetchall()  # fmt: skip
    job.con.execute("create or replace table overtaken (object_id uuid, item_key varchar)")
    if found:
        insert_rows(job.con, "overtaken", found)
    return bool(found)
