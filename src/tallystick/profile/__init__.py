"""Jurisdictions as data: reads `jurisdictions/<id>/` into frozen values.

Takes:       the id of a jurisdiction, then a day.
Gives:       `ProfileAt`: retention, clocks, purposes, code lists, identifier checks of that day.
Keeps true:  every value has a unit, a source and a start; the version is a digest of the files.
Refuses:     (ProfileError, with file and path) anything unknown, missing or undated; drafts and
             invented law when live.
"""

from tallystick.profile.at import ProfileAt
from tallystick.profile.buckets import Bucket
from tallystick.profile.identifiers import Scheme, Verdict
from tallystick.profile.loading import Profile, known_profiles
from tallystick.profile.purposes import Purpose

__all__ = ["Bucket", "Profile", "ProfileAt", "Purpose", "Scheme", "Verdict", "known_profiles"]
