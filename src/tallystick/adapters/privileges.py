"""What the user of a database's address may not do, said so that its owner can mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from tallystick.adapters.postgres import database_name, database_named
from tallystick.errors import BadRequest

#: The roles that the first migration makes, or takes over where they are there.
ROLES: Final = (
    "tallystick_owner", "tallystick_serve", "tallystick_intake", "tallystick_batch",
    "tallystick_sequencer", "tallystick_eraser",
)  # fmt: skip
#: Before PostgreSQL 16 whoever is a member of a role may take it on.
_OF_USER: Final = """
select rolname, rolsuper or rolcreatedb, rolsuper or rolcreaterole,
  (select array_agg(rolname::text order by oid) from pg_roles where rolname = any(%(roles)s)
    and not case when current_setting('server_version_num')::integer >= 160000
      then pg_has_role(current_user, oid, 'set') else pg_has_role(current_user, oid, 'member') end),
  (select count(*) from pg_roles where rolname = any(%(roles)s)),
  (select exists (select from pg_database where datname = %(database)s))
from pg_roles where rolname = current_user
"""


@contextmanager
def told(url: str, *, setting: str) -> Iterator[None]:
    """A block that makes a database or its schema; a privilege it lacks is named.

    Takes:  `setting`: the variable the address comes from, or would come from
    Raises: BadRequest `database_privilege` in place of the server's InsufficientPrivilege
    """
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        said = error.diag.message_primary or "a privilege is missing"
        raise BadRequest("database_privilege", f"{setting}: {_missing(url, said)}") from error


def _missing(url: str, said: str) -> str:
    """What is missing and what to run; `said` by the server where it is none of what we know."""
    name = database_name(url)
    with psycopg.connect(database_named(url, "postgres")) as connection:
        row: tuple[Any, ...] | None = connection.execute(
            _OF_USER, {"roles": list(ROLES), "database": name}
        ).fetchone()
    if row is None:
        return said
    found, may_make_databases, may_make_roles, strange, roles, has_database = row
    user, database = _quoted(found), _quoted(name)
    if not has_database and not may_make_databases:
        return (
            f"its user {found} may not create the database {name}; as a superuser run:"
            f" CREATE DATABASE {database} OWNER {user}"
        )
    if strange:
        return (
            f"the server has the roles of a bureau that another user made, and {found} may not take"
            f" them on; as a superuser run: GRANT {', '.join(strange)} TO {user}"
        )
    if roles < len(ROLES) and not may_make_roles:
        return (
            f"its user {found} may not create the roles that the parts of the program work under;"
            f" as a superuser run: ALTER ROLE {user} CREATEROLE"
        )
    return (
        f"{said} for its user {found}; as a superuser run:"
        f" ALTER DATABASE {database} OWNER TO {user}"
    )


def _quoted(name: str) -> str:
    """An identifier as it stands in a statement."""
    return psycopg.sql.Identifier(name).as_string(None)
