"""Rows that wait for a parent or a consent: judged again when it comes, rejected when none does.

A row judged again may have to wait on, for something else: its place is then taken by a row that
waits for that, in the submission it was sent with.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import orjson
import psycopg

from tallystick.model.ids import cited_id
from tallystick.service import former, hidden, intake_store, waited
from tallystick.service.port import Deps

#: What a row waits for whose consent is not known (`intake.pending.waits_kind`).
CONSENT_KIND = "consent"
#: Rows that waited are judged so many at a time, each time as one submission.
_JUDGED_AT_ONCE = 1_000


class ProcessPending(Protocol):
    """Judges records that waited again, as a submission under their parent's; gives its id."""

    def __call__(
        self,
        deps: Deps,
        furnisher_id: UUID,
        dataset: str,
        records: Sequence[Mapping[str, Any]],
        *,
        parent: UUID,
    ) -> UUID:
        """Process the records of one furnisher and dataset."""


def consent_token(consent_ref: str) -> bytes:
    """What a row waiting for a consent waits for: the id's bytes; of what is no id, a digest."""
    consent_id = cited_id("cns", consent_ref)
    if consent_id is not None:
        return consent_id.bytes
    return hashlib.sha256(consent_ref.encode()).digest()


def wake(deps: Deps, submission_id: UUID, *, process_records: ProcessPending) -> None:
    """Judge again what waited for a parent or a consent that this submission brought.

    And rows of its own, where what they wait for came between their judging and their waiting.
    """
    with deps.database.connect("intake") as connection:
        worth = _worth_asking(connection, submission_id)
        waiting = _brought(connection, submission_id, worth)
        if worth.its_own:
            waiting += connection.execute(_SENT_IN_VAIN, {"submission": submission_id}).fetchall()
    _judge_again_and_on(deps, waiting, process_records)
    if waiting or worth.chains:
        _wake_chains(deps, {submission_id, *(row[1] for row in waiting)}, process_records)


def wake_by_consent(
    deps: Deps, furnisher_id: UUID, consent_id: UUID, *, process_records: ProcessPending
) -> None:
    """Judge again what its furnisher sent under a consent before the consent was registered."""
    given = {"furnisher": furnisher_id, "token": consent_id.bytes}
    with deps.database.connect("intake") as connection:
        waiting = connection.execute(_OF_CONSENT, given).fetchall()
    _judge_again_and_on(deps, waiting, process_records)
    _wake_chains(deps, {row[1] for row in waiting}, process_records)


def wake_forgotten(deps: Deps, *, process_records: ProcessPending) -> int:
    """Judge again what waits for something that is on file; gives how many rows.

    Whoever brought that was cut off before these were judged (a consent comes by no submission that
    would be begun again), or something else brought it back. Run it daily.
    """
    with deps.database.connect("intake") as connection:
        waiting = connection.execute(_FORGOTTEN).fetchall()
    _judge_again_and_on(deps, waiting, process_records)
    _wake_chains(deps, {row[1] for row in waiting}, process_records)
    return len(waiting)


def _judge_again_and_on(
    deps: Deps, waiting: Sequence[tuple[Any, ...]], process_records: ProcessPending
) -> set[UUID]:
    """Judge rows that waited, once more those that then wait for what came meanwhile, and so on.

    Whoever brought that found nobody waiting for it. Corrections may bring back what others wait
    for: not asked while they are judged, when they seem to wait still.
    Gives: the submissions they were judged in
    """
    made: set[UUID] = set()
    tried: set[UUID] = set()
    while waiting:
        tried.update(row[0] for row in waiting)
        judged = _judge_again(deps, waiting, process_records)
        made |= judged.made
        corrections = {row[1] for row in waiting if row[3] == "correction"}
        with deps.database.connect("intake") as connection:
            found = [
                _brought(connection, one, _worth_asking(connection, one))
                for one in sorted(corrections)
            ]
            if judged.moved:
                given = {"moved": sorted(judged.moved)}
                found.append(connection.execute(_MOVED_IN_VAIN, given).fetchall())
        waiting = [row for rows in found for row in rows if row[0] not in tried]
    return made


class _Worth(NamedTuple):
    """Which rows may wait for a submission, or may once have: `others` of its furnisher's,
    `fundings` of other members, `its_own` rows, and rows for accounts that go on (`chains`).
    """

    others: bool
    fundings: bool
    its_own: bool
    chains: bool


def _worth_asking(connection: psycopg.Connection[Any], submission_id: UUID) -> _Worth:
    """Nearly every submission is waited for by nobody; finding that in full takes some 30 ms."""
    found = connection.execute(_WORTH_ASKING, {"submission": submission_id}).fetchone()
    return _Worth(*found or (False,) * 4)


def _brought(
    connection: psycopg.Connection[Any], submission_id: UUID, worth: _Worth
) -> list[tuple[Any, ...]]:
    """Rows of other submissions that waited for what a submission brought."""
    given, found = {"submission": submission_id}, []
    if worth.others:
        found += connection.execute(_WOKEN, given).fetchall()
    if worth.fundings:
        found += connection.execute(_FUNDINGS, given).fetchall()
    return found


def _wake_chains(
    deps: Deps, submissions: Collection[UUID], process_records: ProcessPending
) -> None:
    """Judge again what waits for an account that goes on: it may be the next one's former."""
    for submission_id in sorted(submissions):
        tried: set[UUID] = set()
        while True:
            with deps.database.connect("intake") as connection:
                waiting = former.woken(connection, submission_id)
            waiting = [row for row in waiting if row[0] not in tried and row[1] not in tried]
            if not waiting:
                break
            tried.update(row[0] for row in waiting)
            tried |= _judge_again_and_on(deps, waiting, process_records)


class _Judged(NamedTuple):
    """The submissions rows were judged in, and those of the rows that now wait for another thing.

    The latter by the ids they wait under.
    """

    made: set[UUID]
    moved: set[UUID]


def _judge_again(
    deps: Deps, waiting: Sequence[tuple[Any, ...]], process_records: ProcessPending
) -> _Judged:
    """Judge rows that waited, as submissions under theirs."""
    judged = _Judged(set(), set())
    groups: dict[tuple[UUID, UUID, str], list[tuple[Any, ...]]] = {}
    for row in waiting:
        groups.setdefault((row[1], row[2], row[3]), []).append(row)
    for (parent, furnisher, dataset), members in groups.items():
        key = deps.vault.get([parent]).get(parent)
        if key is None:
            continue
        for start in range(0, len(members), _JUDGED_AT_ONCE):
            records, part = _opened(deps, key, members[start : start + _JUDGED_AT_ONCE])
            if not part:
                continue
            child = process_records(deps, furnisher, dataset, records, parent=parent)
            line_of = {one[0]: one[4] for one in part}
            sent = waited.Side(parent, key)
            judged.moved.update(_settle(deps, sent, child, line_of, dataset=dataset))
            judged.made.add(child)
    return judged


def _opened(
    deps: Deps, key: bytes, rows: Sequence[tuple[Any, ...]]
) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:
    """The records of rows that waited, as sent, and the rows; those gone since are left out."""
    with deps.database.connect("intake") as connection:
        sealed = dict(
            connection.execute(
                "select pending_id, record_sealed from intake.pending where pending_id = any(%s)",
                ([one[0] for one in rows],),
            ).fetchall()
        )
    there = [one for one in rows if one[0] in sealed]
    opened = (intake_store.open_part(key, (1 << 80) + one[4], sealed[one[0]]) for one in there)
    return [orjson.loads(one) for one in opened], there


def _settle(
    deps: Deps, parent: waited.Side, child: UUID, line_of: Mapping[UUID, int], *, dataset: str
) -> set[UUID]:
    """Move rows that were pending to what became of them, in their own submission.

    Takes: `dataset`: theirs; `line_of`: by pending id the line in the parent, in the order sent
           as the child, whose lines count from 1
    Gives: new ids of those that now wait for something else
    """
    child_key = deps.vault.get([child]).get(child)
    with deps.database.connect("intake") as connection:
        bad = dict(
            connection.execute(
                "select line_no, bool_or(severity = 'reject') from intake.finding"
                " where submission_id = %s and severity in ('reject', 'pend') group by line_no",
                (child,),
            ).fetchall()
        )
        last = connection.execute(
            "select max(position), sum(unchanged)::bigint from intake.funnel"
            " where submission_id = %s",
            (child,),
        ).fetchone()
        position, unchanged = last or (None, 0)
        lines = dict(enumerate(line_of, start=1))
        still = {line: one for line, one in lines.items() if bad.get(line) is False}
        outcomes = {
            one: "rejected" if bad.get(line) else "accepted"
            for line, one in lines.items()
            if line not in still
        }
        ended = _end(deps, connection, outcomes)
        counts = Counter(outcomes[one] for one in ended)
        settled = {line: line_of[one] for line, one in lines.items() if one in ended}
        moved = _wait_on(deps, connection, child, still) if still else {}
        waiting = {line: line_of[one] for line, one in still.items() if one in moved}
        waited.carry_over(
            connection, parent, waited.Side(child, child_key),
            dataset=deps.registry[dataset], settled=settled, waiting=waiting,
        )  # fmt: skip
        connection.execute(_WAIT_IN_PARENT, {"child": child, "now": deps.clock()})
        same = min(int(unchanged or 0), counts["accepted"])
        intake_store.add_settled(
            connection, parent.submission_id, position=position,
            accepted=counts["accepted"] - same, unchanged=same, rejected=counts["rejected"],
        )  # fmt: skip
    return set(moved.values())


def _end(
    deps: Deps, connection: psycopg.Connection[Any], outcomes: Mapping[UUID, str]
) -> set[UUID]:
    """End waits; gives those that nobody else ended before."""
    rows = connection.execute(
        "insert into intake.pending_outcome (pending_id, outcome, settled_at)"
        " select pending_id, outcome, %s from unnest(%s::uuid[], %s::text[])"
        " as ended (pending_id, outcome) on conflict do nothing returning pending_id",
        (deps.clock(), list(outcomes), list(outcomes.values())),
    ).fetchall()
    return {row[0] for row in rows}


def _wait_on(
    deps: Deps, connection: psycopg.Connection[Any], child: UUID, still: Mapping[int, UUID]
) -> dict[UUID, UUID]:
    """Let rows wait for what they now lack, as found in the child, until their old date.

    Gives: the new id of each that waited for something else before
    """
    others: dict[UUID, tuple[str, bytes]] = {}
    for pending_id, kind, token in connection.execute(
        _OTHER_WAITS, {"child": child, "lines": list(still), "rows": list(still.values())}
    ).fetchall():
        others.setdefault(pending_id, (kind, token))
    ended = _end(deps, connection, dict.fromkeys(others, "unchanged"))
    moved = {pending_id: deps.new_id() for pending_id in others if pending_id in ended}
    places = [
        {"new": new, "old": old, "kind": others[old][0], "token": others[old][1]}
        for old, new in moved.items()
    ]
    if places:
        with connection.cursor() as cursor:
            cursor.executemany(_TAKES_ITS_PLACE, places)
    return moved


def expire_pending(deps: Deps) -> int:
    """Reject what waits for a parent on its day of expiry or later; gives how many rows.

    Run it daily; a row settled meanwhile is left alone.
    """
    now = deps.clock()
    with deps.database.connect("intake") as connection:
        found = connection.execute(
            _EXPIRED, {"now": now, "day": deps.profile.day_of(now)}
        ).fetchall()
        for submission_id, lines in found:
            key = deps.vault.get([submission_id]).get(submission_id)
            waited.reject_unmet(connection, waited.Side(submission_id, key), lines)
            intake_store.add_settled(connection, submission_id, rejected=len(lines))
    return sum(len(lines) for _, lines in found)


#: Which rows wait, not what they say: a file that came before its accounts has a million.
_COLUMNS = "p.pending_id, p.submission_id, p.furnisher_id, p.dataset, p.line_no"
_WAITS = "not exists (select from intake.pending_outcome o where o.pending_id = p.pending_id)"
_ORDER = "order by p.dataset, p.submission_id, p.line_no"
#: What a row `p` waits for is on file: its person, its agreement, its account (a funder's is the
#: originator's). A person that a deletion hides is not, nor is an account of hers.
_PERSON_IS_THERE = f"""p.waits_kind = 'person' and exists (select
      from directory.party d join directory.party_subject using (party_id)
      where d.furnisher_id = p.furnisher_id and d.person_token = p.waits_token
        and not {hidden.PERSON_IS_HIDDEN.format(party="d.party_id")})"""
_ACCOUNT_IS_THERE = f"""p.waits_kind = 'account' and exists (select
      from directory.object d join file.account f on f.account_id = d.object_id
      where d.furnisher_id = {{furnisher}} and d.kind = 'account'
        and d.number_token = p.waits_token
        and not ({hidden.PERSON_IS_HIDDEN.format(party="d.party_id")}
          and exists (select from directory.party y
            where y.party_id = d.party_id and y.furnisher_id = f.furnisher_id)
          and not {hidden.ACCOUNT_GOES_ON.format(account="d.object_id", party="d.party_id")}))"""
_OWN_ACCOUNT = _ACCOUNT_IS_THERE.format(furnisher="p.furnisher_id")
_AGREEMENT_IS_THERE = """p.waits_kind = 'agreement' and exists (select from directory.object d
      where d.furnisher_id = p.furnisher_id and d.kind = 'agreement'
        and d.number_token = p.waits_token)"""
#: A furnisher's records rest on consents it captured itself; others' do not wake them.
_STANDS = f"""p.waits_kind = '{CONSENT_KIND}' and exists (select from directory.consent k
    join gate.consent c on c.token = k.token and c.consent_id = k.consent_id
    where c.captured_by = p.furnisher_id and k.consent_id =
      case when length(p.waits_token) = 16 then encode(p.waits_token, 'hex')::uuid end)"""
#: Datasets that bring what rows wait for, of their own furnisher's and of other members' fundings.
_WAKING = ("subject", "account", "agreement", "consent", "correction")
_WAKING_FUNDINGS = ("account", "correction")
#: By the index of who waits for what: rows that wait no more are there as well.
_WORTH_ASKING = f"""
select
  s.dataset in {_WAKING} and exists (select from intake.pending p
    where p.furnisher_id = s.furnisher_id and p.submission_id <> s.submission_id),
  s.dataset in {_WAKING_FUNDINGS} and exists (select
    from member.member m join intake.pending p on p.furnisher_id = m.member_id
    where p.waits_kind = 'account' and m.member_id <> s.furnisher_id),
  s.channel <> 'pending' and coalesce((select sum(pending) > 0 from intake.funnel n
    where n.submission_id = s.submission_id), false),
  exists (select from member.member m join intake.pending p on p.furnisher_id = m.member_id
    where p.waits_kind = '{former.WAITS_KIND}')
from intake.submission s where s.submission_id = %(submission)s
"""
#: A correction brings persons and accounts too: what was deleted comes back by one.
_WOKEN = f"""
select {_COLUMNS}
from intake.submission s join intake.pending p on p.furnisher_id = s.furnisher_id
where s.submission_id = %(submission)s and p.submission_id <> s.submission_id and {_WAITS}
  and s.dataset in {_WAKING} and (s.dataset <> 'correction' or s.channel <> 'pending')
  and ((s.dataset in ('subject', 'correction') and {_PERSON_IS_THERE})
    or (s.dataset in ('account', 'correction') and {_OWN_ACCOUNT})
    or (s.dataset in ('agreement', 'correction') and {_AGREEMENT_IS_THERE})
    or (s.dataset = 'consent' and {_STANDS}))
{_ORDER}
"""
#: A funder cites the account of its originator, whose file wakes what other members sent of it.
_FUNDINGS = f"""
select {_COLUMNS}
from intake.submission s cross join member.member m
join intake.pending p on p.furnisher_id = m.member_id and p.dataset = 'funding'
  and {_ACCOUNT_IS_THERE.format(furnisher="s.furnisher_id")}
where s.submission_id = %(submission)s and s.dataset in {_WAKING_FUNDINGS}
  and m.member_id <> s.furnisher_id and {_WAITS}
{_ORDER}
"""
_OF_CONSENT = f"""
select {_COLUMNS} from intake.pending p
where p.furnisher_id = %(furnisher)s and p.waits_token = %(token)s and {_STANDS} and {_WAITS}
{_ORDER}
"""
_IS_THERE = f"""(({_PERSON_IS_THERE}) or ({_OWN_ACCOUNT}) or ({_AGREEMENT_IS_THERE}) or ({_STANDS})
  or (p.dataset = 'funding' and exists (select from member.member m
    where {_ACCOUNT_IS_THERE.format(furnisher="m.member_id")})))"""
#: Rows of what just ended that began to wait when what they wait for had come.
_SENT_IN_VAIN = f"""
with sent as materialized (select submission_id, furnisher_id from intake.submission
  where submission_id = %(submission)s)
select {_COLUMNS}
from sent s join intake.pending p
  on p.furnisher_id = s.furnisher_id and p.submission_id = s.submission_id
where {_WAITS} and {_IS_THERE} {_ORDER}
"""
_FORGOTTEN = f"select {_COLUMNS} from intake.pending p where {_WAITS} and {_IS_THERE} {_ORDER}"
_MOVED_IN_VAIN = f"""
select {_COLUMNS} from intake.pending p
where p.pending_id = any(%(moved)s) and {_WAITS} and {_IS_THERE} {_ORDER}
"""
#: A row judged again waits where it was sent, not in the submission it was judged in as well.
_WAIT_IN_PARENT = """
insert into intake.pending_outcome (pending_id, outcome, settled_at)
select p.pending_id, 'unchanged', %(now)s
from intake.submission s join intake.pending p using (furnisher_id, submission_id)
where s.submission_id = %(child)s on conflict do nothing
"""
_OTHER_WAITS = """
select p.pending_id, n.waits_kind, n.waits_token
from unnest(%(lines)s::bigint[], %(rows)s::uuid[]) as still (line_no, pending_id)
join intake.pending p using (pending_id)
join intake.pending n on n.furnisher_id = p.furnisher_id and n.submission_id = %(child)s
  and n.line_no = still.line_no
where (n.waits_kind, n.waits_token) <> (p.waits_kind, p.waits_token)
"""
_TAKES_ITS_PLACE = """
insert into intake.pending (pending_id, submission_id, furnisher_id, dataset, line_no, waits_kind,
  waits_token, record_sealed, expires_on, since)
select %(new)s, submission_id, furnisher_id, dataset, line_no, %(kind)s, %(token)s, record_sealed,
  expires_on, since
from intake.pending where pending_id = %(old)s
"""
_EXPIRED = """
with expired as (
  insert into intake.pending_outcome (pending_id, outcome, settled_at)
  select pending_id, 'expired', %(now)s from intake.pending p
  where expires_on <= %(day)s and not exists
    (select from intake.pending_outcome o where o.pending_id = p.pending_id)
  on conflict do nothing returning pending_id
)
select submission_id, array_agg(line_no order by line_no)
from intake.pending join expired using (pending_id)
group by submission_id order by submission_id
"""
