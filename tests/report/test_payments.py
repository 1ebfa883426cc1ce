"""Two payments of one payer may stand in one month: each is too old, or not, for itself."""

from __future__ import annotations

import pytest
from report_factory import body, file

from tallystick.report.versions import VERSIONS

#: What was late is kept five years: of June 2026, what was over in May 2021 is too old.
A, B, C = "2021-04-15", "2021-04-20", "2021-04-30"
MAY, JUNE = "2021-05-31", "2021-06-15"


def payment(period_end: str, bucket: str, payer: str = "payer-1") -> dict[str, object]:
    return {
        "object_id": payer, "furnisher_id": "member-bank", "payment_kind": "rent",
        "period_end": period_end, "bucket": bucket, "days_past_due": 5, "currency": "CNY",
        "amount_due_minor": 100, "basis": "consent",
    }  # fmt: skip


def shown(payments, version="tallystick.report/6", audience="lender"):
    made = body(file(payments=tuple(payments)), audience, version=VERSIONS[version])
    withheld = [one["periods"] for one in made["header"]["withheld"] if one["block"] == "payments"
                and "periods" in one]  # fmt: skip
    return "".join(one["bucket"] for one in made["payments"]), sum(withheld)


@pytest.mark.parametrize(
    ("payments", "fifth", "sixth"),
    [
        ([(A, "0"), (C, "1")], ("", 2), ("1", 1)),
        ([(A, "1"), (C, "0")], ("", 2), ("", 2)),
        ([(A, "1"), (C, "1")], ("11", 0), ("11", 0)),
        ([(A, "1"), (B, "0"), (C, "1")], ("", 3), ("1", 2)),
        ([(A, "0"), (C, "1"), (MAY, "1")], ("1", 2), ("11", 1)),
        ([(A, "0"), (C, "1"), (MAY, "0")], ("", 3), ("", 3)),
        ([(A, "0"), (C, "1"), (JUNE, "0")], ("0", 2), ("10", 1)),
        ([(A, "0"), (B, "0"), (C, "0")], ("", 3), ("", 3)),
        ([(MAY, "0"), (JUNE, "1")], ("1", 1), ("1", 1)),
        ([("2021-05-15", "0"), (MAY, "1"), (JUNE, "1")], ("1", 2), ("11", 1)),
        ([("2021-06-01", "0"), (JUNE, "1")], ("01", 0), ("01", 0)),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_each_payment_of_a_month_is_too_old_or_not_for_itself(
    payments, fifth, sixth, order: int
) -> None:
    sent = [payment(*one) for one in payments][::order]
    assert shown(sent) == sixth
    assert shown(sent, "tallystick.report/5") == fifth
    assert shown(sent, audience="furnisher") == ("".join(code for _, code in payments), 0)


def test_another_payer_of_the_month_is_another_payer() -> None:
    assert shown([payment(A, "0"), payment(C, "1", "payer-2")]) == ("1", 1)
    assert shown([payment(A, "1"), payment(C, "0", "payer-2")]) == ("1", 1)
