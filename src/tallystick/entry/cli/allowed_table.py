"""What is allowed at each rule and field that was hit, once each, under a table of findings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tallystick.entry.cli import output

if TYPE_CHECKING:
    from tallystick.validate.registry import Text


def print_allowed(told: Iterable[tuple[str, str | None, Text | None]]) -> None:
    """The table; nothing where nothing is told."""
    rows = {(rule_id, field): text.en for rule_id, field, text in told if text is not None}
    if rows:
        shown = [(*place, allowed) for place, allowed in rows.items()]
        output.table(("rule", "field", "allowed"), shown, title="what is allowed")
