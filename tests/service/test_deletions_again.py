"""Deletions that say what was said before: on file, in the same file, or by a run that died."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.entry.cli.offline import check_file
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings
from tallystick.service.submit import process, receive
from tallystick.service.verify import ledger_verify

ACCEPTED, UNCHANGED, REJECTED = (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0)
MONTHS = [factory.snapshot(1, month) for month in ("2024-11", "2024-12")]
KEYS = [{"account_number": "A1", "period_end": one["period_end"]} for one in MONTHS]
GONE = [factory.deletion("snapshot", key) for key in KEYS]
WHOLE = factory.deletion("account", {"account_number": "A1", "valid_from": "2024-01-01"})
NOT_THERE, SAME, DIFFERS = {"ANY-TARGET-001"}, {"ANY-DUP-001"}, {"ANY-DUP-002"}


def _begin(bureau: Any) -> None:
    made = factory.two_accounts_beside_another(bureau.deps)
    assert send(bureau, made, "snapshot", *MONTHS)[0] == (2, 0, 0, 0)
    later = factory.account(1, valid_from="2024-02-01", principal="999")
    assert send(bureau, made, "account", later)[0] == ACCEPTED


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    """A furnisher with two months of account 1, whose terms it said twice."""
    return member_by_code(bureau.deps, "bank1")


def send(bureau: Any, bank: Any, dataset: str, *records: Any) -> tuple[Any, set[str]]:
    return factory.told(factory.send_again(bureau.deps, bank, dataset, *records))


def deleted(bureau: Any) -> int:
    with bureau.deps.database.connect("intake") as connection:
        ((count,),) = connection.execute("select count(*) from ledger.deletion").fetchall()
    return int(count)


@pytest.mark.parametrize(
    ("sent", "wanted", "rules"),
    [
        (GONE, (2, 0, 0, 0), set()),
        ([GONE[0], GONE[0]], (1, 1, 0, 0), SAME),
        ([GONE[0], {**GONE[0], "reason": "fraud"}], (1, 0, 1, 0), DIFFERS),
        ([WHOLE, {**WHOLE, "record_key": {"account_number": "A1", "valid_from": "2024-02-01"}}],
         (1, 1, 0, 0), set()),
    ],
)  # fmt: skip
def test_a_record_is_deleted_once_by_one_file(
    bureau: Any, bank: Any, sent: list[Any], wanted: Any, rules: set[str]
) -> None:
    assert send(bureau, bank, "deletion", *sent) == (wanted, rules)
    assert deleted(bureau) == wanted[0]
    assert ledger_verify(bureau.deps).ok


def test_repeats_more_than_a_chunk_apart_are_unchanged_too(bureau: Any, bank: Any) -> None:
    sent = [GONE[0]] * 101
    assert send(bureau, bank, "deletion", *sent) == ((1, 100, 0, 0), SAME)
    assert send(bureau, bank, "deletion", *sent) == ((0, 101, 0, 0), SAME)
    assert deleted(bureau) == 1


OTHER, FRAUD = (factory.deletion("snapshot", KEYS[0], reason) for reason in ("other", "fraud"))
ELSEWHERE, UNREAD = (
    {**OTHER, "record_key": {**KEYS[0], name: value}}
    for name, value in (("account_number", "A99"), ("period_end", "soon"))
)


@pytest.mark.parametrize(
    ("sent", "counted", "expected"),
    [
        ([OTHER, FRAUD, OTHER], (1, 1, 1, 0), [(2, *DIFFERS, 1), (3, *SAME, 1)]),
        ([OTHER, GONE[1], FRAUD], (2, 0, 1, 0), [(3, *DIFFERS, 1)]),
        ([ELSEWHERE, ELSEWHERE, {**ELSEWHERE, "reason": "fraud"}], (0, 0, 3, 0),
         [(1, *NOT_THERE, None), (2, *SAME, 1), (2, *NOT_THERE, None), (3, *DIFFERS, 1),
          (3, *NOT_THERE, None)]),
        # A key that cannot be read names nothing.
        ([UNREAD, UNREAD, OTHER], (1, 0, 2, 0),
         [(1, "DEL-KEY-003", None), (2, "DEL-KEY-003", None)]),
    ],
)  # fmt: skip
def test_deletions_of_one_key_are_told_with_and_without_a_bureau(
    bureau: Any, bank: Any, tmp_path: Path, sent: list[Any], counted: Any, expected: Any
) -> None:
    view = factory.send_again(bureau.deps, bank, "deletion", *sent)
    assert factory.counts(view) == counted
    found = findings(bureau.deps, bank, view.submission_id)
    assert sorted((one.line_no, one.rule_id, one.other_line_no) for one in found) == expected
    file = tmp_path / "sent.ndjson"
    file.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in sent))
    alone = check_file(file, dataset="deletion", profile_id="zz", progress=lambda *_: None)
    assert [(one.line_no, one.rule_id, one.other_line_no) for one in alone.findings] == [
        one for one in expected if one[1] not in NOT_THERE
    ]


def test_a_month_hidden_with_its_account_was_not_deleted_itself(bureau: Any, bank: Any) -> None:
    assert send(bureau, bank, "deletion", GONE[0]) == (ACCEPTED, set())
    assert send(bureau, bank, "deletion", WHOLE) == (ACCEPTED, set())
    assert send(bureau, bank, "deletion", GONE[0]) == (UNCHANGED, set())
    assert send(bureau, bank, "deletion", GONE[1]) == (REJECTED, NOT_THERE)


def test_what_came_back_is_deleted_again(bureau: Any, bank: Any) -> None:
    back = factory.correction("snapshot", MONTHS[0], MONTHS[0], reason="reinsertion_certified")
    for dataset, record in (("deletion", GONE[0]), ("correction", back), ("deletion", GONE[0])):
        assert send(bureau, bank, dataset, record) == (ACCEPTED, set())
    assert deleted(bureau) == 2


@pytest.mark.parametrize("is_back", [False, True])
def test_deletions_run_again_after_a_crash_meet_their_own(
    bureau: Any, bank: Any, is_back: bool
) -> None:
    """Killed once they were published; meanwhile one of the records may have come back."""
    assert send(bureau, bank, "deletion", GONE[1]) == (ACCEPTED, set())
    lines = b"".join(orjson.dumps(one) + b"\n" for one in (*GONE, GONE[0]))
    taken = receive(bureau.deps, bank, "deletion", io.BytesIO(lines))
    factory.killed_before_its_end(bureau.deps, taken.submission_id)
    if is_back:
        back = factory.correction("snapshot", MONTHS[0], MONTHS[0], reason="reinsertion_certified")
        assert send(bureau, bank, "correction", back) == (ACCEPTED, set())
    view = process(bureau.deps, taken.submission_id)
    assert factory.told(view) == ((1, 2, 0, 0), SAME)
    assert deleted(bureau) == 2
