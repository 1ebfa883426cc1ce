"""Months of some accounts as the ledger has them, for what a file's grid does not hold: status,
date of first delinquency, the day a period ends.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

import psycopg

from tallystick.service.references import Job
from tallystick.service.workbench import insert_rows

#: Accounts whose months are read by one query.
_ASKED_AT_ONCE = 10_000
_MONTHS = """
select account_id, period_end, bucket, first_delinquency_on, balance_minor, status,
  amount_past_due_minor
from (select distinct on (t.account_id, t.period_end) t.*, p.position
  from unnest(%(parties)s::uuid[], %(objects)s::uuid[]) as a (party_id, account_id)
  join ledger.snapshot t using (party_id, account_id)
  join ledger.chunk c using (chunk_id) join ledger.publication p using (chunk_id)
  where t.period_end >= %(since)s and c.submission_id is distinct from %(submission)s
  order by t.account_id, t.period_end, p.position desc) m
where not exists (select 1 from ledger.deletion d join ledger.publication dp using (chunk_id)
  where d.party_id = m.party_id and d.object_id = m.account_id and dp.position > m.position
  and (d.dataset = 'account' or (d.dataset = 'snapshot' and d.item_key = m.period_end::text)))
"""


def load(
    connection: psycopg.Connection[Any],
    job: Job,
    accounts: Collection[tuple[UUID, UUID]],
    *,
    since: date,
) -> None:
    """DuckDB table `month_told`: the months that stand, as others than this submission said them.

    Takes: `accounts`: (party, account); `since`: months that ended before it are left out
    """
    job.con.execute(
        "create or replace table month_told (object_id uuid, period_end date, bucket varchar,"
        " first_on date, balance_minor bigint, status varchar, past_due_minor bigint)"
    )
    asked = list(accounts)
    for start in range(0, len(asked), _ASKED_AT_ONCE):
        parties, objects = zip(*asked[start : start + _ASKED_AT_ONCE], strict=True)
        given: dict[str, Any] = {"parties": list(parties), "objects": list(objects)}
        given |= {"since": since, "submission": job.submission_id}
        insert_rows(job.con, "month_told", connection.execute(_MONTHS, given))
