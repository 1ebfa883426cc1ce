"""Every parameter a profile must have: its unit, its type, its bounds. Nothing else is accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tallystick.model.money import CURRENCY_DIGITS
from tallystick.profile.reading import Table

Parse = Callable[[Table, str], Any]
#: Where the clock of a negative record's retention starts. An unpaid one never starts it.
NEGATIVE_CLOCKS = frozenset({"cure", "closure", "cure_or_closure"})
BASES = frozenset({"consent", "legal_duty", "contract"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a parameter is: its name is also the name of the `ProfileAt` field."""

    name: str
    unit: str
    parse: Parse
    meaning: str


def _count(low: int, high: int) -> Parse:
    def parse(table: Table, key: str) -> int:
        value = table.take(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise table.fail(f"must be an integer from {low} to {high}", key=key)
        return value

    return parse


def _texts(allowed: frozenset[str] = frozenset()) -> Parse:
    def parse(table: Table, key: str) -> tuple[str, ...]:
        return table.texts(key, allowed=allowed)

    return parse


def _code(allowed: frozenset[str]) -> Parse:
    def parse(table: Table, key: str) -> str:
        return table.text(key, allowed=allowed)

    return parse


def _time_zone(table: Table, key: str) -> str:
    name = table.text(key)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise table.fail("is not an IANA time zone", key=key) from error
    return name


def _day_counts(table: Table, key: str) -> tuple[int, ...]:
    value = table.take(key)
    counts = value if isinstance(value, list) else []
    valid = all(isinstance(item, int) and not isinstance(item, bool) for item in counts)
    if not counts or not valid or counts[0] < 1 or sorted(set(counts)) != counts:
        raise table.fail("must be a rising list of whole days", key=key)
    return tuple(counts)


def _key(name: str, unit: str, parse: Parse, meaning: str) -> Key:
    return Key(name=name, unit=unit, parse=parse, meaning=meaning)


KEYS: tuple[Key, ...] = (
    _key("time_zone", "IANA time zone", _time_zone, "Zone in which a day begins and ends."),
    _key("currency", "ISO 4217 code", _code(frozenset(CURRENCY_DIGITS)), "The usual currency."),
    _key("open_periods_months", "months", _count(0, 1200),
         "How far back a snapshot may be restated without a correction."),
    _key("negative_kept_months", "months", _count(0, 1200),
         "How long a negative record is displayed after its clock started."),
    _key("negative_clock", "clock start", _code(NEGATIVE_CLOCKS),
         "What starts that clock; while anything is unpaid it does not run."),
    _key("body_kept_months", "months", _count(0, 1200), "How long the body of an answer is kept."),
    _key("readable_until_days", "days", _count(0, 3660),
         "How long the same answer may be fetched again by the same member."),
    _key("raw_days", "days", _count(0, 3660), "How long raw files and rejected rows are kept."),
    _key("backup_days", "days", _count(0, 3660), "How long backups of keys are kept."),
    _key("log_delay_max_seconds", "seconds", _count(1, 86400),
         "Within what time a look has its place in the log."),
    _key("pending_expires_days", "days", _count(0, 3660),
         "How long a record waits for its parent."),
    _key("test_areas", "area codes", _texts(),
         "Areas of identity numbers that only test mode accepts."),
    _key("inquiry_windows_days", "days", _day_counts, "Windows of the inquiry summary."),
    _key("inquiries_shown_days", "days", _count(0, 36600),
         "How long an inquiry is shown to lenders."),
    _key("free_reports_per_year", "reports", _count(0, 366), "Own reports free of charge."),
    _key("consent_life_max_days", "days", _count(1, 36600), "How long a consent may last at most."),
    _key("furnishing_bases", "bases", _texts(BASES), "Bases on which records may be furnished."),
    _key("restricted_fields", "field names", _texts(),
         "Fields taken only under a consent of their own (`dataset.field`)."),
    _key("banned_field_names", "field names", _texts(),
         "Names of fields refused at the door, in any dataset."),
)  # fmt: skip
