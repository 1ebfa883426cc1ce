"""Imported where senders are forked: what each of them needs is imported and read once."""

from __future__ import annotations

from tallystick.entry.demo import senders
from tallystick.validate import load_rules

__all__ = ["senders"]

load_rules()
