"""Rows that waited for a parent until their day came: rejected, and counted so."""

from __future__ import annotations

from tallystick.service import intake_store
from tallystick.service.port import Deps

_EXPIRED = """
with expired as (
  insert into intake.pending_outcome (pending_id, outcome, settled_at)
  select pending_id, 'expired', %(now)s from intake.pending p
  where expires_on <= %(day)s and not exists
    (select from intake.pending_outcome o where o.pending_id = p.pending_id)
  on conflict do nothing returning pending_id
)
select submission_id, count(*) from intake.pending join expired using (pending_id)
group by submission_id order by submission_id
"""


def expire_pending(deps: Deps) -> int:
    """Reject what waits for a parent on its day of expiry or later; gives how many rows.

    Run it daily; a row settled meanwhile is left alone.
    """
    now = deps.clock()
    with deps.database.connect("intake") as connection:
        found = connection.execute(
            _EXPIRED, {"now": now, "day": deps.profile.day_of(now)}
        ).fetchall()
        for submission_id, count in found:
            intake_store.add_settled(connection, submission_id, rejected=count)
    return sum(count for _, count in found)
