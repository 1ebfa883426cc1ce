"""Verifying what was counted of each submission against what the ledger and the findings hold.

The funnel is what a furnisher is told of its rows. Nothing signs it, so it is counted again: the
four parts make what was sent, what was taken stands in published chunks (of the submission, or of
those its waiting rows were judged again in), and what was refused or waits has its findings.

What it cannot see: rows said to be `unchanged` leave no trace but that the sum is whole, consents
take no position, so none is counted in chunks, and of an erased person's rows only the leaves are
left, which do not tell a person's record from what it is found by.

Source: spine 12
"""

from __future__ import annotations

from typing import Any, Final

import psycopg

from tallystick.ledger.verify import KEPT_FAULTS, Faults
from tallystick.service.intake_store import FINDINGS_PER_LINE, JUDGED_AGAIN, SETTLED


def check_submissions(connection: psycopg.Connection[Any], faults: Faults) -> None:
    """Every submission's funnel and every chunk's submission, in the caller's snapshot.

    Time: one pass over the findings that refuse or hold up a row; of the ledger, chunks only
    """
    for query, what in _CHECKS:
        for where, identity in connection.execute(query):
            faults.add(f"{where} {identity}", what)


#: What a submission's funnel says; `own` is of the rows as sent, `later` of rows that had waited.
_FUNNEL: Final = f"""
select submission_id, sum(accepted + unchanged + rejected + pending) as sent,
  coalesce(sum(accepted) filter (where step_no < {SETTLED}), 0) as own_accepted,
  coalesce(sum(accepted) filter (where step_no >= {SETTLED}), 0) as later_accepted,
  coalesce(sum(accepted + unchanged) filter (where step_no >= {SETTLED}), 0) as later_taken,
  coalesce(sum(rejected) filter (where step_no < {SETTLED}), 0) as own_rejected,
  coalesce(sum(rejected) filter (where step_no >= {SETTLED}), 0) as later_rejected,
  coalesce(sum(pending) filter (where step_no < {SETTLED}), 0) as own_pending
from intake.funnel group by submission_id
"""
#: Only a submission that has ended has counted everything.
_ENDED: Final = "s.state in ('published', 'rejected')"
_SUMS: Final = f"""
select 'submission', s.submission_id from intake.submission s
left join ({_FUNNEL}) f using (submission_id)
where {_ENDED} and coalesce(f.sent, 0) is distinct from s.row_count
order by 2 limit {KEPT_FAULTS}
"""
#: A chunk of persons holds their tokens beside their records; of erased rows it is not known which.
_HELD: Final = """
select c.submission_id, sum(c.row_count - coalesce(t.tokens, 0)) as most,
  sum(coalesce(case c.dataset when 'subject' then e.erased end, 0)) as erased
from ledger.chunk c join ledger.publication using (chunk_id)
left join (select chunk_id, count(*) as tokens from identity.party_token group by 1) t
  using (chunk_id)
left join (select chunk_id, count(*) as erased from ledger.erased group by 1) e using (chunk_id)
where c.submission_id is not null group by 1
"""
_TAKEN: Final = f"""
select 'submission', submission_id from ({_FUNNEL}) f
full join ({_HELD}) h using (submission_id)
left join intake.submission s using (submission_id)
where s.dataset is distinct from 'consent' and coalesce(f.own_accepted, 0) not between
  coalesce(h.most - h.erased, 0) and coalesce(h.most, 0)
order by 2 limit {KEPT_FAULTS}
"""
#: A crash between publishing and counting lets a row be judged again, as unchanged: at most.
_TAKEN_LATER: Final = f"""
with f as materialized ({_FUNNEL}), brought as (
  select s.parent_submission_id as submission_id, sum(f.own_accepted) as accepted
  from intake.submission s join f using (submission_id) where s.channel = 'pending' group by 1
), ended as (
  select p.submission_id, count(*) filter (where o.outcome = 'accepted') as taken,
    count(*) filter (where o.outcome in ('rejected', 'expired')) as rejected
  from intake.pending p join intake.pending_outcome o using (pending_id) group by 1
)
select 'submission', submission_id from f
left join brought b using (submission_id) full join ended e using (submission_id)
where coalesce(f.later_accepted, 0) > coalesce(b.accepted, 0)
  or coalesce(f.later_taken, 0) <> coalesce(e.taken, 0)
  or coalesce(f.later_rejected, 0) <> coalesce(e.rejected, 0)
order by 2 limit {KEPT_FAULTS}
"""
#: A file that could not be read as a whole has findings, and counts no line.
_FOUND: Final = f"""
select 'submission', s.submission_id from intake.submission s
left join ({_FUNNEL}) f using (submission_id)
left join (select submission_id, count(*) filter (where rejected) as rejected,
    count(*) filter (where not rejected) as pending
  from (select submission_id, bool_or(severity = 'reject') as rejected from intake.finding
    where severity in ('reject', 'pend') and line_no is not null
      and mod(finding_no, {FINDINGS_PER_LINE}) < {JUDGED_AGAIN}
    group by submission_id, line_no) lines group by submission_id) b using (submission_id)
where {_ENDED} and s.row_count > 0
  and (coalesce(f.own_rejected, 0), coalesce(f.own_pending, 0))
    is distinct from (coalesce(b.rejected, 0), coalesce(b.pending, 0))
order by 2 limit {KEPT_FAULTS}
"""
_FURNISHERS: Final = f"""
select 'chunk', c.chunk_id from ledger.chunk c left join intake.submission s using (submission_id)
where c.submission_id is not null and c.furnisher_id is distinct from s.furnisher_id
order by 2 limit {KEPT_FAULTS}
"""
#: Links are the bureau's own decisions: nobody furnished them.
_OWNERLESS: Final = f"""
select 'chunk', chunk_id from ledger.chunk
where submission_id is null and furnisher_id is not null order by 2 limit {KEPT_FAULTS}
"""
#: A chunk of persons takes its position just before that of the links decided with it.
_PLACES: Final = f"""
select 'chunk', c.chunk_id from ledger.chunk c join ledger.publication p using (chunk_id)
left join intake.funnel f on f.submission_id = c.submission_id and f.step_no = c.chunk_no + 1
left join (ledger.publication l join ledger.chunk k on k.chunk_id = l.chunk_id
    and k.dataset = 'link')
  on l.position = f.position and l.position = p.position + 1 and c.dataset = 'subject'
where c.submission_id is not null and f.position is distinct from p.position
  and l.position is null
order by 2 limit {KEPT_FAULTS}
"""
#: A job that ends has published its chunks or given them up; one that was stopped may have others.
_UNSETTLED: Final = f"""
select 'chunk', c.chunk_id from ledger.chunk c join intake.submission s using (submission_id)
where {_ENDED} and not exists (select from ledger.publication p where p.chunk_id = c.chunk_id)
  and not exists (select from ledger.abandoned a where a.chunk_id = c.chunk_id)
order by 2 limit {KEPT_FAULTS}
"""
_CHECKS: Final = (
    (_SUMS, "its funnel does not add up to what was sent"),
    (_TAKEN, "its funnel's accepted rows are not those of its published chunks"),
    (_TAKEN_LATER, "its funnel does not say what became of its rows that waited"),
    (_FOUND, "its funnel's rejected and pending rows are not those of its findings"),
    (_FURNISHERS, "its furnisher is not its submission's"),
    (_OWNERLESS, "it has a furnisher, and is of no submission"),
    (_UNSETTLED, "is neither published nor given up"),
    (_PLACES, "its submission's funnel does not count it at its position"),
)
