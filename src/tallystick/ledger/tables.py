"""The ledger's tables as data: which columns a dataset's row has, and the text its leaf is made of.

The leaf of a row is sha256 of its columns' text, joined by U+001F, in the order of
`content_columns`: the dataset's name first, `\\N` for NULL, instants as microseconds since 1970,
bytes in hex. A text of backslashes and an N, where NULL may stand too, has a backslash more than it
says, so that no text is taken for NULL. PostgreSQL, DuckDB and Python each have the same definition
(a test holds them together), so that a chunk of a million rows and a single record give the same
roots.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Literal
from uuid import UUID

from tallystick.formats import columns, load

Kind = Literal["uuid", "text", "date", "integer", "boolean", "instant", "bytes"]
SEPARATOR = "\x1f"
NULL = "\\N"

#: The datasets with a table of statements, in the order files are best sent.
DATASETS = (
    "member", "subject", "account", "account_party", "agreement", "guarantee", "funding",
    "snapshot", "event", "payment", "remark",
)  # fmt: skip

#: Columns a table has besides the registry's: ids the references were resolved to.
_RESOLVED: dict[str, tuple[tuple[str, Kind], ...]] = {
    "account": (("agreement_id", "uuid"), ("formerly_account_id", "uuid")),
    "account_party": (("holder_party_id", "uuid"),),
    "guarantee": (("account_id", "uuid"),),
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Table:
    """One dataset's table: its key columns, then the columns that hold content."""

    dataset: str
    key: tuple[tuple[str, Kind], ...]
    content: tuple[tuple[str, Kind], ...]

    @property
    def stated(self) -> tuple[tuple[str, Kind], ...]:
        """Key and content: what the leaf covers."""
        return (*self.key, *self.content)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns in COPY order: key, content, then where the row stands and its leaf."""
        return (*(name for name, _ in self.stated), "chunk_id", "row_no", "leaf")


def _kind(duckdb_type: str) -> Kind:
    kinds: dict[str, Kind] = {
        "VARCHAR": "text", "DATE": "date", "BIGINT": "integer", "INTEGER": "integer",
        "SMALLINT": "integer", "BOOLEAN": "boolean", "TIMESTAMPTZ": "instant",
        "TIMESTAMP WITH TIME ZONE": "instant",
    }  # fmt: skip
    return kinds[duckdb_type.upper()]


@cache
def table(dataset: str) -> Table:
    """The table of one of `DATASETS`."""
    definition = load()[dataset]
    content: list[tuple[str, Kind]] = []
    for column in columns(definition):
        if column.name == "absent" or (column.field is not None and column.field.personal):
            continue
        if column.field is not None and column.field.type == "member":
            content.append((f"{column.name}_id", "uuid"))
        elif not (dataset == "snapshot" and column.name == "period_end"):
            content.append((column.name, _kind(column.duckdb_type)))
    content += _RESOLVED.get(dataset, ())
    content += [("operation", "text"), ("reason", "text"), ("absent", "text"), ("sealed", "bytes")]
    return Table(dataset, _key(dataset), tuple(content))


def _key(dataset: str) -> tuple[tuple[str, Kind], ...]:
    if dataset == "member":
        return (("member_key", "uuid"), ("item_key", "text"), ("furnisher_id", "uuid"))
    if dataset == "snapshot":
        return (
            ("party_id", "uuid"), ("account_id", "uuid"), ("period_end", "date"),
            ("furnisher_id", "uuid"),
        )  # fmt: skip
    return (
        ("party_id", "uuid"), ("object_id", "uuid"), ("item_key", "text"), ("furnisher_id", "uuid"),
    )  # fmt: skip


def row_text(dataset: str, row: Mapping[str, Any]) -> bytes:
    """The bytes a row's leaf is the hash of."""
    get, parts = row.get, [dataset]
    parts += [
        NULL if (value := get(name)) is None else text(value) for name, text in _texts(dataset)
    ]
    return SEPARATOR.join(parts).encode()


@cache
def _texts(dataset: str) -> tuple[tuple[str, Callable[[Any], str]], ...]:
    """By column of a leaf, what makes its text of a value."""
    free = free_texts(dataset)
    return tuple(
        (name, _free_text if name in free else _TEXT_OF.get(kind, str))
        for name, kind in table(dataset).stated
    )


@cache
def free_texts(dataset: str) -> frozenset[str]:
    """The columns that may hold NULL or any text: there NULL must be told from the text of it.

    What is required is never NULL, and the tables' own checks keep a code to its list.
    """
    found = {"absent"}
    for column in columns(load()[dataset]):
        field = column.field
        if field is None or field.personal or field.type not in ("text", "code"):
            continue
        is_kept_to_list = isinstance(field.domain, tuple) or field.domain == "currency"
        if field.presence != "required" and not is_kept_to_list:
            found.add(column.name)
    return frozenset(found)


def _free_text(value: str) -> str:
    """The text itself, with a backslash more where it could be read as that of NULL."""
    return f"\\{value}" if value[:1] == "\\" and value.lstrip("\\") == "N" else value


def _free_text_sql(name: str) -> str:
    """The same in PostgreSQL and in DuckDB."""
    is_like_null = f"starts_with({name}, '\\') and ltrim({name}, '\\') = 'N'"
    return f"case when {is_like_null} then '\\' || {name} else {name} end"


def leaf(dataset: str, row: Mapping[str, Any]) -> bytes:
    """The 32-byte leaf of a row."""
    return hashlib.sha256(row_text(dataset, row)).digest()


def leaf_of(kind: str, *values: UUID | str | date | bytes | None) -> bytes:
    """The leaf of a row outside the datasets (a link, a deletion), from its values in order."""
    parts = [kind]
    for value in values:
        if value is None:
            parts.append(NULL)
        else:
            parts.append(value.hex() if isinstance(value, bytes) else str(value))
    return hashlib.sha256(SEPARATOR.join(parts).encode()).digest()


@lru_cache(maxsize=4096)
def id_text(value: UUID) -> str:
    """The text of an id; kept, as rows side by side name the same few (0.5 us made, 0.1 kept)."""
    return str(value)


_TEXT_OF: Mapping[Kind, Callable[[Any], str]] = {
    "uuid": id_text,
    "instant": lambda value: str((value - EPOCH) // timedelta(microseconds=1)),
    "bytes": lambda value: bytes(value).hex(),
    "boolean": lambda value: "true" if value else "false",
}


def leaf_sql(dataset: str) -> str:
    """PostgreSQL's expression for the same leaf, over a row of the table."""
    return leaf_sql_of(dataset, table(dataset).stated, free_texts(dataset))


def leaf_sql_of(
    kind: str, stated: Sequence[tuple[str, Kind]], free: frozenset[str] = frozenset()
) -> str:
    """The same for any table: the first part of the text, then columns with their kinds.

    Takes: `free`: those of its columns that are as `free_texts` says
    """
    parts = [f"'{kind}'"]
    for name, kind_of_column in stated:
        if kind_of_column == "instant":
            text = f"(extract(epoch from {name}) * 1000000)::bigint::text"
        elif kind_of_column == "bytes":
            text = f"encode({name}, 'hex')"
        elif name in free:
            text = _free_text_sql(name)
        else:
            text = f"{name}::text"
        parts.append(f"coalesce({text}, '\\N')")
    return f"sha256(convert_to(concat_ws(chr(31), {', '.join(parts)}), 'UTF8'))"


def leaf_duckdb(dataset: str, given: Mapping[str, str] | None = None) -> str:
    """DuckDB's expression for the same leaf, in hex (sealed columns are hex text there).

    Takes: `given`: expressions for columns that are called otherwise where it stands
    """
    parts, free = [f"'{dataset}'"], free_texts(dataset)
    for column, kind in table(dataset).stated:
        name = column if given is None else given.get(column, column)
        if column in free:
            text = _free_text_sql(name)
        else:
            text = f"epoch_us({name})::VARCHAR" if kind == "instant" else f"{name}::VARCHAR"
        parts.append(f"coalesce({text}, '\\N')")
    return f"sha256(concat_ws(chr(31), {', '.join(parts)}))"
