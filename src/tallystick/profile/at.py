"""`ProfileAt`: a jurisdiction's values in force on one day, frozen and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from tallystick.profile.buckets import Bucket
from tallystick.profile.identifiers import (
    Scheme,
    Verdict,
    check_number,
    compact_number,
    number_facts,
)
from tallystick.profile.purposes import Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileAt:
    """Everything a profile says on `day`. Meanings and units: `profile.keys`, docs/reference.

    `rules` maps a rule id to the severity in force (reject, warn, pend, off); a rule not named
    keeps its own.
    """

    id: str
    version: str
    day: date
    is_live: bool
    time_zone: str
    currency: str
    open_periods_months: int
    negative_kept_months: int
    negative_clock: str
    body_kept_months: int
    readable_until_days: int
    raw_days: int
    backup_days: int
    log_delay_max_seconds: int
    pending_expires_days: int
    test_areas: tuple[str, ...]
    inquiry_windows_days: tuple[int, ...]
    inquiries_shown_days: int
    free_reports_per_year: int
    consent_life_max_days: int
    furnishing_bases: tuple[str, ...]
    restricted_fields: tuple[str, ...]
    banned_field_names: tuple[str, ...]
    buckets: Mapping[str, Bucket]
    purposes: Mapping[str, Purpose]
    schemes: Mapping[str, Scheme]
    rules: Mapping[str, str]

    def __hash__(self) -> int:
        return hash((self.id, self.version, self.day, self.is_live))

    def check_identifier(self, scheme: str, number: str) -> Verdict:
        """What is wrong with an identity number; "unknown_scheme" when the scheme is not in force.

        "test_area" is a number right in all but its area, which rule SUB-ID-005 lets pass in test
        mode only.
        """
        known = self.schemes.get(scheme)
        if known is None:
            return "unknown_scheme"
        return check_number(known, number, test_areas=self.test_areas)

    def identifier_facts(self, scheme: str, number: str) -> tuple[date | None, str | None]:
        """Birth date and sex a number states; (None, None) for an unknown scheme or bad form."""
        known = self.schemes.get(scheme)
        return (None, None) if known is None else number_facts(known, number)

    def is_placeholder(self, number: str) -> bool:
        """Whether a number is one sign over and over, as is written where none is known."""
        compact = compact_number(number)
        return len(compact) > 1 and len(set(compact)) == 1

    def compact_identifier(self, number: str) -> str:
        """The one form in which a number is compared and tokenised."""
        return compact_number(number)
