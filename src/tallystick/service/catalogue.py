"""The one catalogue of error codes: status, texts, and whether trying again makes sense.

API problems, CLI messages, pages at `/docs/errors/<code>` and `docs/reference/codes.md` are all
made from it. `python -m tallystick.service.catalogue docs/reference/codes.md` writes that page.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tallystick.errors import ProfileError

_KEYS = {"status", "retryable", "title", "fix"}
#: What an unexpected failure answers with.
INTERNAL = "internal_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeEntry:
    """One code: HTTP status, what it means and what to do, in both languages."""

    code: str
    status: int
    title_en: str
    title_zh: str
    fix_en: str
    fix_zh: str
    retryable: bool

    def title(self, language: str) -> str:
        """The title in `en` or `zh`."""
        return self.title_zh if language == "zh" else self.title_en

    def fix(self, language: str) -> str:
        """What to do, in `en` or `zh`."""
        return self.fix_zh if language == "zh" else self.fix_en

    def said(self, language: str) -> str:
        """Title and what to do, as sentences of `en` or `zh`."""
        stop = "。" if language == "zh" else ". "
        return f"{self.title(language)}{stop}{self.fix(language)}"


def read_catalogue(text: str) -> Mapping[str, CodeEntry]:
    """The catalogue of a TOML text, in its order.

    Raises: ProfileError naming the code when a key is missing, unknown or mistyped.
    """
    return MappingProxyType(
        {code: _entry(code, table) for code, table in tomllib.loads(text).items()}
    )


def _entry(code: str, table: dict[str, Any]) -> CodeEntry:
    texts = [
        table.get(key, {}).get(language) for key in ("title", "fix") for language in _LANGUAGES
    ]
    fits = (
        set(table) == _KEYS
        and isinstance(table["status"], int)
        and 400 <= table["status"] < 600
        and isinstance(table["retryable"], bool)
        and all(isinstance(text, str) and text for text in texts)
    )
    if not fits:
        raise ProfileError(
            f"codes.toml: {code}: needs status, retryable, title and fix in en and zh"
        )
    title_en, title_zh, fix_en, fix_zh = texts
    return CodeEntry(
        code=code,
        status=table["status"],
        title_en=title_en,
        title_zh=title_zh,
        fix_en=fix_en,
        fix_zh=fix_zh,
        retryable=table["retryable"],
    )


def codes_page(catalogue: Mapping[str, CodeEntry]) -> str:
    """`docs/reference/codes.md` as Markdown."""
    lines = [
        "# Error codes",
        "",
        "This page is written from `src/tallystick/locale/codes.toml` by",
        "`python -m tallystick.service.catalogue docs/reference/codes.md`."
        " Change the table, not the page.",
        "",
        "Every error of the API is `application/problem+json` (RFC 9457) with one of these as"
        " `code`;",
        "`type` is `/docs/errors/<code>` on the same host. Codes do not change; texts may.",
        "",
        "| code | status | again? | means | what to do | 含义 | 处理办法 |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in sorted(catalogue.values(), key=lambda item: (item.status, item.code)):
        again = "yes" if entry.retryable else "no"
        cells = (
            f"`{entry.code}`",
            str(entry.status),
            again,
            entry.title_en,
            entry.fix_en,
            entry.title_zh,
            entry.fix_zh,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


_LANGUAGES = ("en", "zh")
CATALOGUE: Mapping[str, CodeEntry] = read_catalogue(
    (resources.files("tallystick") / "locale" / "codes.toml").read_text(encoding="utf-8")
)


def entry_of(code: str) -> CodeEntry:
    """The entry of a code; a code the catalogue lacks is our mistake and answers as such."""
    return CATALOGUE.get(code) or CATALOGUE[INTERNAL]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(codes_page(CATALOGUE), encoding="utf-8")
