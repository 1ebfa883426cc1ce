"""Faults planted in one platform's monthly files, so that there is something to find and to mend.

Each takes a row that was right and breaks one thing; `truth/planted.json` lists them all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tallystick.synth.members import SHY_PLATFORM
from tallystick.synth.sheets import Sheets
from tallystick.synth.window import MONTHS, Window

Cells = dict[str, str]


class Fault(NamedTuple):
    """One thing to break: in rows that `fits` accepts, by the cells that `broken` gives."""

    dataset: str
    name: str
    field: str
    severity: str
    fits: Callable[[Cells], bool]
    broken: Callable[[Cells], Cells]


def _open(cells: Cells) -> bool:
    return cells["status"] == "open" and cells["days_past_due"] == "0"


def _late(cells: Cells) -> bool:
    return bool(cells["notice_sent_on"])


def _closed(cells: Cells) -> bool:
    return cells["status"] == "closed"


def _shared(cells: Cells) -> bool:
    return cells["role"] == "funder"


def _any(cells: Cells) -> bool:
    return True


def _in_open_month(name: str, field: str, text: str) -> Fault:
    return Fault("snapshot", name, field, "reject", _open, lambda cells: {field: text})


#: Dataset, name, field, severity expected, which rows may carry it, how they are broken.
_FAULTS = (
    Fault("snapshot", "impossible_date", "period_end", "reject", _open,
          lambda cells: {"period_end": cells["period_end"][:8] + "32"}),
    _in_open_month("unknown_bucket", "bucket", "Q"),
    _in_open_month("too_many_decimals", "balance", "12.345"),
    _in_open_month("minus_zero", "payment_due", "-0"),
    _in_open_month("exponent", "balance", "1e5"),
    _in_open_month("empty_bucket", "bucket", ""),
    Fault("snapshot", "missing_notice", "notice_sent_on", "reject", _late,
          lambda cells: {"notice_sent_on": ""}),
    _in_open_month("unknown_status", "status", "opne"),
    Fault("snapshot", "closed_with_balance", "balance", "reject", _closed,
          lambda cells: {"balance": "250.00"}),
    _in_open_month("unknown_currency", "currency", "RMB"),
    Fault("snapshot", "unknown_account", "account_number", "pend", _open,
          lambda cells: {"account_number": "99" + cells["account_number"][2:]}),
    Fault("funding", "share_over_whole", "share", "reject", _shared,
          lambda cells: {"share": "0.999"}),
    Fault("event", "time_without_offset", "occurred_at", "reject", _any,
          lambda cells: {"occurred_at": cells["occurred_at"][:19]}),
)  # fmt: skip


def plant_faults(folder: Path, sheets: Sheets, window: Window) -> list[dict[str, str | int]]:
    """Break a row each in the platform's last six months of files; gives what was broken where."""
    planted: list[dict[str, str | int]] = []
    for place, fault in enumerate(_FAULTS):
        # The month before the last comes first: the newest findings are the ones looked at.
        for back in range(6):
            month = MONTHS - 1 - (place + back) % 6
            path = Sheets.path(window.batch(month), SHY_PLATFORM, fault.dataset)
            if (folder / path).exists():
                found = _break_row(folder / path, sheets.header(fault.dataset), fault, place)
                if found is not None:
                    planted.append({
                        "file": path, "line": found, "dataset": fault.dataset,
                        "fault": fault.name, "field": fault.field, "severity": fault.severity,
                    })  # fmt: skip
                    break
    text = json.dumps(planted, ensure_ascii=False, indent=2) + "\n"
    (folder / "truth" / "planted.json").write_text(text, encoding="utf-8")
    return planted


def _break_row(path: Path, header: tuple[str, ...], fault: Fault, place: int) -> int | None:
    """Break the first row that fits, beginning some way in; gives its line, None if none fits."""
    lines: list[str] = path.read_text(encoding="utf-8").splitlines()
    start = 1 + place * 37 % max(1, len(lines) - 1)
    number: int
    for number in [*range(start, len(lines)), *range(1, start)]:
        cells = dict(zip(header, lines[number].split(","), strict=True))
        if fault.fits(cells):
            cells |= fault.broken(cells)
            lines[number] = ",".join(cells.values())
            path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
            return number + 1
    return None
