"""Bad files, tried and shown: what each is answered, where, and that the good row goes through."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from service import gate_world as gw
from tallystick.service.submissions import SubmissionView, findings
from tallystick.service.submit import process, receive, submit_records

COLUMNS = (
    "account_number", "period_end", "bucket", "days_past_due", "currency", "balance",
    "payment_due", "amount_paid", "amount_past_due", "status",
)  # fmt: skip
HEADER = ",".join(COLUMNS)
GOOD = {
    "period_end": "2024-12-31", "bucket": "0", "days_past_due": "0", "currency": "CNY",
    "balance": "900.00", "payment_due": "100.00", "amount_paid": "100.00",
    "amount_past_due": "0.00", "status": "open",
}  # fmt: skip

GUIDE = Path(__file__).parent.parent.parent / "docs" / "guides" / "bad-input.md"

Content = Callable[[str], bytes]
#: (rule, line, column) of a finding.
Found = tuple[str, int | None, int | None]


def row(account: str, **changes: str) -> str:
    cells = {"account_number": account, **GOOD, "period_end": "2024-11-30", **changes}
    return ",".join(cells[name] for name in COLUMNS)


def good(account: str) -> str:
    return row(account, period_end="2024-12-31")


def lines(*given: str) -> bytes:
    return ("\n".join(given) + "\n").encode()


def beside(bad: Callable[[str], str]) -> Content:
    """A good row, and a bad one after it in line 3."""
    return lambda account: lines(HEADER, good(account), bad(account))


def cell(**changes: str) -> Content:
    return beside(lambda account: row(account, **changes))


def number(field: str, written: str) -> Content:
    """NDJSON: a good line, and one with a JSON number after it."""
    later = {**GOOD, "period_end": "2024-11-30", field: orjson.Fragment(written)}
    return lambda account: b"".join(
        orjson.dumps({"account_number": account, **one}) + b"\n" for one in (GOOD, later)
    )


@dataclass(frozen=True)
class Case:
    """What is sent, what is found, and how many rows are accepted and rejected."""

    name: str
    content: Content
    found: tuple[Found, ...]
    accepted: int = 1
    rejected: int = 1


def whole(name: str, content: Content, *found: Found) -> Case:
    """A file that is refused as a whole."""
    return Case(name, content, found, accepted=0, rejected=0)


CASES = [
    whole("empty file", lambda _: b"", ("FMT-FILE-001", 1, None)),
    whole("only a byte-order mark", lambda _: b"\xef\xbb\xbf", ("FMT-FILE-001", 1, None)),
    whole("header only", lambda _: lines(HEADER), ("FMT-FILE-002", 1, None)),
    whole(
        "wrong delimiter",
        lambda one: lines(HEADER, good(one)).replace(b",", b";"),
        ("FMT-FILE-003", 1, 1),
    ),
    whole(
        "a column missing",
        lambda one: lines(HEADER.removesuffix(",status"), good(one).removesuffix(",open")),
        ("FMT-FILE-005", 1, None),
    ),
    whole(
        "a column missing that may be absent",
        lambda one: lines(
            HEADER.replace("balance,", ""), good(one).replace("CNY,900.00,", "CNY,")
        ),
        ("FMT-FILE-011", 1, None),
    ),
    whole(
        "a column nobody knows",
        lambda one: lines(f"{HEADER},religion", f"{good(one)},x"),
        ("FMT-FILE-004", 1, 11),
    ),
    whole(
        "a column doubled",
        lambda one: lines(f"{HEADER},balance", f"{good(one)},9.00"),
        ("FMT-FILE-006", 1, 11),
    ),
    whole(
        "another encoding",
        lambda one: lines(HEADER, *[good(one)] * 30).decode().encode("utf-16"),
        ("FMT-FILE-009", 1, None),
    ),
    whole(
        "line ends of CR alone",
        lambda one: lines(HEADER, good(one)).replace(b"\n", b"\r"),
        ("FMT-FILE-012", 1, None),
    ),
    whole(
        "a gzip bomb",
        lambda _: gzip.compress(lines(HEADER) + b"0" * (100 << 20), compresslevel=1),
        ("FMT-FILE-008", 1, None),
    ),
    whole(
        "gzip cut off",
        lambda one: gzip.compress(lines(HEADER, good(one)))[:-9],
        ("FMT-FILE-007", 1, None),
    ),
    whole(
        "gzip with bytes behind it",
        lambda one: gzip.compress(lines(HEADER, good(one))) + b"-- end",
        ("FMT-FILE-013", 1, None),
    ),
    whole("a workbook", lambda _: b"PK\x03\x04\x14\0\0\0\x08\0", ("FMT-FILE-019", 1, None)),
    whole(
        "gzip packed once more",
        lambda one: gzip.compress(gzip.compress(lines(HEADER, good(one)))),
        ("FMT-FILE-019", 1, None),
    ),
    whole(
        "columns without a name",
        lambda one: lines(f"{HEADER},,", f"{good(one)},,"),
        ("FMT-FILE-014", 1, 11),
    ),
    Case(
        "a cell too few",
        beside(lambda one: row(one).rpartition(",")[0]),
        (("FMT-ROW-001", 3, 10),),
    ),
    Case("a cell too many", beside(lambda one: row(one) + ",x"), (("FMT-ROW-002", 3, 11),)),
    Case("NUL", cell(status="op\0en"), (("FMT-ROW-003", 3, 10),)),
    Case(
        "not UTF-8",
        lambda one: lines(HEADER, good(one), row(one)).replace(b"2024-11-30", b"2024\xff11-30"),
        (("FMT-ROW-004", 3, 2),),
    ),
    Case("a quote never closed", beside(lambda one: '"' + row(one)), (("FMT-ROW-005", 3, 1),)),
    Case("1e400", cell(balance="1e400"), (("FMT-CELL-012", 3, 6),)),
    Case("too many digits", cell(balance="9" * 26), (("FMT-CELL-024", 3, 6),)),
    Case("digits of another script", cell(balance="١٢٣"), (("FMT-CELL-012", 3, 6),)),
    Case("underscores in a number", cell(balance="0000_0005"), (("FMT-CELL-012", 3, 6),)),
    Case("minus zero", cell(balance="-0"), (("FMT-CELL-012", 3, 6),)),
    Case("minus zero days", cell(days_past_due="-0"), (("FMT-CELL-015", 3, 4),)),
    Case("JSON: minus zero", number("days_past_due", "-0"), (("FMT-CELL-015", 2, None),)),
    Case("JSON: 1.0 days", number("days_past_due", "1.0"), (("FMT-CELL-015", 2, None),)),
    Case("JSON: an amount", number("balance", "1e400"), (("FMT-CELL-022", 2, None),)),
    Case("NaN", cell(balance="NaN"), (("FMT-CELL-012", 3, 6),)),
    Case("three digits of two", cell(balance="1.234"), (("FMT-CELL-013", 3, 6),)),
    Case("a day that is not", cell(period_end="2023-02-29"), (("FMT-CELL-010", 3, 2),)),
    Case("another form of date", cell(period_end="30/11/2024"), (("FMT-CELL-009", 3, 2),)),
    Case("an unknown code", cell(bucket="Z"), (("FMT-CELL-008", 3, 3),)),
    Case("an unknown currency", cell(currency="CNX"), (("FMT-CELL-008", 3, 5),)),
    Case("days of a huge number", cell(days_past_due="9" * 30), (("FMT-CELL-016", 3, 4),)),
    Case("nothing where something must be", cell(status=""), (("FMT-CELL-001", 3, 10),)),
    Case("absent without a known reason", cell(balance="absent:dunno"), (("FMT-CELL-003", 3, 6),)),
    Case(
        "a byte-order mark does no harm",
        lambda one: b"\xef\xbb\xbf" + lines(HEADER, good(one)), (), rejected=0,
    ),
    Case(
        "line ends of another system do no harm",
        lambda one: lines(HEADER, good(one)).replace(b"\n", b"\r\n"), (), rejected=0,
    ),
    Case(
        "no line end at the end does no harm",
        lambda one: lines(HEADER, good(one)).rstrip(), (), rejected=0,
    ),
    Case(
        "the same row twice, different",
        lambda one: lines(HEADER, good(one), row(one, period_end="2024-12-31", balance="1.00")),
        (("ANY-DUP-002", 3, None),),
    ),
    Case(
        "a row after one of its key that cannot be read",
        lambda one: lines(HEADER, row(one, period_end="2024-12-31", balance="x"), good(one)),
        (("FMT-CELL-012", 2, 6),),
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def accounts(world: gw.World) -> dict[str, str]:
    """An account for each case, so that no case stands in another's way."""
    gw.furnish(world, world.bank, months=0)
    numbers = {case.name: f"C-{number:02d}" for number, case in enumerate(CASES)}
    records = [
        {
            "account_number": number, "valid_from": "2024-01-01", "person_number": "P-1",
            "product": "instalment_loan", "currency": "CNY", "opened_on": "2024-01-01",
            "principal": "12000.00", "basis": "legal_duty",
        }
        for number in (*numbers.values(), "C-twice", "C-shared")
    ]  # fmt: skip
    assert submit_records(world.deps, world.bank, "account", records).accepted == len(records)
    return numbers


def sent(world: gw.World, content: bytes, member: gw.Member | None = None) -> SubmissionView:
    received = receive(world.deps, member or world.bank, "snapshot", io.BytesIO(content))
    assert received.is_new
    return process(world.deps, received.submission_id)


def located(world: gw.World, view: SubmissionView, *, with_warnings: bool = False) -> list[Found]:
    return [
        (one.rule_id, one.line_no, one.column_no)
        for one in findings(world.deps, None, view.submission_id)
        if with_warnings or one.severity != "warn"
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_found_where_it_is_and_harms_nothing_else(
    world: gw.World, accounts: dict[str, str], case: Case
) -> None:
    view = sent(world, case.content(accounts[case.name]))
    assert located(world, view) == list(case.found)
    assert (view.accepted, view.unchanged, view.rejected, view.pending) == (
        case.accepted, 0, case.rejected, 0,
    )  # fmt: skip
    assert view.sent == case.accepted + case.rejected
    assert view.state == ("published" if case.accepted else "rejected")


def test_the_same_row_twice_counts_once(world: gw.World, accounts: dict[str, str]) -> None:
    view = sent(world, lines(HEADER, good("C-twice"), good("C-twice")))
    assert (view.sent, view.accepted) == (2, 1)
    assert located(world, view, with_warnings=True) == [("ANY-DUP-001", 3, None)]
    assert (view.unchanged, view.rejected, view.pending) == (1, 0, 0)


def test_the_same_number_at_two_furnishers_is_two_accounts(
    world: gw.World, accounts: dict[str, str]
) -> None:
    gw.furnish(world, world.other, serial=2, account="C-shared", months=0)
    content = lines(HEADER, row("C-shared"), good("C-shared"))
    assert sent(world, content).accepted == 2
    assert sent(world, content, world.other).accepted == 2
    rows = world.rows(
        "select count(distinct account_id), count(distinct subject_id) from file.account_now f"
        " join directory.object d on d.object_id = f.account_id"
        " where f.furnisher_id = any(%s) and length(months) > 0 and d.number_token = any(%s)",
        [world.bank.member_id, world.other.member_id],
        [
            world.deps.keys.number_token(one.member_id, "account", "C-shared")
            for one in (world.bank, world.other)
        ],
    )
    assert rows == [(2, 2)]


def test_an_account_of_another_member_cannot_be_reported(
    world: gw.World, accounts: dict[str, str]
) -> None:
    """For the platform there is no such account; its row waits for one, and nothing is told."""
    account = accounts["empty file"]
    before = world.rows("select count(*) from ledger.snapshot")
    view = sent(world, lines(HEADER, good(account)), world.platform)
    assert (view.accepted, view.pending, view.sent) == (0, 1, 1)
    assert [one.rule_id for one in view.by_rule] == ["ANY-PARENT-001"]
    assert world.rows("select count(*) from ledger.snapshot") == before


def test_the_same_bytes_are_the_same_submission(world: gw.World, accounts: dict[str, str]) -> None:
    content = lines(HEADER, good(accounts["header only"]))
    first = receive(world.deps, world.bank, "snapshot", io.BytesIO(content))
    again = receive(world.deps, world.bank, "snapshot", io.BytesIO(content))
    assert (first.is_new, again.is_new) == (True, False)
    assert first.submission_id == again.submission_id
    assert process(world.deps, first.submission_id).accepted == 1
    assert process(world.deps, first.submission_id).accepted == 1


def test_the_guide_names_every_rule_that_was_tried() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    tried = {rule for case in CASES for rule, _, _ in case.found}
    assert {rule for rule in tried if f"`{rule}`" not in text} == set()
