"""A furnisher's word as the ground of a link."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    """Widen the check as the owner role."""
    connection = op.get_bind()
    connection.exec_driver_sql("set local role tallystick_owner")
    connection.exec_driver_sql((_SQL / "0003_stated.sql").read_text().replace("%", "%%"))
    connection.exec_driver_sql("reset role")
