"""Whether a ledger is whole after what a test did to it."""

from __future__ import annotations

from typing import Any

import psycopg

from tallystick.ledger import rebuild
from tallystick.service.verify import ledger_verify

_FILES = "select subject_id, document from file.subject order by 1"


def require_whole(bureau: Any) -> None:
    """The ledger verifies, and a rebuild folds the same files."""
    assert ledger_verify(bureau.deps).faults == ()
    with psycopg.connect(bureau.url) as connection:
        before = connection.execute(_FILES).fetchall()
    with bureau.deps.database.connect("intake") as connection:
        rebuild.rebuild(connection, lambda *_: None)
    with psycopg.connect(bureau.url) as connection:
        assert connection.execute(_FILES).fetchall() == before
    assert ledger_verify(bureau.deps).faults == ()
