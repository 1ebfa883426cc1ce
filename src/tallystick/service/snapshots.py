"""Publishing a file of snapshots: whole columns from the file into the ledger and the files.

The months of an account that follow its newest month are added to its file (`ledger.tail`), chunk
by chunk in the order of the subjects; everything else (an earlier month, a restatement) is folded
from the ledger like any other record. A property test holds both equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tallystick.ledger import tables, tail
from tallystick.model import months as grid
from tallystick.service import context
from tallystick.service.references import Job

#: Rows of one chunk: measured to keep nobody's file locked longer than 100 ms.
CHUNK_ROWS = 2_000
#: Chunks written to files at once, while those before them are published.
PIECE_CHUNKS = 50
FIRST_CHUNKS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be published: chunk sizes in order, and the accounts that must be folded.

    `has_several` says that some account has more than one month in the file.
    """

    sizes: list[int]
    slow_accounts: int
    unchanged: int
    has_several: bool


def plan(job: Job, left_out: str = "left_out") -> Plan:
    """Sort the accepted rows into those to append in place and those to fold.

    Makes DuckDB tables `candidate` (rows with ids and leaves), `slow_account`, `fast` (rows in
    publishing order with chunk and row numbers) and `change` (one row per file touched).
    """
    con = job.con
    stated = dict.fromkeys(name for name, _ in tables.table("snapshot").stated)
    for name in ("party_id", "account_id", "furnisher_id", "operation", "reason", "sealed"):
        stated.pop(name)
    con.execute(
        f"create or replace table candidate as select *, {tables.leaf_duckdb('snapshot')} as leaf"
        f" from (select {', '.join('r.' + name for name in stated)}, r.line_no, a.no, a.party_id,"
        f" a.object_id as account_id, '{job.furnisher_id}'::uuid as furnisher_id,"
        " coalesce(e.operation, 'record') as operation, e.reason as reason, null as sealed,"
        " e.leaf as on_file_leaf, coalesce(e.is_deleted, false) as is_deleted,"
        " a.last_period_end, d.first_line_no as duplicate_of"
        f' from "row" r {context.joins(job)}'
        f" where r.line_no not in (select line_no from {left_out})"
        " and not coalesce(e.is_own, false))"
    )
    same = "duplicate_of is not null or (not is_deleted and leaf = on_file_leaf)"
    unchanged = con.execute(
        f"select count(*) from candidate where coalesce({same}, false)"
    ).fetchall()[0][0]
    con.execute(f"delete from candidate where coalesce({same}, false)")
    con.execute(
        "create or replace table slow_account as select distinct account_id from candidate"
        " where period_end <= last_period_end or account_id in (select object_id from two_numbers)"
    )
    has_several = _order(job)
    sizes = con.execute("select count(*) from fast group by chunk_no order by chunk_no").fetchall()
    slow = con.execute("select count(*) from slow_account").fetchall()[0][0]
    return Plan(
        sizes=[row[0] for row in sizes],
        slow_accounts=slow,
        unchanged=unchanged,
        has_several=has_several,
    )


def _order(job: Job) -> bool:
    """Accounts in the order of their first subject; chunks hold whole accounts.

    `place` is a row's place in the whole, from 0: account after account, oldest month first.
    `fast` holds the rows in that order, `file_order` the files they change; DuckDB keeps the order
    when it reads a single table (preserve_insertion_order), so nothing is sorted again.

    Gives: whether an account has more than one row
    """
    job.con.execute(
        "create or replace table account_order as select no, size, chunk_no, upto - size as start,"
        " min(upto - size) over (partition by chunk_no) as chunk_start"
        f" from (select *, ((upto - 1) // {CHUNK_ROWS})::integer as chunk_no from (select *,"
        " sum(size) over (order by subject_id, account_id) as upto from (select c.no, c.account_id,"
        " s.subject_id, c.size from (select no, any_value(account_id) as account_id,"
        " count(*) as size from candidate where account_id not in"
        " (select account_id from slow_account) group by no) c join account_state s using (no))))"
    )
    found = job.con.execute("select coalesce(max(size), 0) > 1 from account_order").fetchall()
    many: bool = found[0][0]
    within = "row_number() over (partition by c.no order by c.period_end) - 1" if many else "0"
    job.con.execute(
        "create or replace table fast as select *, (place - chunk_start)::integer as row_no"
        f" from (select c.*, o.chunk_no, o.chunk_start, o.size, o.start + {within} as place"
        " from candidate c join account_order o using (no)) order by place"
    )
    job.con.execute(
        "create or replace table file_order as select o.chunk_no, f.no, f.subject_id, f.object_id,"
        " f.changed_by from account_order o join account_ref f using (no) order by o.start"
    )
    return many


def _month_hex() -> str:
    days = f"coalesce(days_past_due, {grid.ABSENT_DAYS})::bigint"
    minor = "lpad(lower(hex(coalesce({}, (-9223372036854775807 - 1))::bigint)), 16, '0')"
    return (
        "printf('%04x', (year(period_end) - 1900) * 12 + month(period_end) - 1)"
        f" || printf('%02x', ascii(bucket)) || right(lpad(lower(hex({days})), 16, '0'), 4)"
        f" || {minor.format('balance_minor')} || {minor.format('payment_due_minor')}"
    )


def _latest_json() -> str:
    """The newest snapshot as canonical JSON, as `ledger.read.record_json` makes it."""
    parts = []
    kinds = dict(tables.table("snapshot").stated)
    hidden = {"party_id", "account_id", "furnisher_id", "operation", "sealed"}
    for name in sorted(set(kinds) - hidden):
        quote = "" if kinds[name] == "integer" else '"'
        parts.append(f"'\"{name}\":{quote}' || {name}::varchar || '{quote}'")
    return f"'{{' || concat_ws(',', {', '.join(parts)}) || '}}'"


def write_piece(job: Job, chunks: range, *, has_several: bool) -> tuple[Path, Path]:
    """Write the COPY files of some chunks: their ledger rows, and the changes of files.

    Takes: `has_several`: as planned

    Gives: two CSV files in chunk order; a change begins with the number of its chunk
    """
    names = [name for name, _ in tables.table("snapshot").stated]
    ledger, change = (job.folder / f"{name}-{chunks.start}.csv" for name in ("ledger", "change"))
    # As parameters: a text that is every file's is parsed once (`workbench._ParsingOnce`).
    which = {"first": chunks.start, "last": chunks.stop - 1}
    within = "where chunk_no between $first and $last"
    piece = f"(from fast {within})"
    job.con.execute(
        f"copy (select '\\x' || leaf as leaf, row_no, {', '.join(names)} from {piece})"
        " to $path (format csv, header false)",
        {**which, "path": str(ledger)},
    )
    job.con.execute(
        "copy (select n.chunk_no, f.subject_id, f.object_id, f.changed_by,"
        " '\\x' || n.months as months, n.latest, n.first_delinquency_on, n.last_period_end,"
        f" n.last_bucket, n.last_status, n.last_balance_minor from ({_changes(piece, has_several)})"
        f" n join (from file_order {within}) f using (no) order by n.place) to $path"
        f" (format csv, header false, quote '{tail.QUOTE}', escape '{tail.QUOTE}')",
        {**which, "path": str(change)},
    )
    return ledger, change


def _changes(piece: str, has_several: bool) -> str:
    """The query of an account's months to append, and of its newest, one row an account."""
    newest = (
        "chunk_no, place, latest, first_delinquency_on, period_end as last_period_end,"
        " bucket as last_bucket, status as last_status, balance_minor as last_balance_minor"
    )
    singles = (
        f"select no, month_hex as months, {newest} from (select *, {_month_hex()} as month_hex,"
        f" {_latest_json()} as latest from {piece} where size = 1)"
    )
    if not has_several:
        return singles
    several = (
        f"select no, months, {newest} from (select *, {_latest_json()} as latest,"
        f" string_agg({_month_hex()}, '') over (partition by no order by period_end rows"
        f" between unbounded preceding and current row) as months from {piece} where size > 1)"
        " qualify row_number() over (partition by no order by period_end desc) = 1"
    )
    return f"{singles} union all {several}"


#: The rows whose accounts must be folded, for `accepted_rows.batches`.
SLOW = (
    "r.line_no in (select line_no from candidate where account_id in"
    " (select account_id from slow_account))"
)
