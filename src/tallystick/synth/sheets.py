"""Native CSV files written as they grow: rows wait in memory and are appended in large pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tallystick.errors import require
from tallystick.formats import registry

#: Rows held before they are written: bounds memory whatever the number of persons.
_HELD_ROWS = 150_000
_NEEDS_QUOTES = frozenset(',"\r\n')


class Sheets:
    """All CSV files of one run, by (batch, member, dataset)."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._waiting: dict[tuple[str, str, str], list[str]] = {}
        self._started: dict[tuple[str, str, str], int] = {}
        self._held = 0
        self._headers = {
            name: tuple(field.name for field in dataset.fields)
            for name, dataset in registry.load().items()
        }

    def header(self, dataset: str) -> tuple[str, ...]:
        """The columns of a dataset in file order."""
        return self._headers[dataset]

    def add(self, batch: str, member: str, dataset: str, record: Mapping[str, str]) -> None:
        """Write one record; fields it does not name stay empty."""
        header = self._headers[dataset]
        line = ",".join([_cell(record[name]) if name in record else "" for name in header])
        require(not record.keys() - set(header), f"{dataset}: a record names an unknown field")
        self.add_lines(batch, member, dataset, (line,))

    def add_lines(self, batch: str, member: str, dataset: str, lines: Iterable[str]) -> None:
        """Write rows that are already CSV text in the header's order."""
        rows = self._waiting.setdefault((batch, member, dataset), [])
        before = len(rows)
        rows.extend(lines)
        self._held += len(rows) - before
        if self._held > _HELD_ROWS:
            self.flush()

    def flush(self) -> None:
        """Append what waits to its files."""
        for key, rows in self._waiting.items():
            if not rows:
                continue
            path = self._folder / self.path(*key)
            if key not in self._started:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("", encoding="utf-8")
                rows.insert(0, ",".join(self._headers[key[2]]))
                self._started[key] = -1
            self._started[key] += len(rows)
            with path.open("a", encoding="utf-8", newline="") as file:
                file.write("\n".join(rows) + "\n")
        self._waiting.clear()
        self._held = 0

    @staticmethod
    def path(batch: str, member: str, dataset: str) -> str:
        """Where a file stands, relative to the folder."""
        return f"files/{batch}/{member}/{dataset}.csv"

    def written(self) -> dict[tuple[str, str, str], int]:
        """Rows (without header) by (batch, member, dataset) of every file written so far."""
        return dict(self._started)


def _cell(text: str) -> str:
    if _NEEDS_QUOTES.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'
