"""One word for one thing in both languages, in all that users read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tallystick.profile import Profile

SOURCE = Path(__file__).parents[2] / "src" / "tallystick"
#: Paid off: an account may be closed by sale, write-off or transfer too.
PAID_OFF = "结清"
#: Where a debt is settled for less than was owed the word is right.
SETTLED = {"code.closed_reason.settled_for_less"}


def pairs(value: Any, place: str) -> Iterator[tuple[str, str, str]]:
    """(place, en, zh) of every text that stands in both languages."""
    if isinstance(value, dict):
        if value.keys() == {"en", "zh"} and isinstance(value["en"], str):
            yield place, value["en"], value["zh"]
        for name, one in value.items():
            yield from pairs(one, f"{place}.{name}")
    elif isinstance(value, list):
        for at, one in enumerate(value):
            name = one.get("id") or one.get("name") if isinstance(one, dict) else None
            yield from pairs(one, f"{place}.{name or at}")


def flat(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    for name, one in value.items():
        if isinstance(one, dict):
            yield from flat(one, f"{place}{name}.")
        else:
            yield place + name, one


def texts() -> Iterator[tuple[str, str, str]]:
    for folder in ("formats/native", "validate/rules", "locale"):
        for file in sorted((SOURCE / folder).glob("*.toml")):
            yield from pairs(tomllib.loads(file.read_text(encoding="utf-8")), file.name)
    english, chinese = (
        dict(flat(tomllib.loads((SOURCE / "locale" / f"{one}.toml").read_text(encoding="utf-8"))))
        for one in ("en", "zh")
    )
    for name, said in english.items():
        yield name, str(said), str(chinese[name])
    for bucket in Profile.load("zz").buckets:
        yield f"zz.{bucket.code}", bucket.title_en, bucket.title_zh


def test_closed_is_not_said_to_be_paid_off() -> None:
    found = list(texts())
    assert [zh for place, _, zh in found if place == "code.status.closed"] == ["已关闭"]
    wrong = [place for place, _, zh in found if PAID_OFF in zh and place not in SETTLED]
    assert wrong == []
    assert sum("关闭" in zh for _, _, zh in found) > 60
