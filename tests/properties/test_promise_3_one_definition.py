"""Promise 3: a rule means the same for one record and for a file: the same findings, row by row."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import factory
from tallystick.service import submissions

ROWS = 120  # more than the records judged one by one, so that the file is one scan
FIELDS = st.fixed_dictionaries(
    {
        "bucket": st.sampled_from(("0", "1", "2", "C", "X")),
        "days_past_due": st.sampled_from(("0", "15", "45", "400")),
        "balance": st.sampled_from(("0", "900.00", "1100.00", "99999.00")),
        "amount_past_due": st.sampled_from(("0", "50.00")),
        "status": st.sampled_from(("open", "closed", "written_off")),
        "notice_sent_on": st.sampled_from((None, "2024-12-01", "2026-01-01")),
    }
)


def findings(bureau: Any, bank: Any, view: Any) -> list[tuple[Any, ...]]:
    found = submissions.findings(bureau.deps, bank, view.submission_id, limit=1000)
    return [(one.line_no, one.rule_id, one.field, one.severity) for one in found]


def test_one_by_one_and_as_a_file_the_same_is_found(bureau: Any, small: Any) -> None:
    """Two furnishers send the same months of like accounts: one in parts, one as a file."""
    alone, whole = factory.member(bureau.deps), factory.member(bureau.deps, "bank2")
    for bank in (alone, whole):
        factory.open_account(bureau.deps, bank, range(1, 61))
        factory.open_account(bureau.deps, bank, range(61, ROWS + 1))

    @small(1)
    @given(told=st.lists(FIELDS, min_size=ROWS, max_size=ROWS))
    def holds(told: list[dict[str, Any]]) -> None:
        records = [
            factory.snapshot(number, "2024-12", **fields)
            for number, fields in enumerate(told, start=1)
        ]
        one_scan = findings(
            bureau, whole, factory.send_again(bureau.deps, whole, "snapshot", *records)
        )
        parts: list[tuple[Any, ...]] = []
        for start in range(0, ROWS, 60):
            view = factory.send_again(bureau.deps, alone, "snapshot", *records[start : start + 60])
            parts += [(line + start, *rest) for line, *rest in findings(bureau, alone, view)]
        assert sorted(parts) == sorted(one_scan)

    holds()
