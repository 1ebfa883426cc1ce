"""The code lists a record's cells are checked against, from the profile in force."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tallystick.model.money import CURRENCY_DIGITS
from tallystick.profile import ProfileAt


def of(profile: ProfileAt) -> Mapping[str, Collection[str]]:
    """Lists by the names the registry uses: currency, profile:buckets, …"""
    return {
        "currency": tuple(CURRENCY_DIGITS),
        "profile:buckets": tuple(profile.buckets),
        "profile:furnishing_bases": profile.furnishing_bases,
        "profile:identifier_schemes": tuple(profile.schemes),
    }
