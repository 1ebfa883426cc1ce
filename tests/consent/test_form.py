"""The one form of a consent's payload: what every reader reads the same way, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_artefact import KEY, PAYLOAD, jwk, signed

from tallystick.consent import Unformed, read_artefact, require_form
from tallystick.consent.form import MEMBERS, MOST_USES

EVIDENCE = {"text_sha256": "0123456789abcdef" * 4, "locale": "zh"}
ALL = {
    **PAYLOAD,
    "data_period": {"from": "2020-01-01", "to": "2025-01-01"},
    "mode": "view",
    "fetch": "once",
    "frequency": {"n": 4, "unit": "month"},
    "keep_for": {"n": 6, "unit": "month"},
}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"uses_allowed": None},
        {"uses_allowed": 1},
        {"uses_allowed": MOST_USES},
        {"evidence": EVIDENCE},
        {"evidence": {**EVIDENCE, "locale": "zh-Hans-CN"}},
        {"given_at": "2025-01-01T08:00:00.123456+08:00"},
        {"mode": "store", "fetch": "periodic"},
        {"consent_id": "01890000-0000-7000-8000-00000000000A"},
    ],
)
def test_what_is_in_its_form_is_taken(fields: dict[str, Any]) -> None:
    require_form(signed({**ALL, **fields}))


@pytest.mark.parametrize("name", ["uses_allowed", "data_period", "mode", "fetch", "frequency"])
def test_what_may_be_left_out_may(name: str) -> None:
    require_form(signed({one: value for one, value in ALL.items() if one != name}))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("uses_allowed", [1.9, 1.0, "1", True, " 2 ", "\uff11", 0, -1, MOST_USES + 1, [], "0x1"]),
        ("data_classes", [{"loans": 1}, "loans", [1], ["loans", None], [], [""], None]),
        ("version", ["2", 1, None, "", "1 "]),
        ("consent_id", ["{01890000-0000-7000-8000-000000000001}", "0" * 32, 1]),
        ("valid_from", ["20250101T000000Z", "2025-01-01 00:00:00Z", "2025-W01-3T00:00:00Z"]),
        ("valid_to", ["2025-02-01T00:00Z", "2025-02-01T00:00:00,5Z", 1738368000]),
        ("given_at", ["2025-01-01T00:00:00", "2025-01-01T00:00:00+00:00:01", None]),
        ("mode", ["sell", None, ["view"]]),
        ("fetch", ["twice", "ONCE"]),
        ("evidence", [None, [], "text"]),
        ("purpose", ["", None, ["credit_application"]]),
        ("frequency", [[], None]),
    ],
)
def test_what_is_not_in_its_one_form_is_refused_by_name(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(Unformed, match=f"`{name}`") as refused:
            require_form(signed({**ALL, name: value}))
        assert (refused.value.member, refused.value.code) == (name, "bad_consent")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("evidence.text_sha256", {"evidence": {**EVIDENCE, "text_sha256": "zz"}}),
        ("evidence.text_sha256", {"evidence": {**EVIDENCE, "text_sha256": "A" * 64}}),
        ("evidence.text_sha256", {"evidence": {**EVIDENCE, "text_sha256": "0" * 65}}),
        ("evidence.locale", {"evidence": {**EVIDENCE, "locale": "Chinese"}}),
        ("evidence.method", {"evidence": {**EVIDENCE, "method": 1}}),
        ("evidence.ip", {"evidence": {**EVIDENCE, "ip": "::1"}}),
        ("frequency.n", {"frequency": {"n": 0, "unit": "day"}}),
        ("frequency.unit", {"frequency": {"n": 1, "unit": "days"}}),
        ("keep_for.n", {"keep_for": {"unit": "day"}}),
        ("data_period.to", {"data_period": {"from": "2025-01-01", "to": "2025-02-29"}}),
        ("data_period.from", {"data_period": {"from": "20250101", "to": "2025-02-28"}}),
    ],
)
def test_so_is_what_stands_inside_a_member(name: str, fields: dict[str, Any]) -> None:
    with pytest.raises(Unformed) as refused:
        require_form(signed({**ALL, **fields}))
    assert refused.value.member == name


@pytest.mark.parametrize("name", [one for one, member in MEMBERS.items() if member.is_required])
def test_what_must_be_there_is_asked_for(name: str) -> None:
    with pytest.raises(Unformed) as refused:
        require_form(signed({one: value for one, value in ALL.items() if one != name}))
    assert refused.value.member == name


@pytest.mark.parametrize(
    ("unknown", "said"),
    [
        (["not_for_marketing"], "not_for_marketing"),
        (["only_branch", "max_amount"], "max_amount, only_branch"),
        (["Version"], "Version"),
        (["990101198804121017"], "…"),
        (["a\0b", "region"], "region, …"),
        ([chr(97 + one) for one in range(9)], "a, b, c, d, e, …"),
    ],
)
def test_what_nobody_knows_might_narrow_it_and_is_refused(unknown: list[str], said: str) -> None:
    with pytest.raises(Unformed, match="left out") as refused:
        require_form(signed({**ALL, **dict.fromkeys(unknown, "x")}))
    assert refused.value.member == said


def test_the_form_is_no_matter_of_reading_one_that_was_taken() -> None:
    loose = signed({**PAYLOAD, "version": "2", "uses_allowed": "2", "extra": 1})
    assert read_artefact(loose, jwk(KEY)).uses_allowed == 2


def test_the_docs_name_every_member() -> None:
    page = Path(__file__).parents[2] / "docs/reference/consent.md"
    rows = {line.split("|")[1].strip(" `") for line in page.read_text().splitlines() if "|" in line}
    inner = {f"{name}.{one}" for name, member in MEMBERS.items() for one in member.inner}
    assert {*MEMBERS, *inner} <= rows
