"""Reads `jurisdictions/<id>/` into a `Profile`; nothing else reads those files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from tallystick.errors import ProfileError
from tallystick.profile.at import ProfileAt
from tallystick.profile.buckets import Bucket, read_buckets
from tallystick.profile.dated import DatedValue, read_dated
from tallystick.profile.identifiers import Scheme, read_schemes
from tallystick.profile.keys import KEYS
from tallystick.profile.purposes import Purpose, read_purposes
from tallystick.profile.reading import Table, read_toml

SEVERITIES = frozenset({"reject", "warn", "pend", "off"})
_FILES = ("profile.toml", "identifiers.toml", "purposes.toml", "rules.toml", "codes/buckets.csv")
#: A file that marks a jurisdiction whose law is made up. It holds no law: it is not in the version,
#: so that answers given under the profile can still be made again.
_INVENTED = "INVENTED"
#: What pages call a code in place of its list's own words; optional, and no law either.
_WORDS = "words.toml"
_VERSION_LENGTH = 12
_TIME_ZONE = "time_zone"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A jurisdiction's dated values, code lists, purposes and identifier schemes.

    `version` is a digest of the files that hold law: other bytes, other version. Values are asked
    for a day: `profile.on(day)`, or for an instant: `profile.at(instant)`.
    """

    id: str
    title_en: str
    title_zh: str
    version: str
    is_live: bool
    values: Mapping[str, DatedValue]
    bucket_source: tuple[str, str]
    buckets: tuple[Bucket, ...]
    purposes: tuple[Purpose, ...]
    schemes: tuple[Scheme, ...]
    rules: Mapping[str, DatedValue]

    @staticmethod
    def load(profile_id: str, *, live: bool = False, folder: Traversable | None = None) -> Profile:
        """The profile of a jurisdiction.

        Takes:    its id; `live` refuses invented law, drafts and numbers of test areas; `folder`
                  holds jurisdictions other than those in the package
        Raises:   ProfileError with file and path on anything unknown, missing, undated, without
                  unit or source, and on drafts and invented jurisdictions in live mode
        """
        root = folder if folder is not None else files("tallystick.profile") / "jurisdictions"
        known = known_profiles(folder=root)
        if profile_id not in known:
            raise ProfileError(f"{profile_id!r}: no such profile; there are: {', '.join(known)}")
        if live and (root / profile_id).joinpath(_INVENTED).is_file():
            raise ProfileError(
                f"{profile_id}/{_INVENTED}: its law is made up; not allowed in live mode: choose"
                " the profile of a real jurisdiction with TALLYSTICK_PROFILE, or run in test mode"
            )
        found = _read(profile_id, _contents(root / profile_id), live=live)
        return _worded(found, root.joinpath(profile_id, _WORDS))

    def on(self, day: date) -> ProfileAt:
        """What holds on `day`; the same object for the same day.

        Raises: ProfileError when a value is not in force on that day
        """
        return _resolved(self, day)

    def day_of(self, instant: datetime) -> date:
        """The day an instant lies in, in the profile's time zone.

        A time zone holds from the first instant of its first day, by its own clock.
        Raises: ProfileError when no time zone is in force at the instant
        """
        for entry in reversed(self.values[_TIME_ZONE].entries):
            day = instant.astimezone(ZoneInfo(entry.value)).date()
            if entry.start <= day:
                if entry.until is not None and entry.until <= day:
                    break
                return day
        raise ProfileError(
            f"{self.id}/profile.toml: values.{_TIME_ZONE}: not in force at {instant.isoformat()}"
        )

    def at(self, instant: datetime) -> ProfileAt:
        """What holds at an instant: on the day it lies in, in the profile's time zone."""
        return self.on(self.day_of(instant))

    def __hash__(self) -> int:
        return hash((self.id, self.version, self.is_live))


def known_profiles(*, folder: Traversable | None = None) -> tuple[str, ...]:
    """Ids of the jurisdictions there are, sorted."""
    root = folder if folder is not None else files("tallystick.profile") / "jurisdictions"
    return tuple(sorted(item.name for item in root.iterdir() if item.is_dir()))


def _contents(folder: Traversable) -> dict[str, bytes]:
    contents = {}
    for name in _FILES:
        try:
            contents[name] = folder.joinpath(*name.split("/")).read_bytes()
        except FileNotFoundError as error:
            raise ProfileError(f"{folder.name}/{name}: is missing") from error
    return contents


def _version(contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(f"{name}\0{len(contents[name])}\0".encode())
        digest.update(contents[name])
    return digest.hexdigest()[:_VERSION_LENGTH]


def _read(profile_id: str, contents: Mapping[str, bytes], *, live: bool) -> Profile:
    tables = {
        name: read_toml(contents[name], file=f"{profile_id}/{name}")
        for name in _FILES
        if name.endswith(".toml")
    }
    root = tables["profile.toml"]
    root.text("id", allowed={profile_id})
    title_en, title_zh = root.label("title")
    values = _values(root.table("values"), live=live)
    source = _code_list_source(root.table("codes"), live=live)
    root.close()
    return Profile(
        id=profile_id,
        title_en=title_en,
        title_zh=title_zh,
        version=_version(contents),
        is_live=live,
        values=MappingProxyType(values),
        bucket_source=source,
        buckets=read_buckets(contents["codes/buckets.csv"], file=f"{profile_id}/codes/buckets.csv"),
        purposes=read_purposes(tables["purposes.toml"], live=live),
        schemes=read_schemes(tables["identifiers.toml"], live=live),
        rules=MappingProxyType(_rules(tables["rules.toml"], live=live)),
    )


def _worded(profile: Profile, file: Traversable) -> Profile:
    """The profile with the words of such a file, if there is one."""
    if not file.is_file():
        return profile
    root = read_toml(file.read_bytes(), file=f"{profile.id}/{_WORDS}")
    words = root.table("buckets")
    root.close()
    titles = {one.code: words.label(one.code) for one in profile.buckets if words.has(one.code)}
    words.close()
    buckets = tuple(
        replace(one, title_en=titles[one.code][0], title_zh=titles[one.code][1])
        if one.code in titles
        else one
        for one in profile.buckets
    )
    return replace(profile, buckets=buckets)


def _values(table: Table, *, live: bool) -> dict[str, DatedValue]:
    values = {
        key.name: read_dated(
            table.table(key.name), key=key.name, unit=key.unit, parse=key.parse, live=live
        )
        for key in KEYS
    }
    table.close()
    return values


def _code_list_source(codes: Table, *, live: bool) -> tuple[str, str]:
    table = codes.table("buckets")
    codes.close()
    source = table.source(live=live)
    table.close()
    return source


def _rules(root: Table, *, live: bool) -> dict[str, DatedValue]:
    def severity(table: Table, key: str) -> str:
        return table.text(key, allowed=SEVERITIES)

    return {
        rule_id: read_dated(
            root.table(rule_id), key=rule_id, unit="severity", parse=severity, live=live
        )
        for rule_id in root.names()
    }


@lru_cache(maxsize=512)
def _resolved(profile: Profile, day: date) -> ProfileAt:
    def mapping(items: tuple[Any, ...]) -> Mapping[str, Any]:
        return MappingProxyType({item.code: item for item in items if item.holds_on(day)})

    held = {}
    for key, value in profile.values.items():
        entry = value.on(day)
        if entry is None:
            raise ProfileError(f"{profile.id}/profile.toml: values.{key}: not in force on {day}")
        held[key] = entry.value
    rules = {rule_id: value.on(day) for rule_id, value in profile.rules.items()}
    return ProfileAt(
        id=profile.id,
        version=profile.version,
        day=day,
        is_live=profile.is_live,
        buckets=mapping(profile.buckets),
        purposes=mapping(profile.purposes),
        schemes=mapping(profile.schemes),
        rules=MappingProxyType({rule: entry.value for rule, entry in rules.items() if entry}),
        **held,
    )
