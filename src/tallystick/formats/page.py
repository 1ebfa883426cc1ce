"""The reference page of all records, written from the registry so that it cannot fall behind.

`python -m tallystick.formats.page docs/reference/records.md` writes it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tallystick.formats.columns import csv_header
from tallystick.formats.digest import POINTERS
from tallystick.formats.kept import kept_columns, kept_table
from tallystick.formats.registry import ABSENT_REASONS, Dataset, Field, Registry, load

_INTRO = f"""# Native records

This page is written from `src/tallystick/formats/native/*.toml` by
`python -m tallystick.formats.page docs/reference/records.md`. Change the tables, not the page.

A file is CSV (RFC 4180: comma, UTF-8, LF or CRLF, one header line with the field names in any
order) or NDJSON (one object a line), plain or gzip. Columns of optional fields may be left out.

- **required**: a value. **stated**: a value, or why there is none: `absent:not_held` in CSV,
  `{{"absent": "not_held"}}` in JSON. Reasons: {", ".join(f"`{r}`" for r in ABSENT_REASONS)}.
  **optional**: may be empty.
- Amounts are decimal strings with at most the currency's digits (`1234.50`), never JSON numbers.
- Whole numbers are digits, with a minus sign where needed: `12`, in JSON as a number or as text.
  What is judged is how the number is written, in CSV and JSON alike: `1.0`, `1e2` and `-0` are
  refused, as `-0` is as an amount.
- Days are `YYYY-MM-DD`; instants carry an offset (`2025-03-01T09:30:00+08:00`).
- A day that ends something (`valid_to`, `expires_on`) is its last day and counts; an instant that
  ends something (a consent's `valid_to`) is the first at which it holds no more.
- `column` is where a field is kept in the tables of PostgreSQL. Personal fields of a record are
  together in `sealed`; a number that only points to another record and a member's code are kept
  as ids of ours (`directory`, `member`). Nothing stands there where a field only says which record
  is meant. Inside, an amount is `<field>_minor` (integer minor units), a share `<field>_ppb` (parts
  per billion), an instant itself and `<field>_offset_minutes`.

## What a JSON Schema cannot see

`GET /v1/schemas/<dataset>` gives the JSON Schema of one record, with the codes of the profile. A
record it holds valid is read at the intake without a `FMT` finding that rejects, and the other way
round, but for these:

- how a number is written: `1.0`, `1e2` and `-0` pass as whole numbers and are refused;
- of an object (`record`, `record_key`): its length, how deep it goes, a NUL inside, and, where it
  is sent as text, whether that text is JSON;
- a key named twice in one object, half a pair of UTF-16 (a lone surrogate) in a text, and a line
  that is no UTF-8 or longer than a line may be: a validator gets the record after it was read;
- the columns of a reject file, which stand beside a mended record and are passed over when it is
  sent back: to the schema they are unknown fields;
- the impossible birth date that is kept as absent: it passes here and there, there with a warning;
- everything that is not of one field alone or of an amount and its currency: the rules.

## The digest of a record

A correction names the record it replaces by its digest, `replaces_digest`: the record sent last for
that key and taken, or the one inside the last correction. `tallystick digest FILE --dataset ...`
computes it from your own file, with no bureau. It is the SHA-256, in hex, of the canonical JSON
(RFC 8785) of `{{"dataset": "snapshot", "record": {{...}}}}`, where the record has

- every field that has a value, as text, by its name; fields without a value are left out;
- amounts with all digits of their currency (`12` is `12.00` in CNY, `12` in JPY), shares with nine
  places (`0.020000000`), whole numbers without a plus or leading zeros, instants with their offset
  as `2025-03-01T09:30:00+08:00`;
- a stated absence as `{{"absent": "not_held"}}`; an impossible date kept as absent is left out;
- not the numbers that only point to another record: {
    ", ".join(f"`{number}` other than in `{dataset}`" for number, dataset in POINTERS.items())
}.
"""


def records_page(registry: Registry) -> str:
    """The whole page as Markdown."""
    return "\n".join([_INTRO, *(_section(dataset) for dataset in registry.values())])


def _section(dataset: Dataset) -> str:
    key = ", ".join(f"`{part}`" for part in dataset.key)
    table = f", in `{kept}`" if (kept := kept_table(dataset)) else ""
    lines = [
        f"## {dataset.name} ({dataset.label_zh})",
        "",
        dataset.meaning,
        "",
        f"Version {dataset.version}. Key: {key}. Kept under: {dataset.kept_under}{table}.",
        "",
        "| field | presence | what it may hold | column | en | zh | source |",
        "|---|---|---|---|---|---|---|",
        *(_row(dataset, field) for field in dataset.fields),
        "",
        "```csv",
        csv_header(dataset),
        "```",
        "",
    ]
    return "\n".join(lines)


def _row(dataset: Dataset, field: Field) -> str:
    column = ", ".join(f"`{name}` {kind}" for name, kind in kept_columns(dataset, field))
    cells = (
        f"`{field.name}`",
        field.presence,
        _holds(dataset, field),
        column,
        field.label_en,
        field.label_zh,
        field.source,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _holds(dataset: Dataset, field: Field) -> str:
    parts = [_type_text(field)]
    if field.keep_impossible:
        parts.append("an impossible date is kept as absent, with a warning")
    if field.personal:
        is_sealed = any("sealed" in name for name, _ in kept_columns(dataset, field))
        parts.append("personal, kept sealed" if is_sealed else "personal")
    if field.restricted:
        parts.append("restricted: only with a consent")
    return "; ".join(parts)


def _type_text(field: Field) -> str:
    if isinstance(field.domain, tuple):
        return "one of " + ", ".join(f"`{code}`" for code in field.domain)
    fixed = {
        "currency": "ISO 4217 currency the profile accepts",
        "profile:buckets": "bucket of the profile",
        "profile:furnishing_bases": "basis the profile permits",
        "profile:identifier_schemes": "identifier scheme of the profile",
    }
    if field.domain is not None:
        return fixed.get(field.domain, f"code of the list {field.domain}")
    texts = {
        "text": f"text, 1 to {field.max_length} characters",
        "json": f"JSON object, up to {field.max_length} characters",
        "date": "day",
        "instant": "instant with offset",
        "money": "amount in `currency`",
        "integer": f"whole number {field.minimum} to {field.maximum}",
        "decimal": f"decimal {field.minimum} to {field.maximum}, up to {field.places} places",
        "boolean": "`true` or `false`",
        "member": "member code",
    }
    return texts[field.type]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(records_page(load()), encoding="utf-8")
