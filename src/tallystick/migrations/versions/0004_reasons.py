"""Checks of the codes a correction and a deletion give: the last that stood in no table."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"

_SQL = Path(__file__).parent.parent / "sql"
_TABLES = (
    "subject", "account", "account_party", "event", "agreement", "guarantee", "funding", "payment",
    "remark", "member", "snapshot",
)  # fmt: skip
_CHECKS = (
    *((table, f"{table}_reason_check") for table in (*_TABLES, "deletion")),
    ("deletion", "deletion_dataset_check"),
)


def upgrade() -> None:
    """Add the checks at once for new rows, then read those on file with nobody kept waiting.

    The second part is not undone with the first: run again after a failure, both are done anew.
    """
    connection = op.get_bind()
    connection.exec_driver_sql("set local role tallystick_owner")
    connection.exec_driver_sql((_SQL / "0004_reasons.sql").read_text().replace("%", "%%"))
    connection.exec_driver_sql("reset role")
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        connection.exec_driver_sql("set role tallystick_owner")
        for table, check in _CHECKS:
            connection.exec_driver_sql(f"alter table ledger.{table} validate constraint {check}")
        connection.exec_driver_sql("reset role")
