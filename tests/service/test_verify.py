"""The ledger verifies as long as nobody touched it; whatever is changed behind it is named."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

import factory
from beginnings import beginning
from tallystick.ledger import tables
from tallystick.service.members import members
from tallystick.service.verify import ledger_rebuild, ledger_verify, verify_in


def files(bureau: Any) -> list[tuple[Any, ...]]:
    """All files, without the stamp of the last change."""
    with psycopg.connect(bureau.url) as connection:
        names = [
            row[0]
            for row in connection.execute(
                "select column_name from information_schema.columns where table_schema = 'file'"
                " and table_name = 'account' and column_name <> 'changed_by'"
            )
        ]
        query = f"select {', '.join(names)} from file.account_now order by subject_id, account_id"
        accounts = connection.execute(query).fetchall()
        return accounts + connection.execute("select * from file.subject order by 1").fetchall()


def _begin(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank, (1, 2))
    factory.send(bureau.deps, bank, "account_party", factory.account_party(1, 2))
    months = [factory.snapshot(1, month) for month in ("2024-11", "2024-12")]
    factory.send(bureau.deps, bank, "snapshot", *months)
    factory.send(bureau.deps, bank, "agreement", factory.agreement(1))


template = beginning(_begin)


_CO_BORROWER = "subject_id = (select subject_id from file.account where role = 'co_borrower')"
#: What is changed as the superuser, behind every wall, and where and how it is found.
#: Chunks: 1 subjects and tokens, 2 links, 3 accounts, 4 holder, 5 months, 6 agreement.
_SPOILT = [
    ("update ledger.snapshot set balance_minor = 1 where period_end = '2024-12-31'",
     "chunk 5: row 1 of snapshot is not what its leaf says"),
    ("update ledger.snapshot set balance_minor = null, leaf = sha256('x') where period_end ="
     " '2024-12-31'", "chunk 5: its rows do not give its root"),
    ("delete from ledger.snapshot where period_end = '2024-12-31'", "chunk 5: row 1 is missing"),
    ("delete from ledger.agreement", "chunk 6: all of its 1 rows are missing"),
    ("delete from ledger.chunk where chunk_id = 4", "chunk 4: has rows but is not there"),
    ("update ledger.chunk set root = sha256('x') where chunk_id = 6",
     "position 6: its digest is not its chunk's root"),
    ("delete from ledger.publication where position = 3", "position 3: missing"),
    ("update ledger.counter set position = position + 1",
     "counter: does not stand at the last position"),
    ("update ledger.publication set recorded_at = '2020-01-01' where position = 5",
     "position 5: recorded no later than the one before"),
    ("insert into ledger.abandoned values (6)", "position 6: its chunk was given up"),
    ("update file.account set principal_minor = 5 where role = 'borrower' and"
     " account_id in (select account_id from file.tail)", "principal_minor not as folded"),
    (f"update file.tail set last_balance_minor = 5 where {_CO_BORROWER}",
     "last_balance_minor not as folded"),
    (f"update file.tail set months = substr(months, 22) where {_CO_BORROWER}",
     "months not as folded"),
    (f"delete from file.tail where {_CO_BORROWER}", "latest, months not as folded"),
    ("delete from file.account where role = 'co_borrower'", "missing"),
    ("update file.subject set document = '{}' where document like '%credit_limit%'",
     "its document is not its fold"),
    ("delete from file.subject where document like '%credit_limit%'", "has no file"),
    ("insert into file.subject values ('00000000-0000-0000-0000-000000000001')",
     "has a file and no link"),
    ("delete from directory.party_subject where party_id ="
     " (select holder_party_id from ledger.account_party)", "is not in the directory"),
    ("delete from directory.token_subject where subject_id ="
     " (select subject_id from file.account where role = 'co_borrower')",
     "is not in the directory"),
    ("update ledger.chunk set furnisher_id = gen_random_uuid() where chunk_id = 5",
     "chunk 5: its furnisher is not that of its statements"),
    ("update ledger.chunk set furnisher_id = gen_random_uuid() where chunk_id = 2",
     "chunk 2: it has a furnisher, and is of no submission"),
    ("update ledger.chunk set furnisher_id = null where chunk_id = 5",
     "chunk 5: its furnisher is not its submission's"),
    ("update directory.object set furnisher_id = gen_random_uuid() where kind = 'account'"
     " and object_id = (select distinct account_id from file.tail)",
     "its furnisher is not that of its statements"),
    ("update directory.object set furnisher_id = gen_random_uuid() where kind = 'agreement'",
     "its furnisher is not that of its statements"),
    ("update directory.object set party_id = gen_random_uuid() where kind = 'account'"
     " and object_id = (select distinct account_id from file.tail)",
     "its party is not that of its statements"),
]  # fmt: skip


def test_an_untouched_ledger_verifies_and_rebuilds_to_the_same_bytes(bureau: Any) -> None:
    report = ledger_verify(bureau.deps)
    assert (report.ok, report.first, report.subjects) == (True, None, 2)
    assert (report.positions, report.rows) == (6, 2 + 2 + 2 + 2 + 1 + 2 + 1)
    before = files(bureau)
    made = ledger_rebuild(bureau.deps)
    assert (made.subjects, made.accounts) == (2, 3)
    assert files(bureau) == before
    assert ledger_verify(bureau.deps, sample=1).subjects == 1


def test_whatever_is_changed_behind_it_is_named(bureau: Any) -> None:
    with psycopg.connect(bureau.url) as connection:
        for statement, expected in _SPOILT:
            assert connection.execute(statement).rowcount == 1, statement
            report = verify_in(connection, lambda *_: None)
            assert any(expected in fault for fault in report.faults), (statement, report.faults)
            assert report.positions == (5 if expected == "position 3: missing" else 6), statement
            connection.rollback()
        assert verify_in(connection, lambda *_: None).ok


def test_a_text_put_where_there_was_none_is_named_before_and_after_a_rebuild(bureau: Any) -> None:
    """Chunks as in `_SPOILT`; `\\N` is what stands for NULL in a leaf."""
    chunks = {"subject": 1, "account": 3, "account_party": 4, "snapshot": 5, "agreement": 6}
    with psycopg.connect(bureau.url) as connection:
        for dataset, chunk in chunks.items():
            for column in sorted(tables.free_texts(dataset)):
                for text in ("\\N", "\\\\N", ""):
                    _expect_named(connection, f"ledger.{dataset}", column, chunk=chunk, text=text)
        connection.execute("update ledger.account set consent_ref = '\\N'")
        connection.commit()
    ledger_rebuild(bureau.deps)
    faults = ledger_verify(bureau.deps).faults
    assert faults == tuple(
        f"chunk 3: row {row} of account is not what its leaf says" for row in (0, 1)
    )


def _expect_named(
    connection: psycopg.Connection[Any], table: str, column: str, *, chunk: int, text: str
) -> None:
    rows = connection.execute(
        f"update {table} set {column} = %s where {column} is null returning row_no",  # type: ignore[arg-type]
        (text,),
    ).fetchall()
    faults = verify_in(connection, lambda *_: None).faults
    connection.rollback()
    name = table.removeprefix("ledger.")
    for (row,) in rows:
        assert f"chunk {chunk}: row {row} of {name} is not what its leaf says" in faults, column


def test_a_rebuild_mends_spoilt_files_and_later_chunks_go_on(bureau: Any) -> None:
    with psycopg.connect(bureau.url) as connection:
        connection.execute("update file.account set terms = '{}', changed_by = 0")
        connection.execute("update file.tail set months = '', chunk_id = 0")
        connection.execute("delete from file.subject")
    ledger_rebuild(bureau.deps)
    assert ledger_verify(bureau.deps).faults == ()
    bank = next(iter(members(bureau.deps)))
    view = factory.send(bureau.deps, bank, "snapshot", factory.snapshot(2, "2024-12"))
    assert factory.counts(view) == (1, 0, 0, 0)
    assert ledger_verify(bureau.deps).faults == ()


@pytest.mark.from_nothing
def test_an_account_that_was_sold_keeps_an_entry_of_each_furnisher(bureau: Any) -> None:
    seller, buyer = factory.member(bureau.deps), factory.member(bureau.deps, "bank2")
    for bank in (seller, buyer):
        factory.send(bureau.deps, bank, "subject", factory.subject(1))
    factory.send(bureau.deps, seller, "account", factory.account(1))
    sold = factory.event(1, event_type="sold", occurred_at="2024-12-31T10:00:00+08:00")
    factory.send(bureau.deps, seller, "event", sold)
    bought = factory.account(
        7, 1, valid_from="2025-01-01", formerly_reason="sold",
        formerly_furnisher=seller.code, formerly_account_number="A1",
    )  # fmt: skip
    assert factory.counts(factory.send(bureau.deps, buyer, "account", bought)) == (1, 0, 0, 0)
    assert ledger_verify(bureau.deps).faults == ()
    with psycopg.connect(bureau.url) as connection:
        for was, becomes in ((seller, buyer), (buyer, seller)):
            connection.execute(
                "update directory.object set furnisher_id = %s where furnisher_id = %s",
                (becomes.member_id, was.member_id),
            )
            (fault,) = verify_in(connection, lambda *_: None).faults
            assert fault.endswith("its furnisher is not that of its statements")
            connection.rollback()
