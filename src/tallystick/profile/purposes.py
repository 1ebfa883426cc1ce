"""Purposes an inquiry may have: who may use them, under which permit, with what effect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, cast, get_args

from tallystick.model.permit import PermitKind
from tallystick.profile.reading import Table

Effect = Literal["hard", "soft", "none"]
_EFFECTS = frozenset(get_args(Effect))
_PERMITS = frozenset(get_args(PermitKind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """One purpose.

    `permits` are the kinds of leave that may carry it; `who` the member classes (empty: every
    class); `effect` hard (counts against the person), soft (recorded, does not count) or none.
    """

    code: str
    label_en: str
    label_zh: str
    permits: tuple[str, ...]
    who: tuple[str, ...]
    effect: Effect
    shown_to_lenders: bool
    freeze_binds: bool
    cite: str
    status: str
    start: date
    until: date | None

    @property
    def counts(self) -> bool:
        """Whether an inquiry for this purpose counts against the person."""
        return self.effect == "hard"

    def holds_on(self, day: date) -> bool:
        """Whether the purpose is in force on `day`."""
        return self.start <= day and (self.until is None or day < self.until)

    def allows(self, *, permit: str, member_class: str | None) -> bool:
        """Whether a member of that class (None: the person) may use it under that permit."""
        return permit in self.permits and (not self.who or member_class in self.who)


def read_purposes(root: Table, *, live: bool) -> tuple[Purpose, ...]:
    """All purposes of a `purposes.toml`. Raises: ProfileError with file and path."""
    return tuple(_purpose(root.table(code), code, live=live) for code in root.names())


def _purpose(table: Table, code: str, *, live: bool) -> Purpose:
    label_en, label_zh = table.label("label")
    cite, status = table.source(live=live)
    purpose = Purpose(
        code=code,
        label_en=label_en,
        label_zh=label_zh,
        permits=table.texts("permits", allowed=_PERMITS),
        who=table.texts("who"),
        effect=cast(Effect, table.text("effect", allowed=_EFFECTS)),
        shown_to_lenders=table.flag("shown_to_lenders"),
        freeze_binds=table.flag("freeze_binds"),
        cite=cite,
        status=status,
        start=table.day("from"),
        until=table.day_or_none("until"),
    )
    table.close()
    if not purpose.permits:
        raise table.fail("must name at least one permit", key="permits")
    return purpose
