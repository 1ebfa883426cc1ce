"""A date of first delinquency that was moved is told over unknown months, in a month sent again,
and in whatever order the months come."""

from __future__ import annotations

from typing import Any

import pytest
import september

import factory
from beginnings import beginning

OVER, AGAIN, AFTER = "SNP-AGE-001", "SNP-AGE-002", "SNP-AGE-003"
#: The rule of two late months next to each other that both say the date.
NEXT = "SNP-MONTH-003"


template = beginning(september.begin)


def month(said: str) -> factory.Native:
    """A snapshot of 2025, said as month, bucket and day of first delinquency: `03=2:01-15`."""
    number, _, rest = said.partition("=")
    bucket, _, first = rest.partition(":")
    late = {"amount_past_due": "100.00", "notice_sent_on": "2025-01-02"}
    days = {"0": "0", "1": "20"}.get(bucket, {"absent": "not_held"})
    return factory.snapshot(
        1, f"2025-{number}", bucket=bucket, days_past_due=days,
        first_delinquency_on=f"2025-{first}" if first else None,
        **(late if bucket == "1" else {}),
    )  # fmt: skip


def moved(bureau: Any, lender: Any, *said: str) -> list[tuple[str, int]]:
    """Send months as one submission; the rules of moved dates that hit, and on which lines."""
    view = factory.send_again(bureau.deps, lender, "snapshot", *map(month, said))
    return sorted(
        (one.rule_id, one.count) for one in view.by_rule
        if one.rule_id == NEXT or one.rule_id.startswith("SNP-AGE-")
    )  # fmt: skip


@pytest.mark.parametrize(
    ("on_file", "sent", "told"),
    [
        # An unknown month between, or a late one that does not say it.
        (["02=1:01-15", "03=X"], ["04=1:01-16"], [(OVER, 1)]),
        (["02=1:01-15", "03=X"], ["04=1:02-28"], [(OVER, 1)]),
        (["02=1:01-15", "03=X"], ["04=1:03-01"], []),
        (["02=1:01-15", "03=X"], ["04=1:01-15"], []),
        (["02=1:01-15", "03=1"], ["04=1:01-16"], [(OVER, 1)]),
        (["02=1:01-15", "03=X", "04=X"], ["05=1:01-16"], [(OVER, 1)]),
        (["02=1:01-15", "03=0", "04=X"], ["05=1:01-16"], []),
        (["02=1", "03=X"], ["04=1:01-16"], []),
        (["02=1:01-15"], ["04=X", "03=X", "05=1:01-16"], [(OVER, 1)]),
        ([], ["02=1:01-15", "03=X", "04=1:01-16", "05=X", "06=1:01-17"], [(OVER, 2)]),
        (["02=1:01-15"], ["03=X:01-16"], [(OVER, 1)]),
        (["02=X:01-15"], ["03=1:01-16"], [(OVER, 1)]),
        # Nothing between: one rule tells, and once.
        (["02=1:01-15"], ["03=1:01-16"], [(NEXT, 1)]),
        (["01=1:01-10", "02=X", "03=1:01-10"], ["04=1:01-16"], [(NEXT, 1)]),
        # The month sent again.
        (["02=1:01-15"], ["02=1:01-16"], [(AGAIN, 1)]),
        (["02=1:01-15"], ["02=1:01-14"], []),
        (["02=1:01-15", "03=X"], ["02=1:01-16"], [(AGAIN, 1)]),
        (["02=1"], ["02=1:01-16"], []),
        (["02=0:01-15"], ["02=1:01-16"], []),
        # A month that comes late, beside those on file on both sides.
        (["02=1:01-15", "04=X"], ["03=1:01-16"], [(OVER, 1)]),
        (["03=X", "04=1:01-16"], ["02=1:01-15"], [(AFTER, 1)]),
        (["03=1:01-16"], ["02=1:01-15"], [(AFTER, 1)]),
        (["03=X", "04=1:02-28"], ["02=1:01-15"], [(AFTER, 1)]),
        (["03=X", "04=1:03-01"], ["02=1:01-15"], []),
        (["03=0", "04=1:01-16"], ["02=1:01-15"], []),
        (["03=X", "04=1:01-16"], ["02=1:01-15", "04=1:01-16"], [(NEXT, 1)]),
    ],
    ids=lambda value: "+".join(value) if value and isinstance(value[0], str) else "",
)  # fmt: skip
def test_a_moved_date_is_told(
    bureau: Any, lender: Any, on_file: list[str], sent: list[str], told: list[tuple[str, int]]
) -> None:
    if on_file:
        assert moved(bureau, lender, *on_file) == []
    assert moved(bureau, lender, *sent) == told


def test_what_was_told_is_not_told_again_of_what_says_the_same(bureau: Any, lender: Any) -> None:
    assert moved(bureau, lender, "02=1:01-15", "03=X") == []
    assert moved(bureau, lender, "02=1:01-16") == [(AGAIN, 1)]
    assert moved(bureau, lender, "02=1:01-16") == []


def test_a_month_that_was_deleted_says_nothing(bureau: Any, lender: Any) -> None:
    assert moved(bureau, lender, "02=1:01-15", "03=X") == []
    key = {"account_number": "A1", "period_end": "2025-02-28"}
    gone = factory.deletion("snapshot", key)
    assert factory.counts(factory.send(bureau.deps, lender, "deletion", gone)) == (1, 0, 0, 0)
    assert moved(bureau, lender, "04=1:01-16") == []


def test_a_correction_may_mend_the_date(bureau: Any, lender: Any) -> None:
    assert moved(bureau, lender, "02=1:01-15", "03=X") == []
    mended = factory.correction("snapshot", month("02=1:01-16"), month("02=1:01-15"))
    assert factory.told(factory.send(bureau.deps, lender, "correction", mended)) == (
        (1, 0, 0, 0), set(),
    )  # fmt: skip
