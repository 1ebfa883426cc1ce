"""Numbers that go on: which account or person a new number continues, and who held it until when.

An account goes on only for the same person; at another furnisher only on the word of the one that
had it: its event `sold`, its terms closed as sold or transferred, or its newest month `sold`.
What a row may not know of another furnisher's numbers has one state for all its reasons.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tallystick.ledger import fold, read
from tallystick.service import former_circles
from tallystick.service.keys_of_rows import SHAPES
from tallystick.service.numbers import led_to
from tallystick.service.port import Deps
from tallystick.service.references import HOLDER, Job
from tallystick.service.workbench import insert_rows

WAITS_KIND = former_circles.WAITS_KIND
_GIVEN_UP = frozenset({"sold", "transferred"})
_BATCH = 500
#: Stands for a furnisher that is no member: no account was ever furnished under it.
_NOBODY = UUID(int=0)
_TABLE = """
create or replace table former (line_no bigint, state varchar, object_id uuid, party_id uuid,
  changed_by bigint, token varchar, opened_on date, product varchar, currency varchar,
  last_period_end date, last_balance_minor bigint, last_status varchar)
"""
_ON_FILE = """
select a.no - 1, o.object_id, o.party_id, ps.subject_id, f.furnisher_id, f.changed_by, f.opened_on,
  f.product, f.currency, f.last_period_end, f.last_balance_minor, f.last_status
from unnest(%(furnishers)s::uuid[], %(tokens)s::bytea[]) with ordinality
  as a (furnisher_id, token, no)
join directory.object o on o.furnisher_id = a.furnisher_id and o.kind = 'account'
  and o.number_token = a.token
join directory.party_subject ps on ps.party_id = o.party_id
join lateral (select * from file.account_now where account_id = o.object_id
  order by subject_id limit 1) f on true
"""


class _OnFile(NamedTuple):
    """A former account as it stands: whose, at whom, and what a row is compared with."""

    object_id: UUID
    party_id: UUID
    subject_id: UUID
    held_by: UUID
    changed_by: int
    opened_on: date | None
    product: str
    currency: str
    last_period_end: date | None
    last_balance_minor: int | None
    last_status: str | None


class _Sent(NamedTuple):
    """A row of a number that names a former one, or of one that another row of the file does."""

    line_no: int
    number: str
    valid_from: date | None
    furnisher: str | None
    former_number: str | None
    subject_id: UUID | None
    object_id: UUID | None
    held_by: UUID | None

    @property
    def names_itself(self) -> bool:
        """Whether it goes on from its own number and says at whom (else ACC-FORMER-002)."""
        return self.furnisher is not None and self.former_number == self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What stands of one account's terms and events, with who said it."""

    terms: Sequence[fold.Statement]
    events: Sequence[fold.Statement]

    def newest_from(self) -> date:
        """The day the newest terms begin."""
        return _day(self.terms[-1].record["valid_from"])

    @property
    def held_by(self) -> UUID:
        """Whose it is now: whoever said the newest terms."""
        return self.terms[-1].furnisher_id

    def held_until(self, furnisher: UUID) -> date:
        """The day from which it was another's, of one that had it.

        Missing: where no terms of its own stand, as it was all deleted, the others' first day
        """
        own = [no for no, one in enumerate(self.terms) if one.furnisher_id == furnisher]
        after = self.terms[own[-1] + 1 :] if own else self.terms
        return _day(after[0].record["valid_from"]) if after else date.max

    def taken_at(self, furnisher: UUID) -> int:
        """The position of the last terms of anybody else: an older word gave up nothing."""
        return max((one.position for one in self.terms if one.furnisher_id != furnisher), default=0)

    def given_up_on(self, furnisher: UUID) -> date | None:
        """The day its holder says, in terms or by an event, that it was handed over."""
        newest, since = self.terms[-1], self.taken_at(furnisher)
        if newest.record.get("closed_reason") in _GIVEN_UP and newest.record.get("closed_on"):
            return _day(newest.record["closed_on"])
        said = sorted(
            (datetime.fromisoformat(one.record["occurred_at"]), one.record["event_type"])
            for one in self.events
            if one.furnisher_id == furnisher and one.position > since
            and one.record["event_type"] in ("sold", "reopened")
        )  # fmt: skip
        return said[-1][0].date() if said and said[-1][1] == "sold" else None


def _day(text: str) -> date:
    return date.fromisoformat(text)


def told(connection: psycopg.Connection[Any], accounts: Mapping[UUID, UUID]) -> dict[UUID, Told]:
    """What stands of some accounts; those of which no terms stand are left out.

    Takes: party by account
    """
    found: dict[UUID, Told] = {}
    for some in _some(sorted(accounts)):
        by_account: dict[UUID, list[fold.Statement]] = {account: [] for account in some}
        for one in read.statements(
            connection, ("account", "event"), parties={accounts[account] for account in some},
            objects=some,
        ):  # fmt: skip
            by_account[one.object_id].append(one)
        for account, group in by_account.items():
            kept = fold.standing(group)
            terms = fold.terms_in_order(kept, group)
            if terms:
                events = [one for one in kept if one.dataset == "event"]
                found[account] = Told(terms=terms, events=events)
    return found


def _some(accounts: Sequence[UUID]) -> Iterator[list[UUID]]:
    for start in range(0, len(accounts), _BATCH):
        yield list(accounts[start : start + _BATCH])


def given_up(
    connection: psycopg.Connection[Any], accounts: Mapping[UUID, UUID], known: Mapping[UUID, Told]
) -> dict[UUID, date]:
    """By account, the day its holder says it was handed over; without that word it is left out.

    Takes: party by account; `known`: what `told` gave for them
    """
    found: dict[UUID, date] = {}
    for account, one in known.items():
        day = one.given_up_on(one.held_by)
        if day is not None:
            found[account] = day
    rest = [account for account in accounts if account in known and account not in found]
    for account, furnisher, period_end, position in connection.execute(
        _SOLD_MONTHS, {"accounts": rest}
    ):
        one = known[account]
        if furnisher == one.held_by and position > one.taken_at(furnisher):
            found[account] = period_end.replace(day=1)
    return found


#: A month tells only that it was handed over within it.
_SOLD_MONTHS = """
select t.account_id, t.furnisher_id, t.period_end, p.position
from (select distinct on (account_id) * from file.account_now where account_id = any(%(accounts)s)
  order by account_id, subject_id) f
join ledger.snapshot t on t.party_id = f.party_id and t.account_id = f.account_id
  and t.period_end = f.last_period_end and t.status = 'sold'
join ledger.publication p using (chunk_id)
where f.last_status = 'sold' order by p.position
"""


def load_bought(connection: psycopg.Connection[Any], job: Job) -> bool:
    """DuckDB table `bought`: accounts whose newest month is `sold` and that the sender now has.

    Gives: whether there are any
    """
    accounts = dict(
        job.con.execute(
            "select distinct object_id, party_id from account_ref"
            " where last_status = 'sold' and furnisher_id = $own",
            {"own": str(job.furnisher_id)},
        ).fetchall()
    )
    rows = [
        (account,)
        for account, one in told(connection, accounts).items()
        if one.taken_at(job.furnisher_id)
    ]
    if rows:
        job.con.execute("create or replace table bought (object_id uuid)")
        insert_rows(job.con, "bought", rows)
    return bool(rows)


def load_accounts(deps: Deps, connection: psycopg.Connection[Any], job: Job) -> None:
    """DuckDB table `former`: what each account row that goes on under a new number may continue.

    States: `goes_on`; `unknown` (own, not on file yet, or sent in this very file: it is judged
    again when the file is done); `other` (own, not this person's or no longer held); `unproved`
    (another's, and nothing more is said of why); `early`; `late`; `circle` (own, and it goes on
    from this very number, over others or not); NULL where it went on before.
    """
    job.con.execute(_TABLE)
    sent = _sent(job) if job.says("formerly_account_number") else []
    if not sent:
        return
    named: dict[str, _Sent] = {}
    for row in sent:
        if row.former_number is not None:
            named.setdefault(row.number, row)
    asked = [_asked(row, named[row.number]) for row in sent]
    members = dict(connection.execute("select code, member_id from member.member").fetchall())
    places = [(_furnisher(job, members, code), number) for code, number in asked]
    tokens = [deps.keys.number_token(who, "account", number) for who, number in places]
    on_file = _on_file(connection, [who for who, _ in places], tokens)
    circles = former_circles.closed(deps, connection, job, _new(job, sent, places, on_file))
    judge = _Judge(connection, job, on_file.values(), circles)
    rows = []
    for no, row in enumerate(sent):
        one = on_file.get(no)
        state = judge.state(row, one, *places[no])
        # Of what it may not continue, a row learns nothing and the ledger keeps nothing.
        seen = (
            one if one and (state in ("goes_on", None) or judge.is_own_late(state, one)) else None
        )
        rows.append(
            (row.line_no, state, *((seen.object_id, seen.party_id, seen.changed_by) if seen
             else (None,) * 3), tokens[no].hex(), *(seen[5:] if seen else (None,) * 6))
        )  # fmt: skip
    insert_rows(job.con, "former", rows)


def _sent(job: Job) -> list[_Sent]:
    person = dict(SHAPES["account"].references)["person"]
    return [
        _Sent(*row)
        for row in job.con.execute(
            "select r.line_no, r.account_number, r.valid_from, r.formerly_furnisher,"
            " r.formerly_account_number, p.subject_id, a.object_id, a.furnisher_id"
            ' from "row" r left join account_state a on a.number = r.account_number'
            f" left join person_ref p on p.number = {person} where r.account_number in"
            ' (select account_number from "row" where formerly_account_number is not null)'
            " order by r.line_no"
        ).fetchall()
    ]


def _new(
    job: Job,
    sent: Sequence[_Sent],
    places: Sequence[tuple[UUID, str]],
    on_file: Collection[int],
) -> list[tuple[str, str]]:
    """Of what may close a circle, each number and its former one: own, and neither on file."""
    return [
        (row.number, number)
        for no, (row, (who, number)) in enumerate(zip(sent, places, strict=True))
        if who == job.furnisher_id
        and row.object_id is None
        and no not in on_file
        and (number != row.number or row.names_itself)
    ]


def _asked(row: _Sent, named: _Sent) -> tuple[str | None, str]:
    """What a row continues: what it names, else what another row of its number does."""
    said = row if row.former_number is not None else named
    return said.furnisher, said.former_number or ""


def _furnisher(job: Job, members: Mapping[str, UUID], code: str | None) -> UUID:
    return job.furnisher_id if code is None else members.get(code, _NOBODY)


def _on_file(
    connection: psycopg.Connection[Any], furnishers: Sequence[UUID], tokens: Sequence[bytes]
) -> dict[int, _OnFile]:
    rows = connection.execute(_ON_FILE, {"furnishers": list(furnishers), "tokens": list(tokens)})
    return {no: _OnFile(*values) for no, *values in rows}


class _Judge:
    """The states of one file's rows."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        job: Job,
        on_file: Collection[_OnFile],
        circles: Collection[str],
    ):
        self._own = job.furnisher_id
        self._circles = circles
        accounts = {one.object_id: one.party_id for one in on_file}
        self._told = told(connection, accounts)
        self._given_up = given_up(connection, accounts, self._told)
        self._claimed: dict[UUID, str] = {}
        self._numbers = {
            number for (number,) in job.con.execute('select account_number from "row"').fetchall()
        }

    def state(self, row: _Sent, one: _OnFile | None, who: UUID, number: str) -> str | None:
        """One row's state. Missing: NULL too while its person is not known, for whom it waits."""
        if who == self._own and (row.number in self._circles or row.names_itself):
            return "circle"
        if row.subject_id is None:
            return None
        if row.object_id is not None and row.held_by in (self._own, None):
            return None if one is not None and one.object_id == row.object_id else "late"
        if one is not None and row.object_id == one.object_id and self._went_on(row, one, who):
            return None
        if who == self._own:
            if one is None or number in self._numbers:
                return "unknown"
            if one.subject_id != row.subject_id or one.held_by != self._own:
                return "other"
            first_day = self._told[one.object_id].newest_from() + timedelta(days=1)
        else:
            handed_over = None if one is None else self._given_up.get(one.object_id)
            if (
                one is None or handed_over is None
                or one.subject_id != row.subject_id or one.held_by != who
            ):  # fmt: skip
                return "unproved"
            first_day = max(handed_over, self._told[one.object_id].newest_from())
        if row.valid_from is None or row.valid_from < first_day:
            return "early"
        if self._claimed.setdefault(one.object_id, row.number) != row.number:
            return "unknown" if who == self._own else "unproved"
        return "goes_on"

    def _went_on(self, row: _Sent, one: _OnFile, who: UUID) -> bool:
        """Whether the sender's terms went on from there before the account was another's again.

        Where it came back to whom they name, only a day of its own says the same once more.
        """
        known = self._told.get(one.object_id)
        terms = () if known is None else known.terms
        own = [said.record for said in terms if said.furnisher_id == self._own]
        is_said = any(
            record.get("formerly_account_id")
            and record.get("formerly_furnisher_id", str(self._own)) == str(who)
            for record in own
        )
        days = {_day(record["valid_from"]) for record in own}
        return is_said and (one.held_by != who or row.valid_from in days)

    def is_own_late(self, state: str | None, one: _OnFile) -> bool:
        """Whether a row that comes too late to go on names an account of its sender's."""
        return state == "late" and one.held_by == self._own


def load_persons(deps: Deps, connection: psycopg.Connection[Any], job: Job) -> None:
    """DuckDB table `former`: by line `unknown` or `other`, where a former person number is named.

    Whose a new number is, is decided by identity (`service/settle.py`); the former one only speaks
    for it. A number sent in the same file is known.
    """
    job.con.execute("create or replace table former (line_no bigint, state varchar)")
    if not job.says("formerly_person_number"):
        return
    sent = job.con.execute(
        "select r.line_no, r.formerly_person_number, p.subject_id, r.identifier_scheme,"
        ' r.identifier_number from "row" r left join person_ref p on p.number ='
        f" {dict(SHAPES['subject'].references)['person']}"
        " where r.formerly_person_number is not null"
        ' and r.formerly_person_number not in (select person_number from "row"'
        " where person_number is not null) order by r.line_no"
    ).fetchall()
    if not sent:
        return
    subjects = _subjects_of_numbers(deps, connection, job, [row[1] for row in sent])
    tokens = [
        deps.keys.identity_token(row[3], row[4]) if row[3] and row[4] else None for row in sent
    ]
    named = led_to(deps, connection, [one for one in tokens if one is not None])
    rows = []
    for (line_no, number, subject, *_), token in zip(sent, tokens, strict=True):
        whose = {subject} if subject else named.get(token or b"", set())
        former = subjects.get(number)
        if former is None or (whose and former not in whose):
            rows.append((line_no, "unknown" if former is None else "other"))
    if rows:
        insert_rows(job.con, "former", rows)


def _subjects_of_numbers(
    deps: Deps, connection: psycopg.Connection[Any], job: Job, numbers: Iterable[str]
) -> dict[str, UUID]:
    """The subject of each of the furnisher's own person numbers that is on file."""
    token_of = {
        deps.keys.number_token(job.furnisher_id, "person", f"p{HOLDER}{number}"): number
        for number in set(numbers)
    }
    rows = connection.execute(
        "select person_token, subject_id from directory.party"
        " join directory.party_subject using (party_id)"
        " where furnisher_id = %s and person_token = any(%s)",
        (job.furnisher_id, list(token_of)),
    )
    return {token_of[bytes(token)]: subject for token, subject in rows}


def woken(connection: psycopg.Connection[Any], submission_id: UUID) -> list[tuple[Any, ...]]:
    """Rows that wait for an account of this submission's furnisher, and need wait no longer.

    Its own rows wake once the account is on file, others' once its word is; and so do rows of the
    submission itself, whosever account they wait for. Columns as `pending` reads them.
    """
    found = connection.execute(_WOKEN, {"submission": submission_id}).fetchall()
    accounts = {row[5]: row[6] for row in found if row[7] != row[2]}
    words = given_up(connection, accounts, told(connection, accounts)) if accounts else {}
    return [row[:5] for row in found if row[7] == row[2] or row[5] in words]


_WOKEN = """
select p.pending_id, p.submission_id, p.furnisher_id, p.dataset, p.line_no,
  o.object_id, o.party_id, o.furnisher_id
from (
  select s.furnisher_id as had_by, m.member_id as sent_by, null::uuid as sent_in
  from intake.submission s cross join member.member m
  where s.submission_id = %(submission)s and s.channel <> 'pending'
    and s.dataset in ('subject', 'account', 'event', 'snapshot', 'correction')
  union all
  select m.member_id, s.furnisher_id, s.submission_id
  from intake.submission s cross join member.member m
  where s.submission_id = %(submission)s and s.channel <> 'pending'
    and s.dataset in ('account', 'correction') and m.member_id <> s.furnisher_id
) w
join intake.pending p on p.furnisher_id = w.sent_by and p.waits_kind = 'former'
  and (w.sent_in is null or p.submission_id = w.sent_in)
join directory.object o on o.furnisher_id = w.had_by and o.kind = 'account'
  and o.number_token = p.waits_token
where exists (select from file.account f where f.account_id = o.object_id)
  and not exists (select 1 from intake.pending_outcome q where q.pending_id = p.pending_id)
order by p.dataset, p.submission_id, p.line_no
"""
