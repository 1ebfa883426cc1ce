"""Rows that passed, in batches for the ledger: read from DuckDB with the ids they refer to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from tallystick.formats import INSTANT, columns
from tallystick.ledger import extend
from tallystick.service import beside_rows, context
from tallystick.service.keys_of_rows import SHAPES, item_key_sql
from tallystick.service.references import Job

#: Rows of one chunk: small enough that nobody's file is locked longer than 100 ms. Records that
#: are put in place are cheaper than those whose files are folded.
CHUNK_ROWS = 200
ADDED_CHUNK_ROWS = 1_000


def batches(job: Job, *, only: str = "true") -> Iterator[list[dict[str, Any]]]:
    """Accepted rows with their references, kept together by account or party.

    Rows rejected, pending, or done by an earlier run of this job are left out; `only` is a further
    condition on the row `r`.
    """
    size = ADDED_CHUNK_ROWS if job.dataset in extend.DATASETS else CHUNK_ROWS
    names, found = job.read(_query(job, only), size)
    for some in found:
        yield _by_name(names, some)


def _by_name(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Rows as `_query` gives them, by column; ids, which come as text, are UUIDs here.

    A batch names few ids, each many times. As UUIDs of DuckDB's they were made anew for every cell,
    and with the instants of `_instants` a fifth of a file of events.
    """
    made = cache(UUID)
    cells = [
        [text and made(text) for text in column] if name in _IDS else column
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    ]
    return [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]


_IDS = frozenset(
    {
        "ref_account", "ref_account_party", "ref_person_party", "ref_own", "ref_own_party",
        "ref_agreement", "former_account", "former_party",
    }
)  # fmt: skip


def _instants(dataset: str) -> str:
    """What stands after a `*` for instants to come in UTC without saying so.

    For a value with a zone DuckDB asks pytz for that zone, in Python.
    """
    replaced = ", ".join(
        f"make_timestamp(epoch_us({column.name})) as {column.name}"
        for column in columns(beside_rows.definition(dataset))
        if column.duckdb_type == INSTANT
    )
    return f" replace ({replaced})" if replaced else ""


def _query(job: Job, only: str) -> str:
    kinds = dict(SHAPES[job.dataset].references)
    parts = [f"r.*{_instants(job.dataset)}"]
    # An account that goes on has a key before its number has the account.
    about = "coalesce(a.object_id, f.object_id)" if job.dataset == "account" else "a.object_id"
    item_key = item_key_sql(job, account=about)
    parts.append(f"({item_key}) as ref_item_key")
    for kind, alias in (("account", "a"), ("person", "p")):
        if kind in kinds:
            parts.append(f"{alias}.token as ref_{kind}_token")
            parts.append(f"{alias}.party_id::varchar as ref_{kind}_party")
    if "account" in kinds:
        parts += ["a.object_id::varchar as ref_account", "a.changed_by as ref_changed_by"]
    own = SHAPES[job.dataset].own
    if own in ("agreement", "guarantee", "payer_account"):
        parts += ["o.object_id::varchar as ref_own", "o.token as ref_own_token"]
        parts.append("o.party_id::varchar as ref_own_party")
    if job.dataset == "account":
        parts += [
            "f.state as former_state", "f.object_id::varchar as former_account",
            "f.party_id::varchar as former_party", "f.changed_by as former_changed_by",
            "g.object_id::varchar as ref_agreement",
        ]  # fmt: skip
    parts += [
        "e.leaf as on_file_leaf", "e.operation as on_file_operation",
        "e.reason as on_file_reason", "coalesce(e.is_deleted, false) as is_deleted",
        "d.first_line_no as duplicate_of",
        f"{'null::boolean' if job.dataset == 'snapshot' else 'q.is_same'} as is_same",
    ]  # fmt: skip
    # Looked for in a table that holds nothing, the lines of a small file take 0.7 ms of CPU.
    left_out = " and r.line_no not in (select line_no from left_out)"
    order = "a.object_id, a.token, r.line_no" if "account" in kinds else "r.line_no"
    return (
        f'select {", ".join(parts)} from "row" r {context.joins(job)}'
        f" where not coalesce(e.is_own, false){left_out if job.filled('left_out') else ''}"
        f" and {only} order by {order}"
    )
