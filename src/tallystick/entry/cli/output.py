"""Where words go: data to standard output, talk to standard error.

Rich is imported when something is drawn, not when the command line starts.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[str, int, "int | None"], None]
#: Width of tables that go into a pipe or file, where nobody's window cuts them.
_PIPE_WIDTH: Final = 200
#: How often long work says how far it is, where there is no terminal to draw on.
_LINE_SECONDS: Final = 5.0


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=stderr)


def plain(value: Any) -> Any:
    """A value as JSON can hold it: dataclasses as objects, ids, times and decimals as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal | Path):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


#: Of a finding, what is called otherwise where the API gives it.
FINDING_NAMES = {
    "finding_no": "number",
    "line_no": "line",
    "column_no": "column",
    "other_line_no": "other_line",
}


def plain_finding(finding: Any) -> dict[str, Any]:
    """A finding as JSON, its members named as the API names them."""
    return {FINDING_NAMES.get(name, name): value for name, value in plain(finding).items()}


def data(text: str) -> None:
    """One piece of data, as it is."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def data_bytes(chunks: Iterable[bytes]) -> None:
    """Bytes as they are (a reject file, a report's body)."""
    sys.stdout.flush()
    raw = sys.stdout.buffer
    for chunk in chunks:
        raw.write(chunk)
    raw.flush()


def as_json(value: Any) -> None:
    """A value as indented JSON."""
    data(json.dumps(plain(value), ensure_ascii=False, indent=2))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "", headed: bool = True
) -> None:
    """A table for people; `None` is shown as a dash, cells are never read as markup."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        title=title or None,
        title_justify="left",
        show_edge=False,
        show_header=headed,
        pad_edge=False,
    )
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(_cell(cell)) for cell in row))
    _console(stderr=False).print(drawn)


def _cell(value: Any) -> str:
    found = plain(value)
    if isinstance(found, list):
        return ", ".join(map(str, found)) or "-"
    return "-" if found is None else str(found)


def facts(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names and values, one a line."""
    table(("", ""), pairs, headed=False)


def say(text: str) -> None:
    """Talk, on standard error."""
    from rich.text import Text

    _console(stderr=True).print(Text(text))


def complain(text: str) -> None:
    """What went wrong, on standard error."""
    from rich.text import Text

    _console(stderr=True).print(Text("error: ", style="bold red") + Text(text))


def next_step(command: str) -> None:
    """Name the next sensible command."""
    from rich.text import Text

    _console(stderr=True).print(Text("next: ", style="dim") + Text(command, style="bold"))


def lines(tell: Callable[[str], None], *, ticks: Callable[[], float] = time.monotonic) -> Progress:
    """Progress in plain lines: one when a stage begins, then one every few seconds."""
    told: dict[str, float] = {}

    def move(stage: str, done: int, total: int | None) -> None:
        now = ticks()
        if stage in told and now - told[stage] < _LINE_SECONDS:
            return
        told[stage] = now
        of_all = f" of {total:,}" if total else ""
        tell(f"{stage}: {done:,}{of_all}" if done or total else stage)

    return move


@contextmanager
def progress() -> Iterator[Progress]:
    """A callback `(stage, done, total)`: a bar a stage on a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty():
        yield lines(say)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, TimeElapsedColumn(), console=_console(stderr=True)) as bars:
        known: dict[str, Any] = {}

        def move(stage: str, done: int, total: int | None) -> None:
            if stage not in known:
                known[stage] = bars.add_task(stage, total=total)
            bars.update(known[stage], completed=done, total=total)

        yield move
