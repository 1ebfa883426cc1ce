"""Funding shares: never over the whole on any day; what is on file stands, of one file none."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings

OVER = "FND-SHARE-001"


def _begin(bureau: Any) -> None:
    made = factory.member(bureau.deps)
    for code in ("bank2", "bank3", "bank4"):
        factory.member(bureau.deps, code)
    factory.open_account(bureau.deps, made, (1, 2))


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank1")


def share(number: int, ppb: str, valid_from: str = "2024-01-01", **fields: Any) -> dict[str, Any]:
    return factory.funding(1, f"bank{number}", ppb, valid_from=valid_from, **fields)


def seen(bureau: Any, bank: Any, *records: Any) -> tuple[tuple[int, ...], list[Any]]:
    view = factory.send(bureau.deps, bank, "funding", *records)
    found = findings(bureau.deps, bank, view.submission_id, rule_id=OVER)
    return factory.counts(view), [(one.line_no, one.seen) for one in found]


def test_of_one_file_all_shares_of_the_account_are_refused_and_the_sum_is_said(
    bureau: Any, bank: Any
) -> None:
    other = {**share(2, "1"), "account_number": "A2"}
    counts, found = seen(bureau, bank, share(2, "0.6"), share(3, "0.400000001"), other)
    assert counts == (1, 0, 2, 0)
    assert found == [(1, "1.000000001"), (2, "1.000000001")]
    counts, found = seen(bureau, bank, share(2, "0.6"), share(3, "0.4"))
    assert (counts, found) == ((2, 0, 0, 0), [])


def test_what_is_on_file_stands_and_others_values_are_not_told(bureau: Any, bank: Any) -> None:
    assert seen(bureau, bank, share(2, "0.6"))[0] == (1, 0, 0, 0)
    counts, found = seen(bureau, bank, share(3, "0.400000001"))
    assert (counts, found) == ((0, 0, 1, 0), [(1, "0.400000001")])
    assert seen(bureau, bank, share(2, "0.5"), share(3, "0.5")) == ((2, 0, 0, 0), [])


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        (share(2, "0.6"), share(2, "0.400000001", "2024-02-01"), False),
        (share(2, "0.6"), share(2, "0.4", "2024-02-01"), True),
        (share(2, "0.6", valid_to="2024-02-01"), share(2, "0.9", "2024-02-01"), False),
        (share(2, "0.6", valid_to="2024-01-31"), share(2, "0.9", "2024-02-01"), True),
    ],
)
def test_a_funders_own_shares_count_together_while_none_is_ended(
    bureau: Any, bank: Any, first: Any, second: Any, taken: bool, together: bool
) -> None:
    if together:
        assert seen(bureau, bank, first, second)[0] == ((2, 0, 0, 0) if taken else (0, 0, 2, 0))
    else:
        assert seen(bureau, bank, first)[0] == (1, 0, 0, 0)
        assert seen(bureau, bank, second)[0] == ((1, 0, 0, 0) if taken else (0, 0, 1, 0))


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (share(3, "0.6", "2023-01-01"), False),
        (share(3, "0.6", "2023-01-01", valid_to="2024-01-01"), False),
        (share(3, "0.6", "2023-01-01", valid_to="2023-12-31"), True),
        (share(3, "0.6", "2024-06-30"), False),
        (share(3, "0.6", "2024-07-01"), True),
        (share(3, "0.6", "2024-03-01", role="guarantor"), True),
    ],
)
def test_every_day_of_a_share_counts(bureau: Any, bank: Any, sent: Any, taken: bool) -> None:
    assert seen(bureau, bank, share(2, "0.6", valid_to="2024-06-30"))[0] == (1, 0, 0, 0)
    assert seen(bureau, bank, sent)[0] == ((1, 0, 0, 0) if taken else (0, 0, 1, 0))


@pytest.mark.parametrize(
    ("bad", "taken"),
    [
        (share(4, "0.6", valid_to="soon"), 2),
        ({**share(4, "0.6"), "funder": "nobody"}, 2),
        (share(3, "0.4"), 2),
        (share(4, "0.6"), 0),
    ],
)
def test_rows_that_are_not_taken_push_nobody_over(
    bureau: Any, bank: Any, bad: Any, taken: int
) -> None:
    counts, _ = seen(bureau, bank, share(2, "0.6"), share(3, "0.4"), bad)
    assert counts[0] == taken
