"""The main job: roles, directories, ledger, files, intake, gate, log."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    """Create everything as the owner role, so that no superuser owns a definer's function."""
    connection = op.get_bind()
    connection.exec_driver_sql((_SQL / "0001_a_roles.sql").read_text().replace("%", "%%"))
    connection.exec_driver_sql("set local role tallystick_owner")
    for part in ("0001_b_schemas.sql", "0001_c_ledger.sql", "0001_d_walls.sql"):
        connection.exec_driver_sql((_SQL / part).read_text().replace("%", "%%"))
    connection.exec_driver_sql("reset role")
