"""A file of many lines asks the databases no more than one of few: lines travel in sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

import factory as f
from tallystick.service import pending, workbench
from tallystick.service.members import Member
from tallystick.service.port import Deps
from tallystick.service.submissions import show

FEW, MANY = 2, 60


def rejected_corrections(count: int) -> list[f.Native]:
    return [f.correction("snapshot", f.snapshot(n, "2024-12")) for n in range(1, count + 1)]


def waiting_snapshots(count: int) -> list[f.Native]:
    return [f.snapshot(n, "2024-12") for n in range(1, count + 1)]


def rejected_deletions(count: int) -> list[f.Native]:
    keys = [{"account_number": f"A{n}", "period_end": "2024-12-31"} for n in range(1, count + 1)]
    return [f.deletion("snapshot", key) for key in keys]


@contextmanager
def statements_counted() -> Iterator[list[str]]:
    """All statements of this process; one for each row where rows are given one by one."""
    asked: list[str] = []
    in_duckdb, in_postgres = workbench._ParsingOnce.execute, psycopg.Cursor.execute

    def judging(self: Any, query: str, *parameters: Any) -> Any:
        asked.append(query)
        return in_duckdb(self, query, *parameters)

    def one_by_one(self: Any, query: str, rows: Any) -> Any:
        asked.extend([query] * len(rows))
        return self._con.executemany(query, rows)

    def storing(self: Any, query: Any, *rest: Any, **named: Any) -> Any:
        asked.append(str(query))
        return in_postgres(self, query, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbench._ParsingOnce, "execute", judging)
        patch.setattr(workbench._ParsingOnce, "executemany", one_by_one, raising=False)
        patch.setattr(psycopg.Cursor, "execute", storing)
        yield asked


CASES: list[tuple[str, Callable[[int], list[f.Native]], tuple[int, int, int, int]]] = [
    ("correction", rejected_corrections, (0, 0, 1, 0)),
    ("snapshot", waiting_snapshots, (0, 0, 0, 1)),
    ("deletion", rejected_deletions, (0, 0, 1, 0)),
]


@pytest.mark.parametrize(("dataset", "records", "counted"), CASES)
def test_many_lines_ask_no_more_than_a_few(
    deps: Deps, bank: Member, dataset: str, records: Any, counted: tuple[int, ...]
) -> None:
    f.send(deps, bank, dataset, *records(1))  # whatever a program asks once
    asked = {}
    for count in (FEW, MANY):
        with statements_counted() as one:
            view = f.send(deps, bank, dataset, *records(count))
        assert f.counts(view) == tuple(count * times for times in counted)
        asked[count] = one
    assert len(asked[MANY]) == len(asked[FEW])


def test_many_rows_that_waited_are_settled_by_as_many_statements_as_few(
    deps: Deps, bank: Member
) -> None:
    asked = {}
    for count, first in ((FEW, 1), (MANY, 101)):
        numbers = range(first, first + count)
        f.send(deps, bank, "subject", *(f.subject(n) for n in numbers))
        sent = f.send(deps, bank, "snapshot", *(f.snapshot(n, "2024-12") for n in numbers))
        with statements_counted() as one:
            f.send(deps, bank, "account", *(f.account(n) for n in numbers))
        assert f.counts(show(deps, None, sent.submission_id)) == (count, 0, 0, 0)
        asked[count] = [text for text in one if "intake.pending_outcome (" in text]
    assert len(asked[MANY]) == len(asked[FEW])


def test_rows_that_wait_are_read_some_at_a_time(
    deps: Deps, bank: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "_JUDGED_AT_ONCE", 10, raising=False)
    f.send(deps, bank, "subject", *(f.subject(n) for n in range(1, 31)))
    sent = f.send(deps, bank, "snapshot", *waiting_snapshots(30))
    fetched, held = psycopg.Cursor.fetchall, []

    def fetchall(self: Any) -> list[Any]:
        rows = fetched(self)
        held.append(len(rows) if "record_sealed" in _columns(self) else 0)
        return rows

    monkeypatch.setattr(psycopg.Cursor, "fetchall", fetchall)
    f.send(deps, bank, "account", *(f.account(n) for n in range(1, 31)))
    assert f.counts(show(deps, None, sent.submission_id)) == (30, 0, 0, 0)
    assert [count for count in held if count] == [10, 10, 10]


def _columns(cursor: Any) -> list[str]:
    return [column.name for column in cursor.description or ()]
