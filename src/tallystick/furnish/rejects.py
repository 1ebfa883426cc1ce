"""The reject file: what the furnisher sent, unchanged, and beside it what is wrong and how to mend.

The furnisher's columns are the furnisher's own bytes. A cell that starts with `=`, `+`, `-` or `@`
is therefore *not* made harmless for spreadsheets: that would change what was sent, and the file is
made to be mended and sent back as it is. Only the columns added behind are ours.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tallystick.errors import InvariantBroken
from tallystick.formats import Dataset
from tallystick.furnish.csv_record import seen_text
from tallystick.furnish.header import REJECT_COLUMNS, UNREADABLE_KEY, Header, read_header
from tallystick.furnish.originals import Original, originals, raw_text
from tallystick.furnish.own_list import own_list
from tallystick.furnish.source import DEFAULT_LIMITS, Blocks, Limits
from tallystick.furnish.stage import Format, guess_format
from tallystick.model.finding import Finding
from tallystick.model.json_keys import without

BETWEEN = " | "
_FILE_RULES = "FMT-FILE-"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """The words of one rule, in both languages."""

    message_en: str
    message_zh: str
    allowed_en: str
    allowed_zh: str
    fix_en: str
    fix_zh: str


def write_rejects(
    source: Path,
    target: Path,
    findings: Iterable[Finding],
    *,
    dataset: Dataset,
    domains: Mapping[str, Collection[str]],
    texts: Mapping[str, RuleText],
    format: Format | None = None,  # noqa: A002 - the word of the command line
    limits: Limits = DEFAULT_LIMITS,
) -> int:
    """Write the reject file of a submission; gives the number of records in it.

    Takes:    findings ordered by `line_no`; lines without a rejecting one are left out; `texts`
              by rule id. Streaming: neither file nor findings are held.
    Gives:    CSV or NDJSON like the source, unpacked; no file when the source had none readable
    Raises:   InvariantBroken for a rule without texts or a line that is not in the file
    """
    chosen: Format = format or guess_format(source, limits)
    header = _header(source, dataset, limits) if chosen == "csv" else None
    if chosen == "csv" and header is None:
        return 0
    groups: deque[list[Finding]] = deque()
    count = 0
    with target.open("wb") as file:
        if header is not None:
            file.write(",".join((*header.names, *REJECT_COLUMNS)).encode() + b"\n")
        lines = _rejected_lines(findings, groups)
        for found in originals(source, lines, format=chosen, limits=limits):
            beside = _beside(groups.popleft(), dataset, domains, texts)
            row = _json_row(found, beside) if header is None else _csv_row(found, beside, header)
            file.write(row + b"\n")
            count += 1
    return count


def _header(source: Path, dataset: Dataset, limits: Limits) -> Header | None:
    first = next(block.data for block in Blocks(source, limits) if block.data or block.is_last)
    header = read_header(first[: first.find(b"\n") + 1 or len(first)], dataset)
    return header if isinstance(header, Header) else None


def _rejected_lines(findings: Iterable[Finding], groups: deque[list[Finding]]) -> Iterator[int]:
    """Lines to give back; each one's findings go into `groups` just before it is given."""
    before = 0
    for line_no, group in groupby(findings, key=lambda finding: finding.line_no):
        of_line = list(group)
        if line_no is None or all(f.rule_id.startswith(_FILE_RULES) for f in of_line):
            continue
        if line_no <= before:
            raise InvariantBroken("findings are not ordered by line")
        before = line_no
        if any(finding.severity == "reject" for finding in of_line):
            groups.append(of_line)
            yield line_no


def _beside(
    findings: list[Finding],
    dataset: Dataset,
    domains: Mapping[str, Collection[str]],
    texts: Mapping[str, RuleText],
) -> list[str]:
    """The added cells of one record, in the order of REJECT_COLUMNS; empty where none has any."""
    rows = []
    for finding in findings:
        text = texts.get(finding.rule_id)
        if text is None:
            raise InvariantBroken(f"rule {finding.rule_id} has no texts")
        own = own_list(finding.rule_id, finding.field, dataset, domains)
        rows.append(
            (
                str(finding.line_no),
                "" if finding.column_no is None else str(finding.column_no),
                finding.rule_id,
                finding.severity,
                seen_text(finding.seen or ""),
                text.allowed_en + own,
                text.allowed_zh + own,
                text.fix_en,
                text.fix_zh,
                text.message_en,
                text.message_zh,
            )
        )
    joined = [BETWEEN.join(cells) if any(cells) else "" for cells in zip(*rows, strict=True)]
    joined[0] = rows[0][0]
    return joined


def _csv_row(found: Original, beside: list[str], header: Header) -> bytes:
    widths = (len(header.names), header.width)  # a row put in place may lack the added columns
    if found.cells is None or len(found.cells) not in widths:
        own = [raw_text(found.raw), *[""] * (len(header.names) - 1)]
    elif header.extra:
        own = found.cells[: len(header.names)]
    else:
        return found.raw + b"," + ",".join(map(_quoted, beside)).encode()
    return ",".join(map(_quoted, [*own, *beside])).encode()


def _quoted(cell: str) -> str:
    if any(character in cell for character in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _json_row(found: Original, beside: list[str]) -> bytes:
    """The furnisher's own text of the object, ours of an earlier round taken out, and new ones put
    before its closing brace.
    """
    added = json.dumps(
        dict(zip(REJECT_COLUMNS, beside, strict=True)), ensure_ascii=False, separators=(",", ":")
    )
    try:
        own = without(found.raw.decode("utf-8"), REJECT_COLUMNS)
    except (ValueError, RecursionError):
        own = None
    if own is None:
        own = json.dumps({UNREADABLE_KEY: raw_text(found.raw)}, ensure_ascii=False)[1:-1]
    inner = own.strip(" \t\r")
    return ("{" + inner + ("," if inner else "") + added[1:]).encode("utf-8", "backslashreplace")
