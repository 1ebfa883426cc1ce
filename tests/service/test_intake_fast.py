"""Files of months go a fast way of their own: it gives the same files as folding the ledger."""

from __future__ import annotations

import io
import itertools
from typing import Any

import orjson
import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import factory
from tallystick.service.submit import process, receive
from tallystick.service.verify import ledger_rebuild, ledger_verify

MONTHS = [f"{year}-{month:02d}" for year in (2023, 2024) for month in range(1, 13)]
_AMOUNTS = st.integers(0, 10**7).map(lambda minor: f"{minor // 100}.{minor % 100:02d}")
_ABSENT = st.just({"absent": "not_held"})
#: What may differ between two tellings of a month.
TELLING = st.fixed_dictionaries(
    {
        "balance": st.one_of(_AMOUNTS, _ABSENT),
        "payment_due": st.one_of(_AMOUNTS, _ABSENT),
        "days_past_due": st.one_of(st.just("0"), _ABSENT),
        "first_delinquency_on": st.sampled_from([None, "2023-06-30"]),
        "remaining_instalments": st.sampled_from([None, "0", "12"]),
    }
)
#: Some files, each with some months of some accounts: gaps, repeats, earlier months later.
FILES = st.lists(
    st.dictionaries(
        st.tuples(st.integers(0, 2), st.sampled_from(MONTHS)), TELLING, min_size=1, max_size=8
    ),
    min_size=1,
    max_size=3,
)
ACCOUNTS = 3


def accounts_on_file(bureau: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(bureau.url) as connection:
        return connection.execute(
            "select subject_id, account_id, terms, months, latest, first_delinquency_on,"
            " last_period_end, last_bucket, last_status, last_balance_minor from file.account_now"
            " order by 1, 2"
        ).fetchall()


def live(bureau: Any, examples: int) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank, range(1, 100))
    fresh = itertools.count(1)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(files=FILES)
    def furnish(files: list[dict[tuple[int, str], dict[str, Any]]]) -> None:
        base = (next(fresh) - 1) * ACCOUNTS % 96 + 1
        for told in files:
            lines = [
                orjson.dumps(factory.snapshot(base + number, month, **fields))
                for (number, month), fields in told.items()
            ]
            data = io.BytesIO(b"\n".join(lines) + b"\n")
            taken = receive(bureau.deps, bank, "snapshot", data, again=True)
            factory.counts(process(bureau.deps, taken.submission_id))

    furnish()
    written = accounts_on_file(bureau)
    assert sum(row[3] != b"" for row in written) >= examples // 2
    ledger_rebuild(bureau.deps)
    assert accounts_on_file(bureau) == written
    assert ledger_verify(bureau.deps).faults == ()


def test_files_written_in_place_are_the_fold(bureau: Any) -> None:
    live(bureau, 8)
