"""A test finds its database as if made for it, whatever the one before it left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

import places
from bureaus import Database

SETTING = "insert into meta.setting values ('left', 'behind')"
COUNT = "select count(*) from meta.setting where name = 'left'"
NEXT = "select nextval(pg_get_serial_sequence('ledger.chunk', 'chunk_id'))"


def sql(database: Database, query: str) -> Any:
    with psycopg.connect(database.url, autocommit=True) as connection:
        cursor = connection.execute(query)  # type: ignore[call-overload]
        return cursor.fetchone() if cursor.description else None


def test_rows_and_numbers_are_those_of_the_beginning(migrated: Database) -> None:
    with places.used(migrated) as database:
        first = sql(database, NEXT)
        sql(database, SETTING)
        begin = places.laid(database)
    with places.used(migrated) as database:
        assert (sql(database, COUNT), sql(database, NEXT)) == ((0,), first)
    with places.used(migrated, begin) as database:
        assert (sql(database, COUNT), sql(database, NEXT)) == ((1,), (first[0] + 1,))


#: What is left, and whether the next test may use the place.
LEFT: dict[str, tuple[str, bool]] = {
    "nothing": ("select", True),
    "a row": (SETTING, True),
    "a month": ("select ledger.ensure_month('1999-01-01')", True),
    "a column": ("alter table meta.setting add column left_over text", False),
    "a constraint": ("alter table meta.setting add constraint odd check (value <> 'x')", False),
    "a trigger that is off": ("alter table member.api_key disable trigger all", False),
    "a grant": ("grant delete on meta.setting to tallystick_batch", False),
    "a table": ("create table left_over ()", False),
    "nobody connected": (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()",
        False,
    ),
}


def used_again(migrated: Database, leave: Callable[[Database], object]) -> bool:
    """Whether the place that was left so is the next one's."""
    with places.used(migrated) as database:
        leave(database)
    with places.used(migrated) as following:
        assert sql(following, COUNT) == (0,)
    return following == database


@pytest.mark.parametrize(("query", "is_used"), LEFT.values(), ids=LEFT)
def test_what_cannot_be_laid_out_anew_is_dropped(
    migrated: Database, query: str, is_used: bool
) -> None:
    assert used_again(migrated, lambda database: sql(database, query)) is is_used


@pytest.mark.parametrize("query", ["select", "select pg_advisory_lock(7)"])
def test_who_stays_connected_is_met_by_nobody(migrated: Database, query: str) -> None:
    stay: list[Any] = []

    def leave(database: Database) -> None:
        stay.append(psycopg.connect(database.url, autocommit=True))
        stay[0].execute(query)

    assert not used_again(migrated, leave)
    stay[0].close()
