"""`init` on another's server: which privilege its user lacks, and the statement that mends it."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from tallystick.adapters.embedded import EmbeddedServer
from tallystick.entry.cli.app import app
from tallystick.entry.cli.exits import Exit


@pytest.fixture
def alone() -> Iterator[str]:
    """A server that holds no bureau: roles are the server's, so the tests' one won't do."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-test-"))
    folder.chmod(0o711)  # root's server runs as another user, who must walk through
    try:
        with EmbeddedServer(folder, settings={"fsync": "off"}) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_as_superuser(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


class _Newcomer:
    """A user of the server who wants a bureau in a database of that name."""

    def __init__(self, url: str, name: str, folder: Path, *, may: str = ""):
        quoted = name.replace('"', '""')
        _run_as_superuser(url, f"create role \"{quoted}\" login password 'x' {may}")
        self.url = url
        own = psycopg.conninfo.make_conninfo(url, user=name, password="x", dbname=name)
        given = {"TALLYSTICK_DATABASE_URL": own, "TALLYSTICK_DATA_FOLDER": str(folder / name)}
        self.runner = CliRunner(env={**given, "TALLYSTICK_VAULT_URL": None})

    def told(self) -> str:
        """What `init` says it lacks, ending with the settings' code; gives the statement to run."""
        result = self.runner.invoke(app, ["init"])
        assert result.exit_code == Exit.USAGE, result.output
        said = " ".join(result.stderr.split())
        assert "(database_privilege): TALLYSTICK_" in said
        found = re.search(r"as a superuser run: (.+?) Run the statement", said)
        assert found is not None, said
        return found[1]

    def mended(self) -> list[str]:
        """Run what it is told to until it is told nothing more; gives the statements."""
        statements: list[str] = []
        while self.runner.invoke(app, ["init"]).exit_code != Exit.FINE:
            statements.append(self.told())
            assert len(statements) == len(set(statements)), statements
            _run_as_superuser(self.url, statements[-1])
        return statements


def test_an_ordinary_user_is_told_each_privilege_until_it_has_a_bureau(
    alone: str, tmp_path: Path
) -> None:
    assert _Newcomer(alone, 'pla"in', tmp_path).mended() == [
        'CREATE DATABASE "pla""in" OWNER "pla""in"',
        'ALTER ROLE "pla""in" CREATEROLE',
        'CREATE DATABASE "pla""in_vault" OWNER "pla""in"',
    ]
    (grant,) = _Newcomer(alone, "second", tmp_path, may="createdb createrole").mended()
    assert re.fullmatch(r'GRANT (tallystick_[a-z]+(, )?){6} TO "second"', grant)


def test_the_owner_of_no_database_is_told_to_own_it(alone: str, tmp_path: Path) -> None:
    newcomer = _Newcomer(alone, "guest", tmp_path, may="createdb createrole")
    _run_as_superuser(alone, "create database guest")
    assert newcomer.mended() == ['ALTER DATABASE "guest" OWNER TO "guest"']
