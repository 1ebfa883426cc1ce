"""The tail of files: where a large file of months waits to be taken into the wide rows."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    """Create the table and the view as the owner role."""
    connection = op.get_bind()
    connection.exec_driver_sql("set local role tallystick_owner")
    connection.exec_driver_sql((_SQL / "0002_tail.sql").read_text().replace("%", "%%"))
    connection.exec_driver_sql("reset role")
