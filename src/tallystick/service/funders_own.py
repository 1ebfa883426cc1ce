"""A funder's own record of a loan it funds, which does not cite the loan: is the debt there twice?

Never merged by itself: a case is opened for a person to judge, where one person's file holds the
loan and an account of a funder's that looks like it. It is looked for whenever accounts or
fundings come, under the lock of the file they come to, so whichever comes last finds the others.
The funder is told by a rule where the loan's originator names it; the originator is told nothing.

Source: spine 4, 8
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import psycopg

from tallystick.errors import BadRequest
from tallystick.furnish import start_of
from tallystick.service import intake_store
from tallystick.service.funding_sums import REVOLVING
from tallystick.service.port import Deps
from tallystick.service.read_file import gone_parties
from tallystick.service.references import Job

#: The datasets whose records may make two accounts look like one loan.
DATASETS = ("account", "account_party", "funding")
RULE = "ACC-FUND-003"
#: The kind of the case; its evidence names the loan's account and the funder's own, in this order.
KIND = "co_funded_twin"
#: The finding's place: behind all that judging finds of the row (`register_rows`, `refused_rows`).
_ORDER = intake_store.JUDGED_AGAIN - 3
_PPB = 10**9


class _Account(NamedTuple):
    account_id: UUID
    party_id: UUID
    furnisher_id: UUID
    product: str
    currency: str
    principal_minor: int | None
    credit_limit_minor: int | None
    terms: str

    @property
    def held_by(self) -> tuple[str, str]:
        """Whose account it is, and who says so."""
        return str(self.party_id), str(self.furnisher_id)

    @property
    def whole_minor(self) -> int | None:
        """What there is to fund: the limit of revolving credit, else the amount lent."""
        return self.credit_limit_minor if self.product in REVOLVING else self.principal_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A loan, and an account of one of its funders that looks like it.

    `is_named`: the originator says that the funder funds the loan. `agreements` and
    `disagreements` are names of fields.
    """

    loan: _Account
    own: _Account
    is_named: bool
    agreements: tuple[str, ...]
    disagreements: tuple[str, ...]

    @property
    def accounts(self) -> frozenset[str]:
        """The two accounts' ids, as a case's evidence has them."""
        return frozenset((str(self.loan.account_id), str(self.own.account_id)))


_COLUMNS = ("account_id", "party_id", "furnisher_id", "product", "currency", "principal_minor",
            "credit_limit_minor", "terms")  # fmt: skip
#: Who guarantees a loan, or may use it, has no debt that could count twice. The opening day is the
#: same day: a day apart would pair each loan of somebody who borrows the same sum daily with her
#: loans of the day before. That a funder may be named is asked of the text, which is cheap.
_ALIKE = f"""
select {", ".join(f"a.{name}" for name in _COLUMNS)}, {", ".join(f"b.{name}" for name in _COLUMNS)}
from file.account a join file.account b using (subject_id)
where a.account_id = any(%s) and b.furnisher_id <> a.furnisher_id
  and b.opened_on = a.opened_on and b.currency = a.currency
  and a.role in ('borrower', 'co_borrower') and b.role in ('borrower', 'co_borrower')
  and (position(b.furnisher_id::text in a.terms) > 0
    or position(a.furnisher_id::text in b.terms) > 0)
order by a.account_id, b.account_id
"""


def open_cases(
    deps: Deps, connection: psycopg.Connection[Any], accounts: Collection[UUID], now: datetime
) -> list[Pair]:
    """Open a case about each pair that one of the accounts is part of, unless it had one.

    Takes: `connection`: in the transaction that brought their files up to date, which are locked
    Gives: the pairs, whether or not they have a case already
    """
    if not accounts:
        return []
    pairs = _pairs(connection, accounts)
    if pairs:
        known = _known(connection, pairs.values())
        for names, one in pairs.items():
            if names not in known:
                _open(connection, deps.new_id(), one, now)
    return list(pairs.values())


def tell(
    connection: psycopg.Connection[Any],
    job: Job,
    pairs: Collection[Pair],
    *,
    lines: Mapping[UUID, int],
) -> None:
    """Warn the job's furnisher of its own records that look like loans it is known to fund.

    Takes: `lines`: by account, the line of the job's row about it
    """
    told = {
        lines[one.own.account_id]
        for one in pairs
        if one.is_named and one.own.furnisher_id == job.furnisher_id
        and one.own.account_id in lines
    }  # fmt: skip
    found = [
        (
            line_no * intake_store.FINDINGS_PER_LINE + _ORDER,
            intake_store.FindingRow(
                line_no=line_no, column_no=None, byte_offset=start_of(job.con, line_no), field=None,
                rule_id=RULE, severity="warn", seen=None, other_line_no=None,
            ),
        )
        for line_no in sorted(told)
    ]  # fmt: skip
    if found:
        intake_store.insert_findings(connection, job.submission_id, None, found)


def _pairs(
    connection: psycopg.Connection[Any], accounts: Collection[UUID]
) -> dict[frozenset[str], Pair]:
    """The pairs by their accounts; each once, in how many files it may stand."""
    found: dict[frozenset[str], Pair] = {}
    for row in connection.execute(_ALIKE, (list(accounts),)):
        one, other = _Account(*row[: len(_COLUMNS)]), _Account(*row[len(_COLUMNS) :])
        for loan, own in ((one, other), (other, one)):
            pair = _pair(loan, own)
            if pair is not None:
                found.setdefault(pair.accounts, pair)
    gone = _gone(connection, found.values()) if found else set()
    return {
        names: one for names, one in found.items() if not {one.loan.held_by, one.own.held_by} & gone
    }


def _gone(connection: psycopg.Connection[Any], pairs: Collection[Pair]) -> set[tuple[str, str]]:
    """(party, furnisher) of whom every record is deleted, and with them their accounts."""
    named = list({one.loan.account_id for one in pairs})
    rows = connection.execute(
        "select distinct s.document from file.subject s join file.account a using (subject_id)"
        " where a.account_id = any(%s)",
        (named,),
    )
    return {one for (document,) in rows for one in gone_parties(orjson.loads(document))}


def _pair(loan: _Account, own: _Account) -> Pair | None:
    """The pair the two are, where the owner of one funds the other and its amount is alike."""
    funder = str(own.furnisher_id)
    if (loan.product in REVOLVING) != (own.product in REVOLVING):
        return None  # a limit and an amount lent are not the same amount
    fundings = [
        one
        for one in orjson.loads(loan.terms)["fundings"]
        if one["funder_id"] == funder and one["role"] == "funder"
    ]
    amount = next(_amounts_alike(loan, own, fundings), None)
    if amount is None:
        return None
    same_product = loan.product == own.product
    return Pair(
        loan=loan,
        own=own,
        is_named=any(one["stated_by"] != funder for one in fundings),
        agreements=("opened_on", "currency", amount, *(["product"] if same_product else [])),
        disagreements=() if same_product else ("product",),
    )


def _amounts_alike(
    loan: _Account, own: _Account, fundings: Collection[Mapping[str, Any]]
) -> Iterator[str]:
    """In what the amounts agree: the funder's part (to a minor unit), or the whole loan."""
    whole, amount = loan.whole_minor, own.whole_minor
    if not whole or not amount:
        return
    for one in fundings:
        if one.get("currency") == loan.currency and "funded_amount_minor" in one:
            is_part = one["funded_amount_minor"] == amount
        else:
            share = one.get("share_ppb", 0)
            is_part = bool(share) and abs(amount * _PPB - share * whole) <= _PPB
        if is_part:
            yield "funded_part"
    if fundings and amount == whole:
        yield "whole_amount"


def _known(connection: psycopg.Connection[Any], pairs: Collection[Pair]) -> set[frozenset[str]]:
    """The accounts of the pairs that have a case, whatever became of it."""
    parties = {party for one in pairs for party in (one.loan.party_id, one.own.party_id)}
    rows = connection.execute(
        "select evidence from identity.case_file where kind = %s and party_id = any(%s)",
        (KIND, list(parties)),
    )
    return {frozenset(orjson.loads(evidence)["accounts"]) for (evidence,) in rows}


def _open(connection: psycopg.Connection[Any], case_id: UUID, pair: Pair, now: datetime) -> None:
    evidence = {
        "accounts": [str(pair.loan.account_id), str(pair.own.account_id)],
        "agreements": pair.agreements,
        "disagreements": pair.disagreements,
    }
    connection.execute(
        "insert into identity.case_file (case_id, kind, party_id, evidence, opened_at)"
        " values (%s, %s, %s, %s, %s)",
        (case_id, KIND, pair.own.party_id, orjson.dumps(evidence).decode(), now),
    )


def dismiss(deps: Deps, case_id: UUID, by: str) -> None:
    """Decide that the two accounts of a case are two loans; the pair never comes up again.

    Raises: BadRequest `not_found` for an unknown case; `conflict` for one that is answered, or is
            about a person, which linking or unlinking decides
    """
    with deps.database.connect("intake") as connection:
        case = connection.execute(
            "select c.kind, exists (select from identity.case_event e"
            "  where e.case_id = c.case_id) from identity.case_file c where c.case_id = %s",
            (case_id,),
        ).fetchone()
        if case is None:
            raise BadRequest("not_found", "no case on file has this id")
        kind, is_answered = case
        if kind != KIND:
            raise BadRequest("conflict", "the case is about a person: link or unlink the party")
        if is_answered or not _put_away(connection, deps, case_id, by):
            raise BadRequest("conflict", "the case was decided before")


def _put_away(connection: psycopg.Connection[Any], deps: Deps, case_id: UUID, by: str) -> bool:
    """Whether the decision is the case's first one: somebody else may take it just now."""
    written = connection.execute(
        "insert into identity.case_event (case_id, event_no, event, happened_at, acted_by)"
        " values (%s, 1, 'dismissed', %s, %s) on conflict do nothing",
        (case_id, deps.clock(), by),
    )
    return written.rowcount == 1
