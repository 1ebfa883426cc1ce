"""No row counts as unchanged beside an equal one of its file that was not taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.entry.cli.offline import check_file
from tallystick.service import duplicates
from tallystick.service.members import Member, member_by_code
from tallystick.service.submissions import findings
from tallystick.validate import load_rules

template = beginning(lambda bureau: factory.two_accounts_beside_another(bureau.deps))
SAME, DIFFERS, DIGEST = "ANY-DUP-001", "ANY-DUP-002", "COR-DIGEST-001"
BEFORE = factory.snapshot(1, "2024-12")
AFTER = {**BEFORE, "balance": "7.00"}
FACT = {"member": "bank1", "member_class": "commercial_bank", "currency": "CNY",
        "valid_from": "2024-01-01", "total_loans": "1.00"}  # fmt: skip
WRONG = {"replaces_digest": factory.NO_DIGEST}
OTHER = {"reason": "dispute_upheld"}


def bank(bureau: Any) -> Member:
    found = member_by_code(bureau.deps, "bank1")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("first", "second", "counted", "expected"),
    [
        ({}, {}, (1, 1, 0, 0), [(2, SAME, 1)]),
        (WRONG, WRONG, (0, 0, 2, 0), [(1, DIGEST, None), (2, SAME, 1), (2, DIGEST, None)]),
        (WRONG, OTHER, (0, 0, 2, 0), [(1, DIGEST, None), (2, DIFFERS, 1)]),
        (WRONG, {}, (0, 0, 2, 0), [(1, DIGEST, None), (2, DIFFERS, 1)]),
        ({}, WRONG, (1, 0, 1, 0), [(2, DIFFERS, 1), (2, DIGEST, None)]),
        ({}, OTHER, (1, 0, 1, 0), [(2, DIFFERS, 1)]),
        ({}, {"replaces_digest": "upper"}, (1, 1, 0, 0), [(2, SAME, 1)]),
    ],
)
@pytest.mark.parametrize("dataset", ["snapshot", "member"])
def test_corrections_are_equal_only_in_all_they_say(
    bureau: Any, tmp_path: Path, dataset: str, first: Any, second: Any, counted: Any, expected: Any
) -> None:
    before = BEFORE if dataset == "snapshot" else FACT
    after = AFTER if dataset == "snapshot" else {**FACT, "total_loans": "2.00"}
    factory.send(bureau.deps, bank(bureau), dataset, before)
    right = factory.correction(dataset, after, replaces=before)
    sent = [{**right, **change} for change in (first, second)]
    for one in sent:
        if one["replaces_digest"] == "upper":
            one["replaces_digest"] = right["replaces_digest"].upper()
    view = factory.send_again(bureau.deps, bank(bureau), "correction", *sent)
    told = findings(bureau.deps, bank(bureau), view.submission_id)
    assert sorted((one.line_no, one.rule_id, one.other_line_no) for one in told) == expected
    assert factory.counts(view) == counted
    file = tmp_path / "sent.ndjson"
    file.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in sent))
    alone = check_file(file, dataset="correction", profile_id="zz", progress=lambda *_: None)
    assert [(one.line_no, one.rule_id, one.other_line_no) for one in alone.findings] == [
        one for one in expected if one[1] != DIGEST
    ]


@pytest.mark.parametrize(
    ("rule", "is_equal", "found"),
    [
        ("SNP-AMT-006", True, [1, 2]),
        ("SNP-AMT-006", False, [1]),
        ("ANY-DUP-001", True, [1]),  # a warning
    ],
)
def test_what_rejects_the_first_of_equal_rows_alone_rejects_the_next_one(
    rule: str, is_equal: bool, found: list[int]
) -> None:
    with duckdb.connect() as con:
        duplicates.none(con)
        con.execute("insert into duplicate_of values (2, 1, ?)", [is_equal])
        con.execute("create table finding (line_no bigint, rule_id text, field text, seen text)")
        con.execute("insert into finding values (1, ?, 'amount_paid', '-1.00')", [rule])
        for _ in range(2):
            duplicates.share_rejects(con, load_rules().of("snapshot"))
            lines = con.execute("select line_no from finding where seen = '-1.00'").fetchall()
            assert sorted(line for (line,) in lines) == found
