"""Strict reading of a profile's TOML: every key is known, typed and used, or it is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tallystick.errors import ProfileError

STATUSES = frozenset({"primary", "draft"})


def read_toml(data: bytes, *, file: str) -> Table:
    """The root table of a TOML file.

    Raises: ProfileError with the file's name when the bytes are not UTF-8 TOML.
    """
    try:
        return Table(tomllib.loads(data.decode(), parse_float=Decimal), file=file, path="")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(f"{file}: not readable as TOML ({error})") from error


class Table:
    """One TOML table: takes its keys one by one and refuses what was not taken."""

    def __init__(self, content: dict[str, Any], *, file: str, path: str):
        self._content = dict(content)
        self.file = file
        self.path = path

    def fail(self, message: str, *, key: str = "") -> ProfileError:
        """A ProfileError that names file and path (`raise table.fail(...)`)."""
        path = ".".join(part for part in (self.path, key) if part)
        return ProfileError(f"{self.file}: {path or '(top)'}: {message}")

    def names(self) -> tuple[str, ...]:
        """The keys not taken yet, in file order."""
        return tuple(self._content)

    def has(self, key: str) -> bool:
        """Whether `key` is there and was not taken yet."""
        return key in self._content

    def take(self, key: str) -> Any:
        """The value of `key`, whatever its type. Raises: ProfileError when it is missing."""
        if key not in self._content:
            raise self.fail("is missing", key=key)
        return self._content.pop(key)

    def text(self, key: str, *, allowed: Collection[str] = ()) -> str:
        """A non-empty string, one of `allowed` where given."""
        value = self.take(key)
        if not isinstance(value, str) or not value.strip():
            raise self.fail("must be a non-empty string", key=key)
        if allowed and value not in allowed:
            raise self.fail(f"is {value!r}; allowed: {', '.join(sorted(allowed))}", key=key)
        return value

    def texts(self, key: str, *, allowed: Collection[str] = ()) -> tuple[str, ...]:
        """A list of different strings, each one of `allowed` where given."""
        value = self.take(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail("must be a list of strings", key=key)
        if len(set(value)) != len(value):
            raise self.fail("names something twice", key=key)
        unknown = [item for item in value if allowed and item not in allowed]
        if unknown:
            raise self.fail(f"has unknown {unknown}; allowed: {sorted(allowed)}", key=key)
        return tuple(value)

    def flag(self, key: str) -> bool:
        """A boolean."""
        value = self.take(key)
        if not isinstance(value, bool):
            raise self.fail("must be true or false", key=key)
        return value

    def day(self, key: str) -> date:
        """A date without a time."""
        value = self.take(key)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.fail("must be a date", key=key)
        return value

    def day_or_none(self, key: str) -> date | None:
        """A date without a time; None when the key is not there."""
        return self.day(key) if self.has(key) else None

    def span(self, key: str) -> tuple[int, int] | None:
        """`[start, end]` positions in a number; None when the key is not there."""
        if not self.has(key):
            return None
        value = self.take(key)
        if not (
            isinstance(value, list)
            and len(value) == 2
            and all(isinstance(item, int) for item in value)
            and 0 <= value[0] < value[1]
        ):
            raise self.fail("must be [start, end) with 0 <= start < end", key=key)
        return value[0], value[1]

    def table(self, key: str) -> Table:
        """A sub-table."""
        value = self.take(key)
        if not isinstance(value, dict):
            raise self.fail("must be a table", key=key)
        return Table(value, file=self.file, path=".".join(p for p in (self.path, key) if p))

    def tables(self, key: str) -> tuple[Table, ...]:
        """A list of at least one sub-table."""
        value = self.take(key)
        if not isinstance(value, list) or not value or not all(isinstance(i, dict) for i in value):
            raise self.fail("must be a list of at least one table", key=key)
        path = ".".join(p for p in (self.path, key) if p)
        return tuple(
            Table(item, file=self.file, path=f"{path}[{index}]") for index, item in enumerate(value)
        )

    def label(self, key: str) -> tuple[str, str]:
        """An `{ en, zh }` pair."""
        pair = self.table(key)
        texts = (pair.text("en"), pair.text("zh"))
        pair.close()
        return texts

    def source(self, *, live: bool) -> tuple[str, str]:
        """`cite` and `status`. Raises: ProfileError on a draft in live mode."""
        cite = self.text("cite")
        status = self.text("status", allowed=STATUSES)
        if live and status == "draft":
            raise self.fail("is a draft without a primary source; not allowed in live mode")
        return cite, status

    def close(self) -> None:
        """Raise ProfileError if a key was not taken."""
        if self._content:
            raise self.fail(f"unknown keys: {', '.join(sorted(self._content))}")
