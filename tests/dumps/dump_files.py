"""The kept dumps: a small synthetic bureau of each schema, and the answers it gave."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import psycopg

from tallystick.adapters.postgres import ensure_database

FOLDER = Path(__file__).parent
#: Demo keys are made from this; they guard nobody.
SEED = b"kept dumps"
PARTS = ("main", "vault")
_ROLES = FOLDER.parent.parent / "src" / "tallystick" / "migrations" / "sql" / "0001_a_roles.sql"


def revisions() -> list[str]:
    """Every schema a dump is kept of."""
    return sorted(path.name for path in FOLDER.iterdir() if (path / "answers.json.gz").exists())


def write(revision: str, name: str, content: bytes) -> None:
    folder = FOLDER / revision
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(gzip.compress(content, mtime=0))


def read(revision: str, name: str) -> bytes:
    return gzip.decompress((FOLDER / revision / name).read_bytes())


def answers(revision: str) -> dict[str, str]:
    """Look id -> the body that was given."""
    kept: dict[str, str] = orjson.loads(read(revision, "answers.json.gz"))
    return kept


def portable(dump: str) -> str:
    """A plain dump without what only psql or a newer server reads."""
    return "\n".join(
        line
        for line in dump.splitlines()
        if not line.startswith(("\\", "SET transaction_timeout", "--"))
    )


def restore(revision: str, part: str, url: str) -> None:
    """Make the database an address names from a dump."""
    ensure_database(url)
    with psycopg.connect(url) as connection:
        connection.execute(_ROLES.read_bytes())
        connection.execute(read(revision, f"{part}.sql.gz"))
