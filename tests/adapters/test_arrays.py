"""Lists of ids and tokens reach PostgreSQL as the same values psycopg's own way brings there."""

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.array import ListBinaryDumper

from bureaus import Database
from tallystick.adapters.arrays import CONTEXT

IDS = [UUID(int=number) for number in (0, 1, 2**64, 2**128 - 1)]
TOKENS = [bytes(32), b"\xff" * 32, b'{,"\\} NULL \x00' + bytes(19)]
LISTS = {
    "ids": IDS,
    "one id": IDS[:1],
    "ids and none": [*IDS, None],
    "none first": [None, *IDS],
    "lists of ids": [IDS, IDS[::-1]],
    "tokens": TOKENS,
    "tokens of several lengths": [*TOKENS, b"", b"\x00", bytes(300)],
    "tokens and none": [None, *TOKENS],
    "lists of tokens": [TOKENS[:2], [b"", None]],
}


@pytest.mark.parametrize("values", LISTS.values(), ids=LISTS.keys())
@pytest.mark.parametrize("form", ["%s", "%b", "%t"])
def test_a_list_comes_back_as_it_was(database: Database, values: list[Any], form: str) -> None:
    with psycopg.connect(database.url, context=CONTEXT) as connection:
        for _ in range(2):  # the second time by a dumper that is kept
            found = connection.execute(f"select {form}, pg_typeof({form})::text", (values, values))
            own_type = (
                "bytea[]" if any(isinstance(one, bytes) for one in _flat(values)) else "uuid[]"
            )
            assert found.fetchone() == (values, own_type)


@pytest.mark.parametrize("values", LISTS.values(), ids=LISTS.keys())
def test_the_bytes_are_psycopgs_own(values: list[Any]) -> None:
    ours, theirs = Transformer(CONTEXT), Transformer()
    for form in (PyFormat.AUTO, PyFormat.BINARY):
        dumper = ours.get_dumper(values, form)
        if dumper.format == ListBinaryDumper.format:
            expected = theirs.get_dumper(values, PyFormat.BINARY)
            assert bytes(dumper.dump(values) or b"") == bytes(expected.dump(values) or b"")
            assert dumper.oid == expected.oid


def test_flat_lists_of_ids_and_tokens_go_in_binary() -> None:
    for values in (IDS, TOKENS):
        assert (
            Transformer(CONTEXT).get_dumper(values, PyFormat.AUTO).format
            == psycopg.pq.Format.BINARY
        )


@pytest.mark.parametrize("values", [[], [1, 2], ["a", None], [True], [None]])
def test_other_lists_are_left_to_psycopg(database: Database, values: list[Any]) -> None:
    with (
        psycopg.connect(database.url, context=CONTEXT) as ours,
        psycopg.connect(database.url) as theirs,
    ):
        asked = "select %s::text[] as given"
        assert (
            ours.execute(asked, (values,)).fetchone() == theirs.execute(asked, (values,)).fetchone()
        )


def test_mixed_lists_are_refused_as_before(database: Database) -> None:
    with (
        psycopg.connect(database.url, context=CONTEXT) as connection,
        pytest.raises(psycopg.DataError),
    ):
        connection.execute("select %s", ([IDS[0], b"token"],))


def _flat(values: list[Any]) -> list[Any]:
    return [one for value in values for one in (value if isinstance(value, list) else [value])]
