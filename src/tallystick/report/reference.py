"""The report's reference page, made from its published schema.

`python -m tallystick.report.reference > docs/reference/report.md` writes it anew.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from typing import Any

_INTRODUCTION = """# The report, version 1

What one reader may see of one person at one place in history.
It is canonical JSON (RFC 8785) of strings, integers and booleans.
Made from `src/tallystick/report/schema/report-v1.schema.json`; a test keeps the two equal.

- Amounts are decimal strings with a currency beside them; nothing is added across currencies.
- A field that was not reported is left out; one stated absent stands under `absent` with its
  reason; neither is ever zero.
- A total with a part that was not reported is not computable; the sum of what was reported stands
  beside it.
- A block that was withheld is left out and listed in `header.withheld` with the reason.
- The person sees everything; a lender sees other institutions by class only; a furnisher sees its
  own records only, of an account that was sold the other's months as `not_displayed`, and of an
  account it funds by its originator's word what it sent of its share.
- Late months older than the profile keeps them, counted from their cure or from the closing of the
  account, are `not_displayed`; while anything is unpaid they are shown.
- Where the person's role in an account has ended, it stands with `role_ended_on` as it was in her
  time: no later terms, events or months, and nothing of it in the summary. Her late months are
  counted from the end of her role at the latest.
"""


def schema() -> dict[str, Any]:
    """The published JSON Schema of a report's body."""
    text = (files("tallystick.report") / "schema" / "report-v1.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def reference_page() -> str:
    """The page as Markdown."""
    root = schema()
    parts = [_INTRODUCTION, _section("report", root)]
    parts += [_section(name, node) for name, node in root["$defs"].items() if "properties" in node]
    return "\n".join(parts)


def _section(name: str, node: dict[str, Any]) -> str:
    lines = [f"## {name}", ""]
    if "description" in node:
        lines += [node["description"], ""]
    lines += ["| field | type | always | meaning |", "|---|---|---|---|"]
    required = set(node["required"])
    for field, content in node["properties"].items():
        always = "yes" if field in required else ""
        meaning = content.get("description", "")
        lines.append(f"| `{field}` | {_type(content)} | {always} | {meaning} |")
    return "\n".join([*lines, ""])


def _type(node: dict[str, Any]) -> str:
    if "$ref" in node:
        return str(node["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in node:
        return " or ".join(_type(option) for option in node["anyOf"])
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if node["type"] == "array":
        return f"list of {_type(node['items'])}"
    if "properties" in node:
        return "object: " + ", ".join(f"`{name}`" for name in node["properties"])
    return str(node["type"])


if __name__ == "__main__":
    sys.stdout.write(reference_page())
