"""Alembic environment: the connection is handed in by `adapters.postgres.migrate`."""

from __future__ import annotations

from alembic import context


def _run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, version_table="schema_version")
    with context.begin_transaction():
        context.run_migrations()


_run()
