"""The texts of the pages: the same keys in both languages, a label for every code."""

from __future__ import annotations

import re
import tomllib
from importlib import resources

from tallystick.entry.http.language import texts
from tallystick.formats import load
from tallystick.profile.keys import BASES


def test_both_languages_have_the_same_texts():
    english, chinese = texts("en"), texts("zh")
    assert list(english) == list(chinese)
    holes = re.compile(r"\{(\w+)\}")
    for key, text in english.items():
        assert set(holes.findall(text)) == set(holes.findall(chinese[key])), key
        assert text.strip()
        assert chinese[key].strip()


def test_every_code_a_page_shows_has_a_label():
    lists = {
        ("account", "product"): "product", ("account", "repayment_frequency"):
        "repayment_frequency", ("account", "security"): "security",
        ("account", "closed_reason"): "closed_reason", ("account", "formerly_reason"):
        "formerly_reason", ("account_party", "role"): "role", ("funding", "role"): "funding_role",
        ("event", "event_type"): "event_type", ("member", "member_class"): "member_class",
        ("payment", "payment_kind"): "payment_kind", ("remark", "kind"): "remark",
        ("snapshot", "classification"): "classification", ("snapshot", "status"): "status",
        ("agreement", "status"): "status", ("subject", "sex"): "sex",
    }  # fmt: skip
    registry, known = load(), texts("en")
    for (dataset, field), kind in lists.items():
        domain = registry[dataset].field(field).domain
        assert isinstance(domain, tuple)
        assert [code for code in domain if f"code.{kind}.{code}" not in known] == []
    assert [code for code in BASES if f"code.basis.{code}" not in known] == []
    assert [name for name in registry if f"code.dataset.{name}" not in known] == []


def test_every_text_a_template_asks_for_is_there():
    folder = resources.files("tallystick.entry.http") / "templates"
    asked = re.compile(r'\bt\("([a-z_0-9.]+)"[,)]')
    for file in folder.iterdir():
        for key in asked.findall(file.read_text(encoding="utf-8")):
            assert key in texts("en"), (file.name, key)


def test_the_catalogues_are_plain_toml():
    folder = resources.files("tallystick") / "locale"
    for name in ("en", "zh", "codes"):
        assert tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
