"""Files the proofs send, no two rows alike, and the ledger's rows compared with them."""

from __future__ import annotations

import csv
import io
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql
from rig import Rig, months, table

from tallystick.formats import Field


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A file, and how many rows it holds."""

    dataset: str
    content: bytes
    count: int


#: Where the ledger keeps the furnisher's number of a row: column, kind of number, field.
_OWN: Final = {
    "snapshot": ("account_id", "account", "account_number"),
    "event": ("object_id", "account", "account_number"),
    "payment": ("object_id", "payer_account", "payer_account_number"),
}


def of_months(accounts: int, count: int) -> Sent:
    """Some months of every account."""
    return _sent("snapshot", _months(accounts, count))


def of_events(accounts: int, each: int) -> Sent:
    """Some events of every account."""
    return _sent("event", _events(accounts, each))


def of_payments(persons: int, count: int) -> Sent:
    """Some months of a telephone line of every person."""
    return _sent("payment", _payments(persons, count))


def _sent(dataset: str, records: Iterator[dict[str, str]]) -> Sent:
    rows = list(records)
    return Sent(dataset=dataset, content=table(rows), count=len(rows))


def _months(accounts: int, count: int) -> Iterator[dict[str, str]]:
    for number, end in enumerate(months(count)):
        for serial in range(accounts):
            due = f"{100 + number}.{serial % 100:02d}"
            yield {
                "account_number": f"CANARYA{serial:05d}", "period_end": end, "bucket": "0",
                "days_past_due": "0", "currency": "CNY", "payment_due": due, "amount_paid": due,
                "balance": f"{11000 - 100 * number - serial}.{number:02d}",
                "amount_past_due": "0.00", "status": "open",
            }  # fmt: skip


def _events(accounts: int, each: int) -> Iterator[dict[str, str]]:
    for number in range(each):
        for serial in range(accounts):
            yield {
                "account_number": f"CANARYA{serial:05d}", "event_id": f"e{number}",
                "event_type": ("repaid", "prepaid", "drawn_down")[serial % 3],
                "occurred_at": f"2024-{number + 1:02d}-11T{serial % 24:02d}:30:00+08:00",
                "currency": "CNY", "amount": f"{1 + serial}.{number:02d}",
            }  # fmt: skip


def _payments(persons: int, count: int) -> Iterator[dict[str, str]]:
    for number, end in enumerate(months(count)):
        for serial in range(persons):
            yield {
                "payer_account_number": f"CANARYT{serial:04d}",
                "person_number": f"CANARYP{serial:04d}", "payment_kind": "telecom",
                "period_end": end, "bucket": "0", "days_past_due": "0", "currency": "CNY",
                "amount_due": f"{serial}.{number:02d}", "amount_paid": f"{serial}.{number:02d}",
                "basis": "contract",
            }  # fmt: skip


def stage(rig: Rig, submission_id: UUID) -> str:
    """How far a submission has come: its stage, and rows published."""
    at = rig.one("select stage from intake.submission where submission_id = %s", submission_id)
    return f"{at}:{published(rig, submission_id)}"


def published(rig: Rig, submission_id: UUID) -> int:
    """How many rows of a submission are published by now."""
    found: int = rig.one(
        "select coalesce(sum(row_count), 0)::int from ledger.chunk"
        " join ledger.publication using (chunk_id) where submission_id = %s",
        submission_id,
    )
    return found


def wait_until(
    rig: Rig, submission_id: UUID, share: float, file: Sent, *, process: subprocess.Popen[bytes]
) -> None:
    """Wait until a process published this share of the rows; below nought so many seconds."""
    if share < 0:
        time.sleep(-share)
    end = time.monotonic() + 60
    while published(rig, submission_id) < share * file.count:
        if process.poll() or time.monotonic() > end:
            process.kill()
            complaint = process.communicate()[1] or b""
            raise AssertionError(f"{stage(rig, submission_id)} {complaint.decode()[-2000:]}")
        time.sleep(0.005)


def check_submission(rig: Rig, submission_id: UUID, sent: Sent) -> None:
    """Nothing lost, doubled or changed: the funnel says so, and the ledger shows it."""
    state = rig.one("select state from intake.submission where submission_id = %s", submission_id)
    assert state == "published"
    counted = rig.one(
        "select array[sum(accepted), sum(unchanged), sum(rejected), sum(pending)]::int[]"
        " from intake.funnel where submission_id = %s",
        submission_id,
    )
    assert counted == [sent.count, 0, 0, 0]
    assert published(rig, submission_id) == sent.count
    check_kept(rig, sent)


def check_kept(rig: Rig, sent: Sent) -> None:
    """Every row sent is published once with the values it was sent with, and no other row is."""
    fields = [field for field in rig.deps.registry[sent.dataset].fields if not field.personal]
    names = csv.DictReader(io.StringIO(sent.content.decode())).fieldnames or ()
    given = [field for field in fields if field.name in names]
    expected, kept = Counter(_expected(rig, sent, given)), Counter(_kept(rig, sent.dataset, given))
    assert expected.total() == sent.count
    lost, more = expected - kept, kept - expected
    assert (lost.total(), more.total()) == (0, 0), "rows lost, rows doubled or changed"


def _expected(rig: Rig, sent: Sent, fields: list[Field]) -> Iterator[tuple[Any, ...]]:
    _, kind, name = _OWN[sent.dataset]
    for row in csv.DictReader(io.StringIO(sent.content.decode())):
        token = rig.deps.keys.number_token(rig.bank.member_id, kind, row[name])
        yield (token, *(_READ.get(field.type, str)(row[field.name]) for field in fields))


_READ: Final[dict[str, Callable[[str], Any]]] = {
    "money": lambda text: int(text.replace(".", "")),  # the proofs' money has two digits
    "integer": int,
    "date": date.fromisoformat,
    "instant": datetime.fromisoformat,
}


def _kept(rig: Rig, dataset: str, fields: list[Field]) -> Iterator[tuple[Any, ...]]:
    own, kind, _ = _OWN[dataset]
    names = [f"{field.name}_minor" if field.type == "money" else field.name for field in fields]
    query = sql.SQL(
        "select o.number_token, {values} from ledger.{dataset} l"
        " join ledger.publication using (chunk_id)"
        " join directory.object o on o.object_id = l.{own} and o.kind = {kind}"
    ).format(
        values=sql.SQL(", ").join(sql.Identifier("l", name) for name in names),
        dataset=sql.Identifier(dataset), own=sql.Identifier(own), kind=kind,
    )  # fmt: skip
    with psycopg.connect(rig.url) as connection:
        yield from connection.execute(query)
