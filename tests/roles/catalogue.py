"""What PostgreSQL's own catalogue says: who may do what, how tables are keyed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import psycopg

ROLES = ("serve", "intake", "batch", "sequencer", "eraser")
SCHEMAS = (
    "meta", "member", "directory", "identity", "ledger", "file", "intake", "gate", "log", "access",
)  # fmt: skip
_WORDS = {"SELECT": "read", "INSERT": "add", "UPDATE": "change", "DELETE": "delete"}

_GRANTS = """
select n.nspname, c.relname, coalesce(r.rolname, 'public'), a.privilege_type, null
from pg_class c join pg_namespace n on n.oid = c.relnamespace,
  aclexplode(c.relacl) a left join pg_roles r on r.oid = a.grantee
where n.nspname = any(%(schemas)s) and c.relkind in ('r', 'p', 'v') and not c.relispartition
union all
select n.nspname, c.relname, coalesce(r.rolname, 'public'), a.privilege_type, t.attname
from pg_attribute t join pg_class c on c.oid = t.attrelid
  join pg_namespace n on n.oid = c.relnamespace,
  aclexplode(t.attacl) a left join pg_roles r on r.oid = a.grantee
where n.nspname = any(%(schemas)s)
"""
_TABLES = """
select n.nspname || '.' || c.relname,
  array(select a.attname::text from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  coalesce((select array(select a.attname::text from unnest(i.indkey) with ordinality k(no, place)
    join pg_attribute a on a.attrelid = c.oid and a.attnum = k.no order by place)
    from pg_index i where i.indrelid = c.oid and i.indisprimary), '{}')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any(%(schemas)s) and c.relkind in ('r', 'p') and not c.relispartition
order by 1
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table, its columns, and its primary key in order."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


def grants(connection: psycopg.Connection[Any]) -> dict[tuple[str, str], list[str]]:
    """(table, role) -> what the role may do there, as words; the owner is left out."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for schema, table, role, privilege, column in connection.execute(
        _GRANTS, {"schemas": list(SCHEMAS)}
    ):
        if role == "tallystick_owner":
            continue
        word = _WORDS.get(privilege, privilege.lower())
        entry = f"{word} `{column}`" if column else word
        found[f"{schema}.{table}", role.removeprefix("tallystick_")].add(entry)
    order = list(_WORDS.values())
    return {
        place: sorted(words, key=lambda word: (order.index(word.split()[0]), word))
        for place, words in found.items()
    }


def tables(connection: psycopg.Connection[Any]) -> list[Table]:
    """Every table of ours, partitions left out."""
    rows = connection.execute(_TABLES, {"schemas": list(SCHEMAS)}).fetchall()
    return [Table(name, tuple(columns), tuple(key)) for name, columns, key in rows]


def grants_page(connection: psycopg.Connection[Any]) -> str:
    """The grants as Markdown: one table a schema."""
    found = grants(connection)
    lines: list[str] = []
    for schema in SCHEMAS:
        names = [one.name for one in tables(connection) if one.name.startswith(f"{schema}.")]
        lines += [f"### {schema}", "", f"| table | {' | '.join(ROLES)} |", "|---" * 6 + "|"]
        for name in names:
            cells = (", ".join(found.get((name, role), [])) for role in ROLES)
            lines.append(f"| `{name}` | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)
