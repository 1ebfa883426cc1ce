"""Where jobs run: what is planned for one, and what the next one finds of it, which is nothing."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

import factory
from tallystick.service.workbench import PLAIN_PLAN_BYTES, Workbench, insert_rows

_IN_A_LONG_LIST = (
    f"select code in ({', '.join(repr(f'C{number}') for number in range(180))})"
    " from (select unnest(['C0', 'C179', 'C180', null]) as code)"
)
#: Of jobs whose tables stay in memory.
EACH_KIND = pytest.mark.parametrize(
    ("size", "is_alone"),
    [(PLAIN_PLAN_BYTES, True), (PLAIN_PLAN_BYTES, False), (PLAIN_PLAN_BYTES + 1, False)],
)


@EACH_KIND
def test_a_long_code_list_is_no_join_and_finds_the_same(
    size: int, is_alone: bool, tmp_path: Path
) -> None:
    with (
        closing(Workbench()) as workbench,
        workbench.borrowed(size, tmp_path / "job", is_alone=is_alone) as con,
    ):
        found = con.execute(_IN_A_LONG_LIST).fetchall()
        plan = con.execute(f"explain {_IN_A_LONG_LIST}").fetchall()[0][1]
    assert found == [(True,), (True,), (False,), (None,)]
    assert "MARK" not in plan  # a join that marks the rows found


@EACH_KIND
def test_a_statement_parsed_for_one_job_reads_the_next_ones_tables(
    size: int, is_alone: bool, tmp_path: Path
) -> None:
    found = []
    with closing(Workbench()) as workbench:
        for value in (1, 2):
            with workbench.borrowed(size, tmp_path / "job", is_alone=is_alone) as con:
                con.execute("create table one (value integer); insert into one values (0)")
                con.execute("update one set value = $value", {"value": value})
                found += con.execute("select value from one").fetchall()
    assert found == [(1,), (2,)]


@pytest.mark.parametrize("is_alone", [True, False])
def test_nothing_of_a_job_is_left_to_the_next(
    bureau: Any, bank: Any, is_alone: bool, tmp_path: Path
) -> None:
    deps = bureau.deps
    factory.open_account(deps, bank)
    factory.send(deps, bank, "subject", factory.subject(2))
    role = {"account_number": "A1", "role": "guarantor", "holder_no": 1, "person_number": "P2"}
    factory.send(deps, bank, "account_party", {**role, "valid_from": "2024-02-01"})
    for month in ("2024-12", "2024-11"):
        factory.send(deps, bank, "snapshot", factory.snapshot(1, month))
    with deps.workbench.borrowed(1, tmp_path / "job", is_alone=is_alone) as con:
        assert con.execute("select database_name, table_name from duckdb_tables()").fetchall() == []


def test_what_a_job_made_before_it_failed_is_met_by_nobody(tmp_path: Path) -> None:
    def run(second: str) -> None:
        with workbench.borrowed(1, tmp_path / "job", is_alone=True) as con:
            con.execute("create table one (value integer)")
            con.execute(second)

    with closing(Workbench()) as workbench:
        with pytest.raises(duckdb.Error, match="no_such"):
            run("select * from no_such")
        run("select * from one")


class _Kind(StrEnum):
    SOLD = "sold"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("varchar", ("a", None, "", "x,\x1f")),
        ("varchar", (_Kind.SOLD, None, "a")),
        ("bigint", (1, None, -(2**63), 2**63 - 1)),
        ("boolean", (True, None, False)),
        ("uuid", (UUID(int=1), None, UUID(int=2**128 - 1))),
        ("date", (date(2024, 2, 29), None)),
        ("decimal(18, 2)", (Decimal("0.10"), None)),
        ("date", (None, None)),
    ],
)
def test_rows_inserted_come_back_as_they_were(
    kind: str, values: tuple[Any, ...], tmp_path: Path
) -> None:
    with (
        closing(Workbench()) as workbench,
        workbench.borrowed(1, tmp_path / "job", is_alone=True) as con,
    ):
        con.execute(f"create table one (value {kind}, place integer)")
        insert_rows(con, "one", [(value, place) for place, value in enumerate(values)])
        found = con.execute("select value from one order by place").fetchall()
    assert found == [(value,) for value in values]
