"""The main job on real months: every row accounted for, reports as recomputed, the past kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest
from loaded import PURPOSE, Loaded, Look, body_of
from recomputed import account_block, differing, identity, skipped_buckets, summary, withheld
from tradelines import LATE, Account, read_truth, snapshot_rows

from tallystick.errors import BadRequest
from tallystick.formats import record_digest
from tallystick.service import identity as identities
from tallystick.service import log, replay, verify
from tallystick.service.submissions import findings

ACCOUNTS, MONTHS = 7_451, 156_956
SAMPLED = 200


def clusters(subject_of: Mapping[str, UUID]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = defaultdict(list)
    for number in sorted(subject_of):
        found[subject_of[number]].append(number)
    return found


def sampled(bureau: Loaded) -> list[tuple[UUID, list[Account]]]:
    """The same persons in every run: drawn from clusters ordered by their first account."""
    groups = sorted(clusters(bureau.subject_of()).items(), key=lambda group: group[1][0])
    return [
        (subject, [bureau.accounts[number] for number in numbers])
        for subject, numbers in Random(20250115).sample(groups, SAMPLED)
    ]


def test_every_row_is_accepted_with_exactly_the_faults_that_are_there(loaded: Loaded) -> None:
    sent, accepted, others, found = Counter(), Counter(), 0, Counter()
    for (dataset, _), view in loaded.views.items():
        sent[dataset] += view.sent
        accepted[dataset] += view.accepted
        others += view.unchanged + view.rejected + view.pending
        for rule in view.by_rule:
            found[dataset, rule.rule_id, rule.severity] += rule.count

    assert sent == accepted == {"subject": ACCOUNTS, "account": ACCOUNTS, "snapshot": MONTHS}
    assert others == 0
    assert found == {
        ("subject", "FMT-CELL-011", "warn"): 38,
        ("snapshot", "SNP-MONTH-001", "warn"): 35,
    }


def test_skipped_buckets_are_told_at_their_lines(
    loaded: Loaded, files: dict[tuple[str, str], Path]
) -> None:
    told: Counter[str] = Counter()
    for (dataset, lender), view in loaded.views.items():
        if dataset == "snapshot":
            lines = files[dataset, lender].read_text().splitlines()
            for one in findings(loaded.deps, loaded.members[lender], view.submission_id):
                assert one.line_no is not None
                told[lines[one.line_no - 1].split(",")[0]] += 1

    assert told == Counter(skipped_buckets(loaded.accounts.values()))
    assert len(told) == 31


def test_the_ledger_keeps_all_months_and_the_file_the_last_sixty(loaded: Loaded) -> None:
    assert loaded.rows("select count(*) from ledger.snapshot") == [(MONTHS,)]
    kept = loaded.rows(
        "select s.account_id, count(*), max(length(f.months)) / 21 from ledger.snapshot s"
        " join file.account_now f using (account_id) group by 1 having count(*) > 60"
    )
    assert Counter((count, months) for _, count, months in kept) == {(61, 60): 31}


def test_clusters_beside_the_truth(loaded: Loaded) -> None:
    decided, true = (_pairs(one) for one in (loaded.subject_of(), read_truth()))

    assert len(decided & true) / len(decided) >= 0.999
    assert len(decided & true) / len(true) >= 0.90


def _pairs(owner: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {pair for group in clusters(owner).values() for pair in combinations(group, 2)}


def test_two_hundred_reports_are_as_recomputed_from_the_raw_rows(loaded: Loaded) -> None:
    people = sampled(loaded)
    lenders = sorted(loaded.members)
    for number, (subject, accounts) in enumerate(people):
        lender = lenders[number % len(lenders)]
        answer = loaded.ask(next(one for one in accounts if one.has_name), lender)
        if answer.body is None:
            assert shares_a_number(loaded, subject, accounts)
            continue
        assert loaded.looks[-1].subject_id == subject
        shown = body_of(answer)
        assert differing(shown["summary"], summary(accounts)) == []
        assert shown_accounts(shown) == expected_accounts(accounts, seen_by=lender)
        assert shown["header"]["withheld"] == withheld(accounts)
    loaded.number_looks()
    for subject, accounts in people:
        check_own_report(loaded, subject, accounts)
    loaded.number_looks()


def shares_a_number(bureau: Loaded, subject: UUID, accounts: Iterable[Account]) -> bool:
    """Whether others are under one of her numbers, so that an inquiry may find several."""
    numbers = {account.person["soc_sec_id"] for account in accounts}
    owners = bureau.subject_of()
    return any(
        one.person["soc_sec_id"] in numbers and owners[one.number] != subject
        for one in bureau.accounts.values()
    )


def check_own_report(
    bureau: Loaded, subject: UUID, accounts: list[Account], *, before: Iterable[Look] = ()
) -> None:
    """Compare a person's own report; `before` are looks at her while she was thought another."""
    numbers = {account.person["soc_sec_id"] for account in accounts}
    looks = [*before, *bureau.looks_at(subject, numbers)]
    shown = body_of(bureau.own(subject))

    assert differing(shown["summary"], summary(accounts)) == []
    assert shown_accounts(shown) == expected_accounts(accounts, seen_by=None)
    assert sorted(
        (orjson.dumps([one["furnisher"]["code"], one["reported"]], option=orjson.OPT_SORT_KEYS))
        for one in shown["identity"]
    ) == sorted(
        orjson.dumps([one.lender, identity(one)], option=orjson.OPT_SORT_KEYS) for one in accounts
    )
    assert Counter(
        (one["member"] and one["member"]["code"], one["permit"], one["purpose"], one["outcome"])
        for one in shown["looks"]
    ) == Counter((one.member, one.permit, one.purpose, one.outcome) for one in looks)
    asked = sum(one.purpose == PURPOSE and one.outcome == "hit" for one in looks)
    assert [
        (line["purpose"], {window["inquiries"] for window in line["windows"]})
        for line in shown["inquiries"]
    ] == ([(PURPOSE, {asked})] if asked else [])
    for block in ("agreements", "guarantees", "payments", "consents", "remarks"):
        assert shown[block] == []


def shown_accounts(shown: dict[str, Any]) -> list[bytes]:
    """The accounts of a report in an order of their own, ids taken out."""
    return sorted(
        orjson.dumps(
            {
                **{name: value for name, value in one.items() if name != "account_id"},
                "furnisher": one["furnisher"].get("code"),
            },
            option=orjson.OPT_SORT_KEYS,
        )
        for one in shown["accounts"]
    )


def expected_accounts(accounts: Iterable[Account], *, seen_by: str | None) -> list[bytes]:
    """The same from the raw rows; a lender sees number and furnisher of its own only."""
    found = []
    for account in accounts:
        block = {**account_block(account), "furnisher": None}
        if seen_by in (None, account.lender):
            block |= {"furnisher": account.lender, "account_number": account.number}
        found.append(orjson.dumps(block, option=orjson.OPT_SORT_KEYS))
    return sorted(found)


def test_sent_again_everything_is_unchanged(
    loaded: Loaded, files: dict[tuple[str, str], Path]
) -> None:
    position = loaded.rows("select position from ledger.counter")
    for (dataset, lender), path in files.items():
        view = loaded.send(path, dataset, lender, again=True)
        assert (view.sent, view.unchanged) == (loaded.views[dataset, lender].sent, view.sent)

    assert loaded.rows("select position from ledger.counter") == position


def test_the_past_stays_when_a_lender_corrects_and_a_link_is_undone(
    loaded: Loaded, tmp_path: Path
) -> None:
    people = sampled(loaded)
    for subject, _ in people:
        if not any(one.subject_id == subject for one in loaded.looks):
            loaded.own(subject)
    loaded.number_looks()
    given = dict(loaded.bodies)

    corrected = correct(loaded, [one for _, group in people for one in group], tmp_path)
    subject, group = next(group for group in people if len(group[1]) > 3)
    before = loaded.looks_at(subject, ())
    parted, rest = group[0], (subject, [corrected.get(one.number, one) for one in group[1:]])
    part(loaded, parted, rest)
    touched = [
        (subject, [corrected.get(one.number, one) for one in group])
        for subject, group in people
        if any(one.number in corrected for one in group) and parted not in group
    ]
    for subject, accounts in (*touched, rest):
        check_own_report(loaded, subject, accounts)
    check_own_report(
        loaded,
        loaded.subject_of()[parted.number],
        [corrected.get(parted.number, parted)],
        before=before,
    )
    given |= loaded.bodies

    assert same(loaded, given, fold=False)
    assert verify.ledger_verify(loaded.deps).first is None
    throw_away(loaded)
    assert same(loaded, given, fold=True)
    with pytest.raises(BadRequest):
        loaded.run(replay.replay(loaded.deps, next(iter(given)), fold=False))

    verify.ledger_rebuild(loaded.deps)
    assert verify.ledger_verify(loaded.deps, sample=SAMPLED).first is None
    loaded.number_looks()
    assert log.log_verify(loaded.deps).ok
    subject, accounts = touched[0]
    check_own_report(loaded, subject, accounts)


def correct(bureau: Loaded, accounts: list[Account], folder: Path) -> dict[str, Account]:
    """One lender says that late months of these accounts were none, however old they are."""
    late = Counter(
        one.lender for one in accounts for bucket in one.months.values() if bucket in LATE
    )
    lender = late.most_common(1)[0][0]
    path, mended = folder / "corrections.ndjson", {}
    with path.open("wb") as target:
        for account in accounts:
            if account.lender != lender or not LATE & set(account.months.values()):
                continue
            months = {day: "0" if was in LATE else was for day, was in account.months.items()}
            mended[account.number] = replace(account, months=months)
            for was, row in zip(
                snapshot_rows(account), snapshot_rows(mended[account.number]), strict=True
            ):
                if account.months[date.fromisoformat(row["period_end"])] in LATE:
                    target.write(_correction(row, was))
    view = bureau.send(path, "correction", lender)

    assert (view.sent, view.accepted) == (late[lender], late[lender])
    return mended


def _correction(row: Mapping[str, str], was: Mapping[str, str]) -> bytes:
    line = {
        "record_dataset": "snapshot",
        "record": _record(row),
        "replaces_digest": record_digest("snapshot", _record(was)),
        "reason": "furnisher_error",
    }
    return orjson.dumps(line) + b"\n"


def _record(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: {"absent": value.removeprefix("absent:")} if value.startswith("absent:") else value
        for name, value in row.items()
        if value
    }


def part(bureau: Loaded, account: Account, rest: tuple[UUID, list[Account]]) -> None:
    """Undo the link of one account's person; the others stay whose they were."""
    bureau.clock.advance(timedelta(seconds=1))
    identities.unlink(bureau.deps, bureau.party_of(account), by="operator")
    owners = bureau.subject_of()

    assert owners[account.number] != rest[0]
    assert {owners[one.number] for one in rest[1]} == {rest[0]}


def same(bureau: Loaded, given: Mapping[UUID, bytes], *, fold: bool) -> bool:
    return all(
        bureau.run(replay.replay(bureau.deps, look_id, fold=fold)) == body
        for look_id, body in given.items()
    )


def throw_away(bureau: Loaded) -> None:
    """All that can be made anew, and the kept bodies."""
    with psycopg.connect(bureau.database.url) as connection:
        connection.execute("truncate file.account, file.subject")
        connection.execute("delete from log.body")
