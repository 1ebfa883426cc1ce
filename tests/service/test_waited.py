"""What became of a row that waited stands in the submission it was sent with, line by line."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import timedelta
from typing import Any

import orjson
import pytest

import factory
from tallystick.service import submissions
from tallystick.service.pending import expire_pending
from tallystick.service.submit import process, receive


def _send_csv(deps: Any, bank: Any, dataset: str, *records: dict[str, str]) -> Any:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    data = io.BytesIO(text.getvalue().encode())
    return process(deps, receive(deps, bank, dataset, data, channel="file").submission_id)


def _found(deps: Any, bank: Any, sent: Any) -> list[tuple[int | None, str, str]]:
    found = submissions.findings(deps, bank, sent.submission_id)
    shown = submissions.show(deps, bank, sent.submission_id)
    assert sum(one.count for one in shown.by_rule) == len(found)
    return [(one.line_no, one.rule_id, one.severity) for one in found]


def _rejects(deps: Any, bank: Any, sent: Any) -> list[dict[str, str]]:
    data = b"".join(submissions.rejects(deps, bank, sent.submission_id)).decode()
    return list(csv.DictReader(io.StringIO(data)))


def _counts(deps: Any, bank: Any, sent: Any) -> tuple[int, ...]:
    return factory.counts(submissions.show(deps, bank, sent.submission_id))


WAITS, CONSENT = "ANY-PARENT-001", "ANY-CONSENT-005"


def test_a_row_rejected_after_it_waited_comes_back_with_its_reason(bureau: Any) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    early, good = factory.snapshot(1, "2023-11"), factory.snapshot(1, "2024-12")
    sent = _send_csv(deps, bank, "snapshot", factory.snapshot(2, "2024-12"), early, good)
    assert _counts(deps, bank, sent) == (0, 0, 0, 3)
    assert [one for one in _found(deps, bank, sent) if one[2] == "pend"] == [
        (line, WAITS, "pend") for line in (2, 3, 4)
    ]
    assert _rejects(deps, bank, sent) == []

    factory.open_account(deps, bank)

    assert _counts(deps, bank, sent) == (1, 0, 1, 1)
    found = _found(deps, bank, sent)
    assert (2, WAITS, "pend") in found
    assert [one for one in found if one[0] == 3 and one[2] != "warn"] == [
        (3, "SNP-OPEN-001", "reject")
    ]
    assert {one[2] for one in found if one[0] == 4} <= {"warn"}
    assert len(found) == len(set(found))
    (row,) = _rejects(deps, bank, sent)
    assert {name: row[name] for name in early} == early
    assert row["error_line"] == "3"
    assert "SNP-OPEN-001" in row["rule_id"]
    assert WAITS not in row["rule_id"]


def test_a_row_that_waited_in_vain_comes_back_on_its_day(bureau: Any) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    sent = _send_csv(deps, bank, "event", factory.event(1), factory.event(2))
    bureau.clock.advance(timedelta(days=29))
    factory.open_account(deps, bank, (2,))
    assert _found(deps, bank, sent) == [(2, WAITS, "pend")]
    bureau.clock.advance(timedelta(days=1))
    assert expire_pending(deps) == 1
    assert _counts(deps, bank, sent) == (1, 0, 1, 0)
    assert _found(deps, bank, sent) == [(2, WAITS, "reject")]
    (row,) = _rejects(deps, bank, sent)
    assert (row["account_number"], row["rule_id"]) == ("A1", WAITS)
    assert expire_pending(deps) == 0
    assert len(_rejects(deps, bank, sent)) == 1


@pytest.mark.parametrize("comes", [True, False])
def test_a_row_that_waits_on_says_for_what(bureau: Any, comes: bool) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    consent = str(deps.new_id())
    under = {**factory.account(1), "basis": "consent", "consent_ref": consent}
    sent = _send_csv(deps, bank, "account", under)
    assert _found(deps, bank, sent) == [(2, WAITS, "pend")]
    factory.send(deps, bank, "subject", factory.subject(1))
    assert _counts(deps, bank, sent) == (0, 0, 0, 1)
    assert _found(deps, bank, sent) == [(2, CONSENT, "pend")]
    (one,) = submissions.findings(deps, bank, sent.submission_id)
    assert one.seen == consent
    if comes:  # another person's
        factory.send(
            deps, bank, "consent",
            factory.consent_record(deps, bank, 2, consent_id=consent, purpose="furnishing"),
        )  # fmt: skip
    else:
        bureau.clock.advance(timedelta(days=30))
        assert expire_pending(deps) >= 1
    assert _counts(deps, bank, sent) == (0, 0, 1, 0)
    rule = "ANY-CONSENT-002" if comes else CONSENT
    assert _found(deps, bank, sent) == [(2, rule, "reject")]
    (row,) = _rejects(deps, bank, sent)
    assert (row["consent_ref"], row["rule_id"]) == (consent, rule)


def test_a_row_that_waited_is_told_what_it_restates_once(bureau: Any) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    month = factory.snapshot(1, "2024-12")
    sent = _send_csv(deps, bank, "snapshot", factory.snapshot(2, "2024-12"), month)
    other = _send_csv(deps, bank, "snapshot", {**month, "balance": "1.00"})
    factory.open_account(deps, bank)
    assert _counts(deps, bank, sent) == (1, 0, 0, 1)
    assert _counts(deps, bank, other) == (1, 0, 0, 0)
    found = _found(deps, bank, other)
    assert (2, "MON-RESTATE-002", "warn") in found
    assert len(found) == len(set(found))
    (told,) = submissions.findings(deps, bank, other.submission_id, rule_id="MON-RESTATE-002")
    assert told.seen == "2024-12-31"
    assert "MON-RESTATE-002" not in {one[1] for one in _found(deps, bank, sent)}


def test_a_funders_row_wakes_with_its_originators_account(bureau: Any) -> None:
    deps = bureau.deps
    bank, funder = factory.member(deps), factory.member(deps, "bank2")
    sent = factory.send(
        deps, funder, "funding",
        factory.funding(1, "bank2", "0.6"), factory.funding(2, "bank2", "0.6"),
    )  # fmt: skip
    assert factory.counts(sent) == (0, 0, 0, 2)
    factory.send(deps, bank, "account", factory.account(1))
    assert _counts(deps, funder, sent) == (0, 0, 0, 2)
    factory.send(deps, bank, "subject", factory.subject(1))
    assert _counts(deps, funder, sent) == (1, 0, 0, 1)
    factory.send(deps, bank, "subject", factory.subject(2))
    factory.send(deps, bank, "account", factory.account(2))
    assert _counts(deps, funder, sent) == (2, 0, 0, 0)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, b"\xef\xbb\xbf".__add__])
def test_what_is_found_of_a_row_that_waited_names_its_column(bureau: Any, pack: Any) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    text = io.StringIO()
    writer = csv.DictWriter(text, [*reversed(factory.snapshot(1, "2023-11"))], lineterminator="\n")
    writer.writeheader()
    writer.writerow(factory.snapshot(1, "2023-11"))
    data = io.BytesIO(pack(text.getvalue().encode()))
    sent = process(deps, receive(deps, bank, "snapshot", data, channel="file").submission_id)
    factory.open_account(deps, bank)
    after = submissions.findings(deps, bank, sent.submission_id)
    assert [(one.rule_id, one.field, one.column_no) for one in after] == [
        ("SNP-OPEN-001", "period_end", 9)
    ]
    (row,) = _rejects(deps, bank, sent)
    assert row["error_column"] == "9"


def test_what_is_found_of_a_correction_that_waited_names_the_column_of_its_record(
    bureau: Any,
) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    factory.open_account(deps, bank, (1, 2))
    consent = str(deps.new_id())
    record = factory.account(1)
    under = {**record, "basis": "consent", "consent_ref": consent}
    mended = factory.correction("account", under, record)
    cells = {**mended, "record": orjson.dumps(mended["record"]).decode()}
    sent = _send_csv(deps, bank, "correction", dict(sorted(cells.items())))
    meanwhile = factory.correction("account", {**record, "principal": "999.00"}, record)
    assert factory.counts(factory.send(deps, bank, "correction", meanwhile)) == (1, 0, 0, 0)
    factory.consent(deps, bank, 2, consent_id=consent, purpose="furnishing")  # another person's
    found = submissions.findings(deps, bank, sent.submission_id)
    assert {(one.field, one.column_no) for one in found if one.severity == "reject"} == {
        ("consent_ref", 2),
        ("replaces_digest", 4),
    }


def test_what_waited_as_an_object_has_no_column(bureau: Any) -> None:
    deps = bureau.deps
    bank = factory.member(deps)
    sent = factory.send(deps, bank, "snapshot", factory.snapshot(1, "2023-11"))
    factory.open_account(deps, bank)
    (one,) = submissions.findings(deps, bank, sent.submission_id)
    assert (one.rule_id, one.column_no) == ("SNP-OPEN-001", None)
