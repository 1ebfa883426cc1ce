"""A skipped bucket is told in whatever order two months come, and once."""

from __future__ import annotations

from typing import Any

import pytest
import september

import factory
from beginnings import beginning

#: The rules that tell of a skipped bucket.
SKIPS = ("SNP-MONTH-001", "SNP-MONTH-002", "SNP-LATE-001", "SNP-LATE-002")
DAYS = {"0": "0", "1": "20", "2": "45", "3": "80", "4": "100"}
AFTER, BEFORE = "SNP-LATE-001", "SNP-LATE-002"
ADJACENT, APART = "SNP-MONTH-001", "SNP-MONTH-002"


template = beginning(september.begin)


def months(*said: str) -> list[factory.Native]:
    """Snapshots of 2025, each said as month and bucket: `03=2`."""
    found = []
    for month, bucket in (one.split("=") for one in said):
        late = {"amount_past_due": "100.00", "notice_sent_on": "2025-01-02"}
        fields = late if bucket in "1234" else {}
        days = DAYS.get(bucket, {"absent": "not_held"})
        found.append(
            factory.snapshot(1, f"2025-{month}", bucket=bucket, days_past_due=days, **fields)
        )
    return found


def skips(bureau: Any, lender: Any, *said: str) -> list[tuple[str, int]]:
    """Send months as one submission; the rules of skipped buckets that hit, and how often."""
    view = factory.send_again(bureau.deps, lender, "snapshot", *months(*said))
    assert view.rejected == 0, view
    return sorted((one.rule_id, one.count) for one in view.by_rule if one.rule_id in SKIPS)


@pytest.mark.parametrize(
    ("on_file", "sent", "told"),
    [
        (["03=3"], ["02=0"], [(AFTER, 1)]),
        (["03=1"], ["02=0"], []),
        (["03=3"], ["01=0"], [(AFTER, 1)]),
        (["03=2"], ["01=0"], []),
        (["03=3"], ["02=X"], []),
        (["03=3", "04=0"], ["02=1"], [(AFTER, 1)]),
        (["03=2", "04=4"], ["02=1"], []),
        (["01=1", "02=2"], ["01=0"], [(AFTER, 1)]),
        (["01=1", "02=2"], ["01=1"], []),
        (["01=0", "02=0", "03=2"], ["02=2"], [(BEFORE, 1)]),
        (["01=0", "02=0", "03=2"], ["02=1"], []),
        (["01=0", "02=1"], ["02=2"], [(BEFORE, 1)]),
        (["01=0", "03=4"], ["02=2"], [(AFTER, 1), (BEFORE, 1)]),
        (["03=3"], ["01=0", "02=0"], [(AFTER, 1)]),
        (["01=1", "02=2"], ["01=0", "02=2"], [(ADJACENT, 1)]),
        (["01=1", "03=3"], ["01=0", "03=3"], [(APART, 1)]),
        ([], ["03=3", "02=0"], [(ADJACENT, 1)]),
        (["02=0"], ["03=3"], [(ADJACENT, 1)]),
    ],
    ids=lambda value: "+".join(value) if value and isinstance(value[0], str) else "",
)
def test_a_late_month_is_judged_beside_those_on_both_sides(
    bureau: Any, lender: Any, on_file: list[str], sent: list[str], told: list[tuple[str, int]]
) -> None:
    if on_file:
        skips(bureau, lender, *on_file)
    assert skips(bureau, lender, *sent) == told


def test_what_was_told_is_not_told_again_of_what_says_the_same(bureau: Any, lender: Any) -> None:
    assert skips(bureau, lender, "03=3") == []
    assert skips(bureau, lender, "02=0") == [(AFTER, 1)]
    assert skips(bureau, lender, "02=0") == []
    assert skips(bureau, lender, "03=3") == []


def test_a_month_that_was_deleted_is_no_neighbour(bureau: Any, lender: Any) -> None:
    assert skips(bureau, lender, "03=3", "04=4") == []
    key = {"account_number": "A1", "period_end": "2025-03-31"}
    gone = factory.deletion("snapshot", key)
    assert factory.counts(factory.send(bureau.deps, lender, "deletion", gone)) == (1, 0, 0, 0)
    assert skips(bureau, lender, "02=2") == []
    assert skips(bureau, lender, "02=1") == [(AFTER, 1)]


def test_a_month_corrected_is_judged_beside_the_one_after_it(bureau: Any, lender: Any) -> None:
    assert skips(bureau, lender, "01=1", "02=2") == []
    (was,), (now,) = months("01=1"), months("01=0")
    corrected = factory.correction("snapshot", now, was)
    assert factory.told(factory.send(bureau.deps, lender, "correction", corrected)) == (
        (1, 0, 0, 0), {AFTER},
    )  # fmt: skip
