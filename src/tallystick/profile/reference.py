"""The profiles' reference page, made from the profiles themselves.

`python -m tallystick.profile.reference > docs/reference/profiles.md` writes it anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from tallystick.profile.dated import DatedValue
from tallystick.profile.keys import KEYS
from tallystick.profile.loading import Profile, known_profiles

_INTRODUCTION = """# Profiles

A profile is a jurisdiction's law as data: `src/tallystick/profile/jurisdictions/<id>/`.
Every value has a unit, a source and the day it starts.
A `draft` has no primary source that was read; live mode refuses it.
It also refuses a profile with a file `INVENTED` beside it: made-up law.
A file `words.toml` beside it says what pages call a code where the words of its list mislead.
Neither file is law or in the profile's version: answers given under it can still be made again.
This page is made from the profiles; a test keeps the two equal.
"""


def reference_page() -> str:
    """The page as Markdown: what each key means, then every profile's values."""
    parts = [_INTRODUCTION, "## Keys", "", "| key | unit | meaning |", "|---|---|---|"]
    parts += [f"| `{key.name}` | {key.unit} | {key.meaning} |" for key in KEYS]
    for profile_id in known_profiles():
        parts += ["", *_profile(Profile.load(profile_id))]
    return "\n".join(parts) + "\n"


def _profile(profile: Profile) -> Iterable[str]:
    yield f"## {profile.id}: {profile.title_en} ({profile.title_zh})"
    yield ""
    yield "| key | value | from | status | source |"
    yield "|---|---|---|---|---|"
    for value in (*profile.values.values(), *profile.rules.values()):
        yield from _rows(value)
    yield ""
    yield f"### Delinquency codes ({profile.bucket_source[1]}: {profile.bucket_source[0]})"
    yield ""
    yield "| code | rank | kind | days | en | zh |"
    yield "|---|---|---|---|---|---|"
    for bucket in profile.buckets:
        rank = "" if bucket.rank is None else bucket.rank
        days = _days(bucket.days_min, bucket.days_max)
        yield (
            f"| `{bucket.code}` | {rank} | {bucket.kind} | {days} "
            f"| {bucket.title_en} | {bucket.title_zh} |"
        )
    yield ""
    yield "### Purposes"
    yield ""
    yield "| purpose | en | zh | permits | who | effect | lenders see it | freeze binds | source |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for purpose in profile.purposes:
        yield (
            f"| `{purpose.code}` | {purpose.label_en} | {purpose.label_zh} "
            f"| {', '.join(purpose.permits)} | {', '.join(purpose.who) or 'every class'} "
            f"| {purpose.effect} | {_yes(purpose.shown_to_lenders)} | {_yes(purpose.freeze_binds)} "
            f"| {purpose.cite} ({purpose.status}) |"
        )
    yield ""
    yield "### Identity numbers"
    yield ""
    yield "| scheme | en | zh | form | check | source |"
    yield "|---|---|---|---|---|---|"
    for scheme in profile.schemes:
        yield (
            f"| `{scheme.code}` | {scheme.label_en} | {scheme.label_zh} "
            f"| `{scheme.pattern.pattern}` | {scheme.check} | {scheme.cite} ({scheme.status}) |"
        )


def _rows(value: DatedValue) -> Iterable[str]:
    for entry in value.entries:
        held = entry.value
        text = ", ".join(map(str, held)) if isinstance(held, tuple) else str(held)
        until = f" until {entry.until}" if entry.until else ""
        yield f"| `{value.key}` | {text} | {entry.start}{until} | {value.status} | {value.cite} |"


def _days(low: int | None, high: int | None) -> str:
    if low is None:
        return ""
    return f"{low} and more" if high is None else f"{low} to {high}"


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


if __name__ == "__main__":
    sys.stdout.write(reference_page())
