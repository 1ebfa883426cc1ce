"""A row that cannot be read says nothing: the next one of its key is not held against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.entry.cli.offline import check_file
from tallystick.furnish import stage_few
from tallystick.service import process_rows
from tallystick.service.members import Member, member_by_code
from tallystick.service.submissions import findings

template = beginning(lambda bureau: factory.two_accounts_beside_another(bureau.deps))
AMOUNT, CODE, UNKNOWN = "FMT-CELL-012", "FMT-CELL-008", "FMT-ROW-010"
SAME, DIFFERS = "ANY-DUP-001", "ANY-DUP-002"
#: What is sent one after another, each as what it changes of a sound month; what each is told.
UNREAD, OTHER = {"balance": "nine"}, {"balance": "1.00"}
FILES: list[tuple[list[dict[str, Any]], list[tuple[int, str, int | None]]]] = [
    ([UNREAD, {}], [(1, AMOUNT, None)]),
    ([{"colour": "red"}, {}], [(1, UNKNOWN, None)]),
    ([{"bucket": "Z"}, UNREAD, {}], [(1, CODE, None), (2, AMOUNT, None)]),
    ([UNREAD, {}, {}], [(1, AMOUNT, None), (3, SAME, 2)]),
    ([UNREAD, {}, OTHER], [(1, AMOUNT, None), (3, DIFFERS, 2)]),
    ([{}, UNREAD], [(2, AMOUNT, None)]),
    ([{}, UNREAD, {}], [(2, AMOUNT, None), (3, SAME, 1)]),
    ([{}, UNREAD, OTHER], [(2, AMOUNT, None), (3, DIFFERS, 1)]),
    # What can be read speaks, whatever is wrong with what it says.
    ([OTHER, {}], [(2, DIFFERS, 1)]),
    ([{"period_end": "2024-12-31", "balance": "0", "status": "closed"}, {}],
     [(1, "SNP-STATUS-002", None), (2, DIFFERS, 1)]),
    ([{}, {}], [(2, SAME, 1)]),
]  # fmt: skip


def bank(bureau: Any) -> Member:
    found = member_by_code(bureau.deps, "bank1")
    assert found is not None
    return found


def places(found: Any) -> list[tuple[Any, ...]]:
    return sorted((one.line_no, one.rule_id, one.other_line_no) for one in found)


@pytest.mark.parametrize(("changes", "expected"), FILES)
@pytest.mark.parametrize(("scan_from", "few"), [(process_rows.SCAN_FROM, 600), (1, -1)])
def test_only_rows_that_can_be_read_are_held_against_each_other(
    bureau: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: Any, expected: Any,
    scan_from: int, few: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(process_rows, "SCAN_FROM", scan_from)
    monkeypatch.setattr(stage_few, "MOST_RECORDS", few)
    sent = [factory.snapshot(1, "2024-12", **change) for change in changes]
    view = factory.send_again(bureau.deps, bank(bureau), "snapshot", *sent)
    assert places(findings(bureau.deps, bank(bureau), view.submission_id)) == expected
    rejected = {line for line, rule, _ in expected if rule != SAME}
    same = {line for line, rule, _ in expected if rule == SAME}
    assert factory.counts(view) == (
        len(sent) - len(rejected) - len(same), len(same), len(rejected), 0,
    )  # fmt: skip
    file = tmp_path / "sent.ndjson"
    file.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in sent))
    checked = check_file(file, dataset="snapshot", profile_id="zz", progress=lambda *_: None)
    assert places(checked.findings) == expected


@pytest.mark.parametrize(
    ("dataset", "sound", "change", "rule"),
    [
        ("subject", factory.subject(3), {"identifier_scheme": "stars"}, CODE),
        ("account", factory.account(3, 1), {"currency": "RMB"}, CODE),
        ("account_party", factory.account_party(1, 2), {"valid_to": "soon"}, "FMT-CELL-009"),
        ("funding", factory.funding(1, "bank2", "0.5"), {"share": "50 %"}, "FMT-CELL-017"),
        ("payment", factory.PAYMENT, {"amount_due": "ten"}, AMOUNT),
        ("remark", factory.REMARK, {"valid_to": "soon"}, "FMT-CELL-009"),
        ("member", {"member": "bank1", "member_class": "commercial_bank", "currency": "CNY",
                    "valid_from": "2024-01-01", "total_loans": "1"}, {"total_loans": "x"}, AMOUNT),
    ],
)  # fmt: skip
def test_each_dataset_takes_the_row_that_can_be_read(
    bureau: Any, dataset: str, sound: Any, change: Any, rule: str
) -> None:
    view = factory.send(bureau.deps, bank(bureau), dataset, {**sound, **change}, sound)
    assert factory.counts(view) == (1, 0, 1, 0)
    assert {one for one in factory.rules(view) if one.startswith(("FMT", "ANY-DUP"))} == {rule}


HOLDER = {"person_number": None, "account_number": "A1", "role": "borrower", "holder_no": "1"}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"holder_no": "100"}, "FMT-CELL-016"),
        ({"holder_no": "0"}, "FMT-CELL-016"),
        ({"holder_no": "one"}, "FMT-CELL-015"),
        ({"role": "debtor"}, CODE),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_holder_that_cannot_be_read_is_not_taken_for_the_first_borrower(
    bureau: Any, change: Any, rule: str, is_first: bool
) -> None:
    sound = {**factory.subject(4), **HOLDER}
    del sound["person_number"]
    rows = [{**sound, **change}, sound]
    view = factory.send(bureau.deps, bank(bureau), "subject", *(rows if is_first else rows[::-1]))
    assert factory.told(view) == ((1, 0, 1, 0), {rule})


@pytest.mark.parametrize("twin", [{"valid_to": "soon"}, {"valid_to": "2024-05-31", "colour": "x"}])
@pytest.mark.parametrize("is_first", [True, False])
def test_an_end_that_cannot_be_read_keeps_nobody_from_the_place(
    bureau: Any, twin: Any, is_first: bool
) -> None:
    factory.send(bureau.deps, bank(bureau), "subject", factory.subject(3), factory.subject(4))
    before = factory.account_party(1, 3, **twin)
    after = factory.account_party(1, 4, valid_from="2024-06-01")
    rows = [before, after] if is_first else [after, before]
    view = factory.send_again(bureau.deps, bank(bureau), "account_party", *rows)
    rule = UNKNOWN if "colour" in twin else "FMT-CELL-009"
    assert factory.told(view) == ((1, 0, 1, 0), {rule})


def test_a_consent_after_one_that_cannot_be_read_is_taken(bureau: Any) -> None:
    sound = factory.consent_record(bureau.deps, bank(bureau), 1)
    unread = {**sound, "identifier_scheme": "stars"}
    told = factory.told(factory.send(bureau.deps, bank(bureau), "consent", unread, sound))
    assert told == ((1, 0, 1, 0), {CODE})


def test_a_correction_after_one_whose_record_cannot_be_read_is_taken(bureau: Any) -> None:
    month = factory.snapshot(1, "2024-12")
    factory.send(bureau.deps, bank(bureau), "snapshot", month)
    sent = [
        factory.correction("snapshot", {**month, **change}, replaces=month)
        for change in (UNREAD, OTHER)
    ]
    told = factory.told(factory.send(bureau.deps, bank(bureau), "correction", *sent))
    assert told == ((1, 0, 1, 0), {AMOUNT})


LATE = {
    "bucket": "3", "first_delinquency_on": "2024-10-22", "days_past_due": "70",
    "amount_past_due": "100.00", "notice_sent_on": "2024-11-15",
}  # fmt: skip


@pytest.mark.parametrize(
    ("twin", "place"),
    [
        ({"balance": "nine"}, 0),
        ({"balance": "nine"}, 1),
        ({"balance": "nine"}, 2),
        ({"balance": "nine"}, 3),
        ({"bucket": "0", "status": "closed", "balance": "0"}, 2),
        ({"bucket": "0", "status": "closed", "balance": "0"}, 3),
        ({}, 2),
    ],
)
def test_a_month_is_compared_with_the_month_before_and_not_with_its_twin(
    bureau: Any, twin: Any, place: int
) -> None:
    def sent(number: int) -> list[dict[str, Any]]:
        later = {**LATE, "bucket": "5", "days_past_due": "130"}
        months = {"2024-11": {}, "2024-12": LATE, "2025-01": later}
        return [factory.snapshot(number, month, **changes) for month, changes in months.items()]

    def told(records: Any, but: int | None = None) -> list[tuple[str, str]]:
        view = factory.send(bureau.deps, bank(bureau), "snapshot", *records)
        found = findings(bureau.deps, bank(bureau), view.submission_id)
        return sorted(
            (records[one.line_no - 1]["period_end"], one.rule_id)
            for one in found
            if one.line_no is not None and one.line_no - 1 != but
        )

    alone = told(sent(1))
    assert {("2024-12-31", "SNP-MONTH-001"), ("2025-01-31", "SNP-MONTH-001")} <= set(alone)
    records = sent(2)
    records.insert(place, {**records[1], **twin})
    assert told(records, but=place) == alone
