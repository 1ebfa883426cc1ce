"""Findings of an offline check as a table, JSON, CSV or JUnit."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from tallystick.entry.cli import output
from tallystick.entry.cli.allowed_table import print_allowed

if TYPE_CHECKING:
    from tallystick.entry.cli.offline import Checked
    from tallystick.model.finding import Finding

_PLACES: Final = ("line_no", "column_no", "byte_offset", "field", "severity", "rule_id", "seen")
_TEXTS: Final = ("message", "allowed", "how_to_fix")
_SAMPLES: Final = 5


def print_table(checked: Checked, limit: int) -> None:
    """Counts by rule, then the first `limit` findings."""
    counts = Counter((one.rule_id, one.severity) for one in checked.findings)
    if counts:
        rows = [(*key, count, checked.message(key[0]).en) for key, count in counts.most_common()]
        output.table(("rule", "severity", "count", "message"), rows, title="by rule")
        shown = [[getattr(one, place) for place in _PLACES] for one in checked.findings[:limit]]
        output.table(("line", "column", "byte", *_PLACES[3:]), shown, title="findings")
        print_allowed(
            (one.rule_id, one.field, checked.allowed(one)) for one in checked.findings[:limit]
        )
    if checked.not_evaluated:
        output.data("not evaluated (need the ledger): " + ", ".join(checked.not_evaluated))


def print_json(checked: Checked, limit: int) -> None:
    """Everything, with the texts of each rule once."""
    rule_ids = sorted({one.rule_id for one in checked.findings})
    output.as_json(
        {
            "dataset": checked.dataset,
            "sent": checked.sent,
            "rejected": checked.rejected,
            "findings": [
                {**output.plain_finding(one), "allowed": checked.allowed(one)}
                for one in checked.findings
            ],
            "rules": {
                rule_id: {"message": checked.message(rule_id), "fix": checked.fix(rule_id)}
                for rule_id in rule_ids
            },
            "not_evaluated": checked.not_evaluated,
        }
    )


def print_csv(checked: Checked, limit: int) -> None:
    """One line a finding."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    named = [output.FINDING_NAMES.get(place, place) for place in _PLACES]
    writer.writerow((*named, *(f"{name}_{tag}" for name in _TEXTS for tag in ("en", "zh"))))
    for one in checked.findings:
        texts = checked.message(one.rule_id), checked.allowed(one), checked.fix(one.rule_id)
        places = [getattr(one, place) for place in _PLACES]
        writer.writerow((*places, *(said for text in texts for said in (text.en, text.zh))))
    output.data(text.getvalue())


def print_junit(checked: Checked, limit: int) -> None:
    """One test case a rule that was evaluated; ledger rules are skipped ones."""
    by_rule = {
        rule_id: list(found)
        for rule_id, found in groupby(
            sorted(checked.findings, key=lambda one: one.rule_id), key=lambda one: one.rule_id
        )
    }
    suite = Element("testsuite", name=f"tallystick validate {checked.dataset}")
    for rule_id in checked.evaluated:
        case = SubElement(suite, "testcase", classname=checked.dataset, name=rule_id)
        if rule_id in by_rule:
            _failure(case, by_rule[rule_id], checked)
    for rule_id in checked.not_evaluated:
        case = SubElement(suite, "testcase", classname=checked.dataset, name=rule_id)
        SubElement(case, "skipped", message="needs the ledger")
    suite.set("tests", str(len(checked.evaluated) + len(checked.not_evaluated)))
    suite.set("failures", str(len(by_rule)))
    suite.set("skipped", str(len(checked.not_evaluated)))
    output.data(tostring(suite, encoding="unicode", xml_declaration=True))


def _failure(case: Element, found: list[Finding], checked: Checked) -> None:
    """A rule's findings: their number, and the places of the first few without what was seen."""
    message = f"{len(found)} findings ({found[0].severity}): {checked.message(found[0].rule_id).en}"
    failure = SubElement(case, "failure", message=message, type=found[0].severity)
    failure.text = "\n".join(
        f"line {one.line_no}, column {one.column_no}, field {one.field};"
        f" allowed: {checked.allowed(one).en}"
        for one in found[:_SAMPLES]
    )


PRINTERS: Final[dict[str, Callable[[Any, int], None]]] = {
    "table": print_table,
    "json": print_json,
    "csv": print_csv,
    "junit": print_junit,
}
