"""Promise 7, as far as there are numbers: a total is the sum of the lines shown beside it.

A total with a part nobody told is not computable and says so; nothing is added across currencies.
"""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

import factory
from tallystick.model.money import format_minor
from tallystick.service.inquire import answer
from tallystick.service.log import sequence_once

#: Per account: its currency and its balance in minor units, None where it is not told.
LINES = st.lists(
    st.tuples(st.sampled_from(("CNY", "USD")), st.one_of(st.none(), st.integers(0, 90_000))),
    min_size=1,
    max_size=4,
)


def expected(balances: list[int | None], currency: str) -> Any:
    known = [one for one in balances if one is not None]
    if not known:
        return "not_reported"
    text = format_minor(sum(known), currency)
    if len(known) == len(balances):
        return text
    return {
        "not_computable": "not reported for some accounts",
        "sum_of_reported": text,
        "not_reported_accounts": len(balances) - len(known),
    }


def test_a_total_is_the_sum_of_the_lines_beside_it(bureau: Any, small: Any) -> None:
    bank = factory.member(bureau.deps)
    persons = iter(range(1, 20))

    @small(4)
    @given(lines=LINES)
    def holds(lines: list[tuple[str, int | None]]) -> None:
        person = next(persons)
        accounts, months = [], []
        for at, (currency, balance) in enumerate(lines):
            told = {"absent": "not_held"} if balance is None else format_minor(balance, currency)
            accounts.append(factory.account(person * 10 + at, person, currency=currency))
            months.append(
                factory.snapshot(person * 10 + at, "2024-12", currency=currency, balance=told)
            )
        factory.send(bureau.deps, bank, "subject", factory.subject(person))
        for dataset, records in (("account", accounts), ("snapshot", months)):
            view = factory.send(bureau.deps, bank, dataset, *records)
            assert view.accepted == len(lines), factory.rules(view)
        consent = factory.consent(bureau.deps, bank, person)
        sequence_once(bureau.deps)
        given_now = bureau.run(answer(bureau.deps, factory.ask(bureau.deps, bank, person, consent)))
        body = orjson.loads(given_now.body or b"{}")
        totals = {row["currency"]: row["balance"] for row in body["summary"]["by_product"]}
        by_currency: dict[str, list[int | None]] = {}
        for currency, balance in lines:
            by_currency.setdefault(currency, []).append(balance)
        assert totals == {name: expected(told, name) for name, told in by_currency.items()}

    holds()
