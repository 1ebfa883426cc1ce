"""A report's body as a page shows it: words for codes, tables for grids, pictures for shares.

Reads nothing but the body: what a page shows is what was answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from tallystick.entry.http.pages.picture import stacked_bar
from tallystick.entry.http.pages.render import Words, grouped
from tallystick.model.file import FUNDING_ROLES
from tallystick.profile import ProfileAt

Block = dict[str, Any]
_AS_IT_IS: Mapping[str, str] = {}
#: What a month and an account's terms both have: the month's goes by its own label.
_OF_MONTH: Mapping[str, str] = {"credit_limit": "credit_limit_of_month"}
_SHARE_CLASSES = 6
_SPECIAL = {"not_reported": "–", "not_displayed": "·"}
_PPB_DIGITS = 9
_WHOLE = 1_000_000_000


def report_view(body: Mapping[str, Any], *, words: Words, profile: ProfileAt) -> Block:
    """What the template needs, from a body."""
    stood = datetime.fromisoformat(body["header"]["as_of"])
    view = _View(words, profile, today=words.local_day(stood).isoformat())
    blocks: Block = {
        "header": body["header"],
        "purpose": view.purpose(body["header"]["purpose"]),
        "summary": view.summary(body["summary"]) if "summary" in body else None,
        "accounts": [view.account(account) for account in body.get("accounts", [])],
        "legend": view.legend(),
        "identity": [view.identity(party) for party in body.get("identity", [])],
        "fundings": [view.own_funding(one) for one in body.get("fundings", [])],
        "agreements": [view.record(record) for record in body.get("agreements", [])],
        "guarantees": [view.record(record) for record in body.get("guarantees", [])],
        "payments": [view.payment(record) for record in body.get("payments", [])],
        "remarks": [view.remark(remark) for remark in body.get("remarks", [])],
        "looks": [view.look(look) for look in body.get("looks", [])],
        "inquiries": [
            {**row, "label": view.purpose(row["purpose"])} for row in body.get("inquiries", [])
        ],
        "consents": [view.consent(consent) for consent in body.get("consents", [])],
    }
    blocks["is_person"] = body["header"]["audience"] == "person"
    # What was withheld is not none.
    blocks |= {f"has_{name}": name in body for name in ("accounts", "looks")}
    return blocks


class _View:
    """Turns blocks of a body into what is shown, in one language; `today` is the report's day."""

    def __init__(self, words: Words, profile: ProfileAt, *, today: str):
        self.words = words
        self.profile = profile
        self.today = today

    def purpose(self, code: str) -> str:
        """A purpose's label."""
        purpose = self.profile.purposes.get(code)
        if purpose is None:
            return self.words.label("purpose", code)
        return self.words.pick(purpose.label_en, purpose.label_zh)

    def member(self, reference: Block | None) -> str:
        """A member's name where the reader may know it, else its class and the end of its id."""
        if reference is None:
            return self.words.t("report.yourself")
        kind = self.words.label("member_class", reference["class"])
        if "name_en" in reference:
            name = self.words.pick(reference["name_en"], reference["name_zh"])
            return f"{name}{self.words.t('report.own_suffix')}" if reference["is_own"] else name
        return f"{kind} {reference['member_id'][-4:]}"

    def amount(self, value: Any, currency: str | None) -> str:
        """An amount, or why there is none."""
        if value is None:
            return self.words.t("report.not_reported")
        if isinstance(value, dict):
            said = self.words.t("report.not_computable")
            known = value.get("sum_of_reported")
            if known is None:
                return said
            reported = f"{grouped(known)}\u00a0{currency}"
            return f"{said} ({self.words.t('report.known_part', amount=reported)})"
        if value in {"not_reported", "not_applicable"}:
            return self.words.t(f"report.{value}")
        return f"{grouped(value)}\u00a0{currency}"

    def bucket(self, code: str) -> tuple[str, str]:
        """CSS kind and meaning of a month's code."""
        if code in _SPECIAL:
            return code.replace("_", "-"), self.words.t(f"report.{code}")
        bucket = self.profile.buckets.get(code)
        if bucket is None:
            return "unknown", code
        kind = f"late-{min(bucket.rank or 0, 3)}" if bucket.kind == "late" else bucket.kind
        return kind.replace("_", "-"), self.words.pick(bucket.title_en, bucket.title_zh)

    def legend(self) -> list[Block]:
        """Every code of the profile and what it means."""
        codes = [*self.profile.buckets, *_SPECIAL]
        rows = []
        for code in codes:
            kind, meaning = self.bucket(code)
            rows.append({"code": _SPECIAL.get(code, code), "kind": kind, "meaning": meaning})
        return rows

    def grid(self, months: list[Block]) -> list[Block]:
        """The grid as years of twelve cells, newest year first; cells outside it are None."""
        by_year: dict[str, list[Block | None]] = {}
        for month in months:
            year, number = month["month"].split("-")
            kind, meaning = self.bucket(month["bucket"])
            row = by_year.setdefault(year, [None] * 12)
            row[int(number) - 1] = {
                "text": _SPECIAL.get(month["bucket"], month["bucket"]),
                "kind": kind,
                "meaning": meaning,
            }
        return [{"year": year, "cells": by_year[year]} for year in sorted(by_year, reverse=True)]

    def summary(self, block: Block) -> Block:
        """Cards and the table by product."""
        rows = []
        for row in block["by_product"]:
            late = row["delinquency"]
            worst = late["worst_bucket"]
            rows.append(
                {
                    **row,
                    "label": self._kind_of_credit(row),
                    "balance": self.amount(row["balance"], row["currency"]),
                    "credit_limit": self.amount(row["credit_limit"], row["currency"]),
                    "late": late,
                    "worst": self.words.t("report.never_late")
                    if worst == "none"
                    else self.bucket(worst)[1],
                    "highest": self.amount(late["highest_balance_past_due"], row["currency"]),
                }
            )
        return {
            **block,
            "rows": rows,
            "late_now": sum(row["delinquency"]["late_now_accounts"] for row in block["by_product"]),
            "dues": [
                self.amount(row["six_month_average"], row["currency"])
                for row in block["payments_due"]
            ],
            "responsibilities": [
                {
                    "role": self.words.label("role", row["role"]),
                    "label": self._kind_of_credit(row),
                    "accounts": row["accounts"],
                    "balance": self.amount(row["balance"], row["currency"]),
                    # Absent in answers of earlier versions, which are shown as they were given.
                    "responsibility": self.amount(row.get("responsibility"), row["currency"]),
                }
                for row in block["responsibilities"]
            ],
            "guarantees": [
                {**row, "amount": self.amount(row["amount"], row["currency"])}
                for row in block["guarantees"]
            ],
        }

    def _kind_of_credit(self, row: Block) -> str:
        """What a row of totals is of: its amounts may be words, which have no currency."""
        return f"{self.words.label('product', row['product'])} {row['currency']}"

    def account(self, account: Block) -> Block:
        """One account: title, facts, plain sentence, grid, shares, events."""
        terms, latest = account["terms"], account["latest"]
        currency = terms["currency"]
        product = self.words.label("product", terms["product"])
        furnisher = self.member(account["furnisher"])
        return {
            **account,
            "anchor": account["account_id"][-12:],
            "title": f"{product} · {furnisher}",
            "plain": self._plain_words(account, product=product, furnisher=furnisher),
            "facts": self._facts(account),
            "grid": self.grid(account["grid"]),
            "shares": self._shares(account["fundings"], currency),
            "events": [
                {
                    "when": self.words.time(event["occurred_at"]),
                    "what": self._happening(event),
                    "amount": self.amount(event["amount"], event.get("currency", currency))
                    if "amount" in event
                    else "",
                }
                for event in account.get("events", [])
            ],
            "remarks": [self.remark(remark) for remark in account.get("remarks", [])],
            "has_ended": "role_ended_on" in account,
            "is_late": isinstance(latest, dict)
            and "role_ended_on" not in account
            and self.bucket(latest["bucket"])[0].startswith(("late", "loss")),
        }

    def _happening(self, event: Block) -> str:
        what = self.words.label("event_type", event["event_type"])
        if "extended_months" not in event:
            return what
        return self.words.t("report.extended", what=what, count=event["extended_months"])

    def _plain_words(self, account: Block, *, product: str, furnisher: str) -> str:
        latest, terms = account["latest"], account["terms"]
        if "role_ended_on" in account:
            return self.words.t(
                "plain.ended",
                furnisher=furnisher,
                product=product,
                role=self.words.label("role", account["role"]),
                ended=self.words.day(account["role_ended_on"]),
            )
        if not isinstance(latest, dict):
            role = self.words.label("role", account["role"])
            key = "plain.no_month"
            if latest == "not_displayed":  # of a closed account it may be too old to be shown
                key = "plain.unshown" if account["is_closed"] else "plain.began"
            return self.words.t(key, furnisher=furnisher, product=product, role=role)
        state = self.bucket(latest["bucket"])[1]
        closed = "plain.closed" if "closed_on" in terms else "plain.closed_undated"
        key = closed if account["is_closed"] else "plain.open"
        if "opened_on" not in terms:
            key += "_no_opening"
        return self.words.t(
            key,
            furnisher=furnisher,
            product=product,
            opened=self.words.day(terms.get("opened_on")),
            closed=self.words.day(terms.get("closed_on")),
            balance=self.amount(latest.get("balance"), latest.get("currency", terms["currency"])),
            state=state,
            month=self.words.day(latest["period_end"]),
        )

    def _facts(self, account: Block) -> list[tuple[str, str]]:
        facts = self._pairs(account["terms"], account["terms"]["currency"])
        if isinstance(account["latest"], dict):
            facts += self._pairs(account["latest"], account["terms"]["currency"], named=_OF_MONTH)
        if account["other_roles"]:
            roles = [self.words.label("role", role) for role in account["other_roles"]]
            named = self.words.t("comma").join(roles)
            facts.append((self.words.label("field", "other_roles"), named))
        first = [(self.words.label("field", "role"), self.words.label("role", account["role"]))]
        if "responsibility" in account:
            said = account["responsibility"]
            amount = self.amount(said["amount"], said["currency"])
            first.append((self.words.t("report.answered_for"), amount))
        if "role_ended_on" in account:
            ended = self.words.day(account["role_ended_on"])
            first.append((self.words.label("field", "role_ended_on"), ended))
        numbers = ("account_number", "formerly_account_number")
        own = [(self.words.label("field", one), account[one]) for one in numbers if one in account]
        return [*first, *own, *facts]

    def _pairs(
        self, record: Block, currency: str, *, named: Mapping[str, str] = _AS_IT_IS
    ) -> list[tuple[str, str]]:
        """Fields and values in words; `named` are those that go by another label here."""
        absent: dict[str, str] = record.get("absent", {})
        names = [name for name in {**record, **absent} if name not in _UNSHOWN]
        pairs = []
        for name in sorted(names, key=self.words.field_order):
            if name.endswith("_id"):
                continue
            if name in absent:
                value = self.words.label("absent", absent[name])
            else:
                value = self._value(name, record[name], record.get("currency", currency))
            pairs.append((self.words.label("field", named.get(name, name)), value))
        return pairs

    def _value(self, name: str, value: Any, currency: str) -> str:
        if name in _AMOUNTS:
            return self.amount(value, currency)
        if name == "bucket":
            return f"{_SPECIAL.get(value, value)} – {self.bucket(value)[1]}"
        if name.endswith("_on") or name in {"period_end", "valid_from", "valid_to", "birth_date"}:
            return self.words.day(str(value))
        if name in _LISTS:
            return self.words.label(_LISTS[name], str(value))
        if isinstance(value, bool):
            return self.words.t("yes" if value else "no")
        return str(value)

    def _shares(self, fundings: list[Block], currency: str) -> Block | None:
        if not fundings:
            return None
        rows, parts = [], []
        for at, funding in enumerate(fundings):
            share, mark = funding.get("share"), f"share-{at % _SHARE_CLASSES}"
            shown = self._share(funding, funding.get("currency", currency))
            member = self.member(funding["member"])
            is_drawn = isinstance(share, str) and self._is_in_the_loan(funding)
            if is_drawn:
                parts.append((mark, _ppb(str(share)), f"{member} {shown}"))
            stated_by = funding.get("stated_by")
            rows.append(
                {
                    "member": member,
                    "role": self.words.label("funding_role", funding["role"]),
                    "period": self._period(funding),
                    "share": shown,
                    "implied": funding["implied"],
                    "stated_by": None if stated_by is None else self.member(stated_by),
                    "mark": mark if is_drawn else None,
                }
            )
        title = self.words.t("comma").join(said for _, _, said in parts)
        bar = [(name, size) for name, size, _ in parts]
        return {"rows": rows, "picture": stacked_bar(bar, title=title) if bar else ""}

    def _is_in_the_loan(self, funding: Block) -> bool:
        """Whether a funding is money in the loan on the report's day; its funder's word counts."""
        said_by = funding["stated_by" if "stated_by" in funding else "member"]
        return (
            funding["role"] in FUNDING_ROLES
            and said_by["member_id"] == funding["member"]["member_id"]
            and funding.get("valid_from", self.today) <= self.today
            and funding.get("valid_to", self.today) >= self.today
        )

    def _period(self, funding: Block) -> str:
        """From when to when a share holds; what is left to the originator has no days."""
        if "valid_from" not in funding:
            return ""
        until = f" {self.words.day(funding['valid_to'])}" if "valid_to" in funding else ""
        return f"{self.words.day(funding['valid_from'])} –{until}"

    def _share(self, funding: Block, currency: str | None) -> str:
        share, amount = funding.get("share"), funding.get("funded_amount")
        said = []
        if isinstance(share, str):
            said.append(f"{Decimal(share) * 100:.7f}".rstrip("0").rstrip(".") + " %")
        if amount is not None:
            said.append(self.amount(amount, currency))
        return self.words.t("comma").join(said) or self.words.t("report.not_computable")

    def identity(self, party: Block) -> Block:
        """What one furnisher says who she is."""
        facts = self._pairs(party["reported"], "")
        return {"furnisher": self.member(party["furnisher"]), "facts": facts}

    def record(self, record: Block) -> Block:
        """An agreement or guarantee as pairs."""
        rest = {name: value for name, value in record.items() if name != "furnisher"}
        return {
            "furnisher": self.member(record["furnisher"]),
            "facts": self._pairs(rest, record["currency"]),
        }

    def own_funding(self, funding: Block) -> Block:
        """What a funder sent of its share of an account another lends."""
        dates: Block = {
            name: funding[name] for name in ("valid_from", "valid_to") if name in funding
        }
        share = self._share(funding, funding.get("currency"))
        facts = [
            (self.words.t("report.role"), self.words.label("funding_role", funding["role"])),
            (self.words.t("report.share"), share),
        ]
        return {
            "furnisher": self.member(funding["originator"]),
            "facts": facts + self._pairs(dates, ""),
        }

    def payment(self, record: Block) -> Block:
        """One period of rent, telecom or utility payments."""
        return {
            "month": self.words.day(record["period_end"]),
            "kind": self.words.label("payment_kind", record["payment_kind"]),
            "furnisher": self.member(record["furnisher"]),
            "due": self._amount_of_payment(record, "amount_due"),
            "paid": self._amount_of_payment(record, "amount_paid"),
            "state": self.bucket(record["bucket"])[1],
        }

    def _amount_of_payment(self, record: Block, name: str) -> str:
        """An amount of a payment, or why it is not there."""
        absent: dict[str, str] = record.get("absent", {})
        if name in absent:
            return self.words.label("absent", absent[name])
        if record["bucket"] == "not_displayed":
            return self.words.t("report.not_displayed")
        return self.amount(record.get(name), record["currency"])

    def remark(self, remark: Block) -> Block:
        """What was remarked, by whom and from when to when; `lang` is empty where nobody said."""
        days = self.words.day(remark["valid_from"])
        if "valid_to" in remark:
            days = self._period(remark)
        who = [self.member(remark["furnisher"])] if "furnisher" in remark else []
        return {
            "kind": self.words.label("remark", remark["kind"]),
            "about": " · ".join([*who, days]),
            "text": remark.get("text"),
            "lang": remark.get("locale", ""),
        }

    def look(self, look: Block) -> Block:
        """Who looked, when, why, and whether it was answered."""
        return {
            "when": self.words.time(look["occurred_at"]),
            "who": self.member(look["member"]),
            "purpose": self.purpose(look["purpose"]),
            "permit": self.words.label("permit", look["permit"]),
            "outcome": self.words.label("outcome", look["outcome"]),
            "number": look["number"],
        }

    def consent(self, consent: Block) -> Block:
        """To whom, for what, until when."""
        return {
            **consent,
            "recipient": self.member(consent["recipient"]),
            "captured_by": self.member(consent["captured_by"]),
            "purpose": self.purpose(consent["purpose"]),
        }


_AMOUNTS = frozenset(
    {
        "principal", "credit_limit", "income_monthly", "balance", "payment_due", "amount_paid",
        "amount_past_due", "amount", "amount_due",
    }
)  # fmt: skip
_UNSHOWN = frozenset({"currency", "absent", "consent_ref"})
#: Fields whose values are codes, and the code list of each.
_LISTS = {
    "product": "product", "repayment_frequency": "repayment_frequency", "security": "security",
    "basis": "basis", "closed_reason": "closed_reason", "formerly_reason": "formerly_reason",
    "classification": "classification", "status": "status", "sex": "sex",
    "payment_kind": "payment_kind", "identifier_scheme": "scheme",
}  # fmt: skip


def _ppb(share: str) -> int:
    whole, _, fraction = share.partition(".")
    return int(whole) * _WHOLE + int(fraction.ljust(_PPB_DIGITS, "0")[:_PPB_DIGITS])
