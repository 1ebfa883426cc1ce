"""The schema can be spread over machines: keyed by person, few foreign keys, no triggers."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import catalogue
import psycopg
import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "reference" / "tables.md"
KEYS = ("party_id", "subject_id")


def _listed(heading: str) -> dict[str, str]:
    """The rows of the page's table under a heading: name -> reason."""
    part = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", part, flags=re.MULTILINE)
    return {name: reason.split("|")[-1].strip() for name, reason in rows}


def _person_tables(owner: psycopg.Connection[Any]) -> list[catalogue.Table]:
    return [one for one in catalogue.tables(owner) if set(one.columns) & set(KEYS)]


def test_tables_of_persons_are_keyed_by_the_person(owner: Any) -> None:
    otherwise = {
        one.name for one in _person_tables(owner) if one.key[:1] not in {(k,) for k in KEYS}
    }
    lookups = set(_listed("Lookup tables"))
    has_person = {one.name for one in _person_tables(owner)}
    assert otherwise == lookups & has_person


def test_every_listed_table_is_there_and_has_a_reason(owner: Any) -> None:
    names = {one.name for one in catalogue.tables(owner)}
    listed = _listed("Lookup tables")
    assert set(listed) <= names
    assert all(len(reason) > 20 for reason in listed.values())


def test_every_table_has_a_primary_key(owner: Any) -> None:
    assert [one.name for one in catalogue.tables(owner) if not one.key] == []


def test_person_tables_can_be_hashed_by_person(owner: Any) -> None:
    """PostgreSQL itself refuses a unique constraint that lacks the key of distribution."""
    lookups = _listed("Lookup tables")
    for table in _person_tables(owner):
        if table.name not in lookups:
            owner.execute(
                f"create temporary table spread (like {table.name} including all)"
                f" partition by hash ({table.key[0]})"
            )
            owner.execute("drop table spread")


def test_keys_of_persons_are_uuids_never_null(owner: Any) -> None:
    rows = owner.execute(
        "select table_schema || '.' || table_name, column_name, data_type, is_nullable"
        " from information_schema.columns where table_schema = any(%s) and column_name = any(%s)",
        (list(catalogue.SCHEMAS), list(KEYS)),
    ).fetchall()
    keyed = {(one.name, one.key[0]) for one in _person_tables(owner) if one.key}
    assert {row[2] for row in rows} == {"uuid"}
    assert all(row[3] == "NO" for row in rows if (row[0], row[1]) in keyed)


def test_no_triggers(owner: Any) -> None:
    rows = owner.execute("select tgname from pg_trigger where not tgisinternal").fetchall()
    assert rows == []


def test_foreign_keys_only_between_small_tables(owner: Any) -> None:
    rows = owner.execute(
        "select conrelid::regclass::text from pg_constraint where contype = 'f'"
        " and connamespace::regnamespace::text = any(%s)",
        (list(catalogue.SCHEMAS),),
    ).fetchall()
    assert {row[0] for row in rows} == set(_listed("Foreign keys"))


@pytest.mark.parametrize("forbidden", ["pg_advisory", "pg_try_advisory", "create trigger"])
def test_no_statement_of_ours_uses(forbidden: str) -> None:
    """Advisory locks are of one node; triggers are refused by a spread database.

    Three places may: the vault of keys, a small database of its own that is never spread; the
    intake's hold on a submission, whose workers all connect to the node that knows submissions (a
    row lock would keep a transaction open as long as the job runs); and a person's queue, which
    only says whose turn it is: what must hold rests on the lock of her head's row, on every node.
    """
    exempt = {"vault.py", "intake_store.py", "heads.py", "gate_sql.py"}
    using = [
        str(path.relative_to(ROOT))
        for ending in ("*.py", "*.sql")
        for path in (ROOT / "src").rglob(ending)
        if path.name not in exempt and forbidden in path.read_text(encoding="utf-8").lower()
    ]
    assert using == []


def test_two_may_make_the_same_month_at_once(url: str) -> None:
    """Who waited for the other meets the month made; each month is tried from the start."""
    with psycopg.connect(url) as first, psycopg.connect(url) as second:
        for connection in (first, second):
            connection.execute("set role tallystick_intake")
            connection.execute("select to_regclass('ledger.snapshot_2032_01')")
        first.execute("select ledger.ensure_month('2032-01-01')")
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(second.execute, "select ledger.ensure_month('2032-01-01')")
            time.sleep(0.3)
            first.commit()
            waiting.result(30)
        second.rollback()
