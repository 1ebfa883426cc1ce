"""The report's reference page, made from its published schema.

`python -m tallystick.report.reference > docs/reference/report.md` writes it anew.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from typing import Any

from tallystick.report.versions import NEWEST, VERSIONS, Version

_INTRODUCTION = """# The report, version {number}

What one reader may see of one person at one place in history.
It is canonical JSON (RFC 8785) of strings, integers and booleans.
Made from `src/tallystick/report/schema/{schema}`; a test keeps the two equal.
A bureau serves that schema at `GET /v1/schemas/report`, that of version n at
`GET /v1/schemas/report/n`.

- Amounts are decimal strings with a currency beside them; nothing is added across currencies.
- A field that was not reported is left out; one stated absent stands under `absent` with its
  reason; neither is ever zero.
- A total with a part that was not reported is not computable; the sum of what was reported stands
  beside it.
- A block that was withheld is left out and listed in `header.withheld` with the reason; of one that
  is there in part, `periods` counts the months shown without content and those left out.
- The person sees other institutions by name; a lender by class only; a furnisher sees its own
  records only, of an account that was sold the other's months as `not_displayed`, and of an account
  it funds by its originator's word what it sent of its share.
- Months and payments older than the profile keeps what was late are left out from the beginning,
  late or not, so that none is told by a gap. Late ones are kept that long from their cure, or from
  the closing of the account, as a month tells it or its terms (`closed_on`, as `paid`, `refinanced`
  or `settled_for_less`, and not reopened since); while anything is unpaid they are shown. Events
  that tell of lateness are shown no longer than the lateness.
- `inquiries` counts what was answered, of purposes that the profile counts; for a lender only looks
  that it may see. A window of n days holds what happened less than n days before `as_of`.
- Where the person's role in an account has ended, it stands with `role_ended_on` as it was in her
  time: no later terms, events or months, and nothing of it in the summary. Her late months are
  counted from the end of her role at the latest.
- Months and events before the person had a role in an account, or between two roles of hers, are
  not hers: the months between stand as `not_displayed`, and nothing of them is in the summary.
  An event is of the day its instant lies in, in the profile's time zone.

## Versions

`format` names the version. New answers are in the newest; one given in an earlier version comes
again in that version, byte for byte, and its schema stays published beside the newest.

| version | schema | what is new in it |
|---|---|---|
{versions}
"""


def schema(version: Version = NEWEST) -> dict[str, Any]:
    """The published JSON Schema of a report's body in a version of its format."""
    text = (files("tallystick.report") / "schema" / version.schema).read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def reference_page() -> str:
    """The page as Markdown."""
    root = schema()
    parts = [_introduction(), _section("report", root)]
    parts += [_section(name, node) for name, node in root["$defs"].items() if "properties" in node]
    return "\n".join(parts)


def _introduction() -> str:
    rows = (f"| `{one.name}` | `{one.schema}` | {one.news} |" for one in VERSIONS.values())
    return _INTRODUCTION.format(
        number=NEWEST.name.rpartition("/")[2],
        schema=NEWEST.schema,
        versions="\n".join(rows),
    )


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
