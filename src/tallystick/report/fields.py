"""Which fields of a record a report carries, and how: nothing that is not named here leaves.

Money (`<name>_minor`) becomes a decimal string, ids become pairwise ids, everything else stays.
A field that was not reported is left out; one stated absent stands under `absent` with its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tallystick.errors import InvariantBroken, require
from tallystick.model.file import Record
from tallystick.model.money import CURRENCY_DIGITS, format_minor

Block = dict[str, Any]
#: (kind, id) -> the id this reader sees.
Mask = Callable[[str, str], str]


class Fields:
    """The fields of one kind of record: plain ones, amounts, ids (field, output name, kind)."""

    __slots__ = ("_amounts", "_ids", "_plain", "amounts", "ids", "names", "plain")

    def __init__(
        self,
        *,
        plain: tuple[str, ...] = (),
        amounts: tuple[str, ...] = (),
        ids: tuple[tuple[str, str, str], ...] = (),
    ):
        self.plain = plain
        self.amounts = tuple((name, f"{name}_minor") for name in amounts)
        self.ids = ids
        self.names = frozenset((*plain, *amounts))
        self._plain = frozenset(plain)
        self._amounts = {stored: name for name, stored in self.amounts}
        self._ids = {stored: (name, kind) for stored, name, kind in ids}

    def pick(self, record: Record, *, currency: str | None, mask: Mask) -> Block:
        """The record as a report shows it. Raises: InvariantBroken: an amount without currency."""
        plain, amounts, ids = self._plain, self._amounts, self._ids
        picked: Block = {}
        for stored, value in record.items():  # a record has fewer fields than there may be
            if value is None:
                continue
            if stored in plain:
                picked[stored] = value
            elif stored in amounts:
                picked[amounts[stored]] = amount_text(value, currency)
            elif stored in ids:
                name, kind = ids[stored]
                picked[name] = mask(kind, value)
        absent = record.get("absent")
        if absent:
            shown = {name: why for name, why in absent.items() if name in self.names}
            if shown:
                picked["absent"] = shown
        return picked


def amount_text(minor: int, currency: str | None) -> str:
    """`format_minor`, short for the usual case. Raises: InvariantBroken without a currency."""
    if currency is None:
        raise InvariantBroken("an amount stands without a currency")
    if minor >= 0 and CURRENCY_DIGITS[currency] == 2:
        return f"{minor // 100}.{minor % 100:02d}"
    return format_minor(minor, currency)


TERMS = Fields(
    plain=(
        "valid_from", "product", "currency", "opened_on", "maturity_on", "instalment_count",
        "repayment_frequency", "security", "basis", "closed_on", "closed_reason", "formerly_reason",
    ),
    amounts=("principal", "credit_limit"),
    ids=(
        ("agreement_id", "agreement_id", "agreement"),
        ("formerly_account_id", "formerly_account_id", "account"),
    ),
)  # fmt: skip
#: What only the person herself and the furnisher who sent it see.
TERMS_IN_FULL = Fields(
    plain=(*TERMS.plain, "consent_ref"),
    amounts=("principal", "credit_limit", "income_monthly"),
    ids=TERMS.ids,
)
LATEST = Fields(
    plain=(
        "period_end", "bucket", "days_past_due", "currency", "classification", "status",
        "first_delinquency_on", "last_payment_on", "remaining_instalments", "notice_sent_on",
    ),
    amounts=("balance", "credit_limit", "payment_due", "amount_paid", "amount_past_due"),
)  # fmt: skip
EVENT = Fields(
    plain=("event_type", "occurred_at", "currency", "extended_months"),
    amounts=("amount",),
)
#: A furnisher's event id may hold its account number.
EVENT_IN_FULL = Fields(plain=("event_id", *EVENT.plain), amounts=("amount",))
AGREEMENT = Fields(
    plain=("valid_from", "expires_on", "currency", "is_revolving", "status", "basis"),
    amounts=("credit_limit",),
    ids=(("object_id", "agreement_id", "agreement"),),
)
GUARANTEE = Fields(
    plain=("valid_from", "valid_to", "currency", "basis"),
    amounts=("amount",),
    ids=(("object_id", "guarantee_id", "guarantee"), ("account_id", "account_id", "account")),
)
PAYMENT = Fields(
    plain=("payment_kind", "period_end", "bucket", "days_past_due", "currency", "basis"),
    amounts=("amount_due", "amount_paid"),
    ids=(("object_id", "payer_account_id", "payer_account"),),
)
RESPONSIBILITY = Fields(plain=("currency",), amounts=("amount",))
REMARK = Fields(plain=("kind", "valid_from", "valid_to", "text", "locale"))
FUNDING = Fields(plain=("role", "valid_from", "valid_to"), amounts=("funded_amount",))
IDENTITY = Fields(
    plain=(
        "valid_from", "identifier_scheme", "identifier_number", "name", "birth_date", "sex",
        "phone", "address_line", "address_locality", "address_region", "postal_code",
    ),
)  # fmt: skip


def currency_of(record: Record, default: str | None = None) -> str | None:
    """The currency a record's amounts are in. Raises: InvariantBroken when it is not known."""
    currency: str | None = record.get("currency", default)
    require(currency is None or currency in CURRENCY_DIGITS, "a currency nobody knows")
    return currency


def has_ended(record: Record, last_day: str, *, today: str) -> bool:
    """Whether a record's last day (the field that names it) is over on an ISO day.

    Time:    the last day counts: on it nothing has ended yet
    Missing: without a last day it goes on
    """
    until: str | None = record.get(last_day)
    return until is not None and until < today


def period_of_text(text: str) -> int:
    """The period number (`model.months`) of an ISO day or instant."""
    return (int(text[:4]) - 1900) * 12 + int(text[5:7]) - 1
