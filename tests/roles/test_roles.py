"""What each role may not do is refused by the database itself, not by our good intentions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import catalogue
import psycopg
import pytest

from tallystick.adapters.postgres import database_name
from tallystick.consent import permit_text

DENIED = "42501"  # insufficient_privilege
PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "roles.md"
_BEGIN, _END = "<!-- grants -->\n", "<!-- /grants -->\n"

#: role, statement; each fails with `insufficient_privilege`.
REFUSED = [
    # serve answers: it neither writes the ledger nor touches what was written
    ("serve", "select * from gate.mint_key"),
    ("serve", "insert into ledger.chunk (chunk_no, dataset, row_count, root, inserted_at)"
              " values (1, 'x', 0, repeat('0', 32)::bytea, now())"),
    ("serve", "insert into ledger.publication select 1, now(), 1, repeat('0', 32)::bytea"),
    ("serve", "update ledger.counter set position = 0"),
    ("serve", "delete from ledger.snapshot"),
    ("serve", "truncate ledger.snapshot"),
    ("serve", "update log.look set outcome = 'no_hit'"),
    ("serve", "delete from log.look"),
    ("serve", "delete from log.body"),
    ("serve", "insert into log.entry (number) values (0)"),
    ("serve", "update gate.consent set purpose = 'x'"),
    ("serve", "delete from gate.consent"),
    ("serve", "delete from gate.withdrawal"),
    ("serve", "delete from gate.look_outbox"),
    ("serve", "update file.account set last_bucket = '0'"),
    ("serve", "select * from file.tail"),
    ("serve", "select * from file.account_now"),
    ("serve", "insert into file.tail select"),
    ("serve", "insert into file.subject (subject_id) values (gen_random_uuid())"),
    ("serve", "insert into identity.link select"),
    ("serve", "delete from directory.token_subject"),
    ("serve", "update directory.token set token = token"),
    ("serve", "update intake.submission set state = 'published'"),
    ("serve", "select ledger.ensure_month('2024-01-01')"),
    ("serve", "create table ledger.mine (one integer)"),
    # intake publishes: it sees neither answers nor who looked, and changes nothing published
    ("intake", "select * from log.look"),
    ("intake", "select * from log.body"),
    ("intake", "select * from gate.look_outbox"),
    ("intake", "select * from gate.request"),
    ("intake", "select * from gate.mint_key"),
    ("intake", "select gate.permitted_subject()"),
    ("intake", "select * from access.session"),
    ("intake", "select * from access.idempotency"),
    ("intake", "insert into log.look select"),
    ("intake", "delete from ledger.snapshot"),
    ("intake", "update ledger.snapshot set bucket = '0'"),
    ("intake", "delete from ledger.chunk"),
    ("intake", "update ledger.chunk set root = root"),
    ("intake", "delete from ledger.publication"),
    ("intake", "update ledger.publication set recorded_at = recorded_at"),
    ("intake", "insert into ledger.counter values (true, 0, now())"),
    ("intake", "insert into ledger.erased select"),
    ("intake", "delete from identity.link"),
    ("intake", "update identity.link set subject_id = subject_id"),
    ("intake", "delete from identity.apart"),
    ("intake", "delete from intake.finding"),
    ("intake", "update intake.funnel set accepted = 0"),
    ("intake", "update gate.consent set purpose = 'x'"),
    ("intake", "delete from gate.withdrawal"),
    ("intake", "insert into member.member select"),
    # batch counts: no person's file, no identity, no log
    ("batch", "select * from file.subject"),
    ("batch", "select * from file.account"),
    ("batch", "select * from file.account_now"),
    ("batch", "select * from file.tail"),
    ("batch", "select * from ledger.subject"),
    ("batch", "select * from ledger.remark"),
    ("batch", "select * from identity.link"),
    ("batch", "select * from directory.token"),
    ("batch", "select * from directory.party_subject"),
    ("batch", "select * from gate.consent"),
    ("batch", "select * from log.look"),
    ("batch", "select * from log.body"),
    ("batch", "select * from intake.raw_part"),
    ("batch", "select * from intake.finding"),
    ("batch", "insert into ledger.chunk select"),
    # sequencer numbers looks: it knows no person and no record
    ("sequencer", "select * from identity.link"),
    ("sequencer", "select * from directory.token"),
    ("sequencer", "select * from directory.token_subject"),
    ("sequencer", "select * from ledger.subject"),
    ("sequencer", "select * from ledger.snapshot"),
    ("sequencer", "select * from file.account"),
    ("sequencer", "select * from log.body"),
    ("sequencer", "select * from gate.consent"),
    ("sequencer", "select * from gate.mint_key"),
    ("sequencer", "update log.look set outcome = 'x'"),
    ("sequencer", "delete from log.look"),
    ("sequencer", "update log.entry set commitment = commitment"),
    ("sequencer", "delete from log.entry"),
    ("sequencer", "update log.tree_head set root = root"),
    ("sequencer", "delete from log.tree_head"),
    ("sequencer", "insert into gate.look_outbox select"),
    # eraser deletes what the law lets go: never the order, the tree, or anything by changing it
    ("eraser", "update ledger.snapshot set bucket = '0'"),
    ("eraser", "insert into ledger.snapshot select"),
    ("eraser", "delete from ledger.chunk"),
    ("eraser", "delete from ledger.publication"),
    ("eraser", "delete from ledger.erased"),
    ("eraser", "update ledger.counter set position = 0"),
    ("eraser", "update log.look set outcome = 'x'"),
    ("eraser", "insert into log.look select"),
    ("eraser", "delete from log.entry"),
    ("eraser", "delete from log.tree_head"),
    ("eraser", "delete from log.erasure"),
    ("eraser", "delete from member.member"),
    ("eraser", "select * from gate.mint_key"),
]  # fmt: skip


@pytest.mark.parametrize(("role", "statement"), REFUSED)
def test_a_role_may_not(as_role: Any, role: str, statement: str) -> None:
    with as_role(role) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement)
    assert refused.value.sqlstate == DENIED


#: The counterpart: what the same roles do all day is not refused.
ALLOWED = [
    ("serve", "select * from log.look"),
    ("serve", "insert into gate.head (subject_id) values (gen_random_uuid())"),
    ("intake", "select ledger.ensure_month('2031-01-01')"),
    ("intake", "create temporary table mine (one integer) on commit drop"),
    ("intake", "select * from ledger.counter for update"),
    ("batch", "select * from ledger.snapshot"),
    ("sequencer", "delete from gate.look_outbox"),
    ("sequencer", "select * from log.look"),
    ("eraser", "delete from ledger.snapshot"),
    ("eraser", "delete from log.body"),
]


@pytest.mark.parametrize(("role", "statement"), ALLOWED)
def test_a_role_may(as_role: Any, role: str, statement: str) -> None:
    with as_role(role) as connection:
        connection.execute(statement)


def test_only_eraser_deletes_from_ledger_and_log_and_nobody_changes_them(owner: Any) -> None:
    locks = {("ledger.counter", "intake"), ("log.sequencer", "sequencer")}  # rows that are locks
    found = catalogue.grants(owner)
    guarded = {
        place: words
        for place, words in found.items()
        if place[0].split(".")[0] in ("ledger", "log")
    }
    assert {role for (_, role), words in guarded.items() if "delete" in words} == {"eraser"}
    changing = {
        place
        for place, words in guarded.items()
        if any(word.startswith("change") for word in words)
    }
    assert changing == locks


def test_only_intake_and_batch_make_temporary_tables(owner: Any, migrated: Any) -> None:
    """Asked of the migrated database itself: a copy of it loses the database's own grants."""
    rows = owner.execute(
        "select role from unnest(%s::text[]) role"
        " where has_database_privilege('tallystick_' || role, %s, 'temporary')",
        (list(catalogue.ROLES), database_name(migrated.url)),
    ).fetchall()
    assert {row[0] for row in rows} == {"intake", "batch"}


def test_nobody_else_holds_a_grant(owner: Any) -> None:
    assert {role for _, role in catalogue.grants(owner)} <= set(catalogue.ROLES)


def test_a_new_month_is_guarded_like_the_table_it_belongs_to(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("select ledger.ensure_month('2031-02-01')")
        denied = [
            (role, privilege)
            for role in catalogue.ROLES
            for privilege in ("select", "insert", "update", "delete", "truncate")
            if _may(connection, role, "ledger.snapshot_2031_02", privilege)
            != _may(connection, role, "ledger.snapshot", privilege)
        ]
        connection.rollback()
    assert denied == []


def _may(connection: psycopg.Connection[Any], role: str, table: str, privilege: str) -> bool:
    row = connection.execute(
        "select has_table_privilege('tallystick_' || %s, %s, %s)", (role, table, privilege)
    ).fetchone()
    return bool(row and row[0])


def test_definers_functions_belong_to_no_superuser_and_pin_their_path(owner: Any) -> None:
    rows = owner.execute(
        "select p.proname, r.rolname, r.rolsuper, p.proconfig from pg_proc p"
        " join pg_roles r on r.oid = p.proowner join pg_namespace n on n.oid = p.pronamespace"
        " where p.prosecdef and n.nspname = any(%s)",
        (list(catalogue.SCHEMAS),),
    ).fetchall()
    assert rows
    for name, role, is_super, settings in rows:
        assert (role, is_super) == ("tallystick_owner", False), name
        assert any(one.startswith("search_path=pg_catalog") for one in settings), name


@pytest.fixture
def on_file(url: str) -> tuple[UUID, UUID]:
    """Two persons on file."""
    both = (uuid4(), uuid4())
    with psycopg.connect(url) as connection:
        connection.execute("insert into file.subject (subject_id) values (%s), (%s)", both)
        for subject in both:
            connection.execute(_ACCOUNT, {"subject": subject})
            connection.execute(_TAIL, {"subject": subject})
    return both


_ACCOUNT = """
insert into file.account (subject_id, account_id, party_id, furnisher_id, role, product, currency,
  basis, terms, changed_by)
values (%(subject)s, %(subject)s, %(subject)s, %(subject)s, 'borrower', 'other', 'CNY',
  'consent', '{}', 1)
"""
_TAIL = """
insert into file.tail (chunk_id, last_period_end, subject_id, account_id, last_bucket, last_status,
  months, latest)
values (2, '2024-12-31', %(subject)s, %(subject)s, '0', 'open', '', '{}')
"""


def _seen(connection: psycopg.Connection[Any], permit: str | None) -> set[UUID]:
    if permit is not None:
        connection.execute("select set_config('tallystick.permit', %s, true)", (permit,))
    seen: list[set[UUID]] = [
        {row[0] for row in connection.execute(f"select subject_id from file.{table}")}
        for table in ("subject", "account", "account_permitted")
    ]
    assert all(one == seen[0] for one in seen)
    return seen[0]


def _transaction(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute("select pg_current_xact_id()::text").fetchone()
    assert row is not None
    return str(row[0])


def test_a_permit_opens_one_file_in_one_transaction(
    as_role: Any, keys: Any, on_file: tuple[UUID, UUID]
) -> None:
    her, other = on_file
    with as_role("serve") as connection:
        good = permit_text(keys.mint_key, her, _transaction(connection))
        wrong = [
            None,
            "",
            good[:-1] + ("0" if good[-1] != "0" else "1"),
            str(other) + good[36:],
            permit_text(b"x" * 32, her, _transaction(connection)),
            permit_text(keys.mint_key, her, str(int(_transaction(connection)) - 1)),
        ]
        for permit in wrong:
            assert _seen(connection, permit) == set(), permit
        assert _seen(connection, good) == {her}
        connection.commit()
        assert _seen(connection, None) == set()
        assert _seen(connection, good) == set()


def test_the_page_of_grants_is_the_golden_truth(
    owner: Any, golden: Callable[[Path, str], None]
) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(_BEGIN)
    _, after = rest.split(_END)
    golden(PAGE, before + _BEGIN + "\n" + catalogue.grants_page(owner) + _END + after)
