"""The reference pages of all rules, written from the registry so that they cannot fall behind.

`python -m tallystick.validate.docs` writes `docs/reference/rules.md`, a page of the context columns
(`context_columns.md`), and a page for each file of rules; with `--check` it writes nothing and
fails where a page is not current.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tallystick.validate.context import CONTEXT, DATASETS
from tallystick.validate.registry import Rule, Rules, load_rules

FOLDER = Path("docs/reference")
_WRITTEN = """This page is written from `src/tallystick/validate/{file}` by
`python -m tallystick.validate.docs`. Change the tables, not the page.
"""
_INTRO = """
A rule that hits gives a finding. **reject**: the row is not taken. **warn**: it is taken, and the
finding goes back to its furnisher. **pend**: it waits for its account, person or consent.
What a rule needs to be judged: the **row**, the whole **file**, or the **ledger** (then an offline
check lists it as not evaluated). How an expression reads: [expressions](../expressions.md); what
stands beside a record: [context columns](context_columns.md).
A jurisdiction profile may give a rule another severity, or switch it off, from a day on.
"""


def pages(rules: Rules) -> Mapping[str, str]:
    """Every page by its path below `docs/reference`."""
    files = sorted({rule.file for rule in rules.values()})
    written = {"rules.md": _index(rules, files), "context_columns.md": _context()}
    for file in files:
        own = [rule for rule in rules.values() if rule.file == file]
        head = f"# Rules: {file}\n\n{_WRITTEN.format(file=f'rules/{file}.toml')}"
        written[f"rules/{file}.md"] = "\n".join([head, *(_rule(rule) for rule in own)])
    return written


def stale(root: Path) -> list[str]:
    """The pages that are not there, not current, or left over."""
    wanted = pages(load_rules())
    found = {"rules.md", *(f"rules/{page.name}" for page in (root / FOLDER / "rules").glob("*"))}
    return sorted(
        name
        for name in found | set(wanted)
        if not (root / FOLDER / name).is_file()
        or (root / FOLDER / name).read_text(encoding="utf-8") != wanted.get(name)
    )


def write(root: Path) -> None:
    """Write all pages."""
    (root / FOLDER / "rules").mkdir(parents=True, exist_ok=True)
    for name, text in pages(load_rules()).items():
        (root / FOLDER / name).write_text(text, encoding="utf-8")


def _index(rules: Rules, files: list[str]) -> str:
    judged = [rule for rule in rules.values() if rule.expression is not None]
    counted = Counter((str(rule.severity), str(rule.needs)) for rule in judged)
    lines = ["# Rules", "", _WRITTEN.format(file="rules/*.toml").rstrip(), _INTRO]
    others = len(rules) - len(judged)
    lines.append(f"{len(judged)} rules with an expression; {others} found by reading a file, by")
    lines += ["checking a consent, or in publishing, or gone.", ""]
    lines += ["| severity | row | file | ledger |", "|---|---|---|---|"]
    for severity in ("reject", "warn", "pend"):
        cells = (str(counted[severity, needs]) for needs in ("row", "file", "ledger"))
        lines.append(f"| {severity} | {' | '.join(cells)} |")
    for file in files:
        lines += ["", f"## [{file}](rules/{file}.md)", ""]
        lines += ["| rule | severity | needs | en | zh |", "|---|---|---|---|---|"]
        lines += [
            f"| {rule.rule_id} | {rule.severity} | {rule.needs} |"
            f" {rule.message.en} | {rule.message.zh} |"
            for rule in rules.values()
            if rule.file == file
        ]
    return "\n".join([*lines, ""])


def _rule(rule: Rule) -> str:
    about = f"**{rule.severity}**, needs {rule.needs}; {_where(rule)}"
    fields = dict.fromkeys(part.field for part in rule.parts() if part.field)
    if fields:
        about += f"; points to {', '.join(f'`{field}`' for field in fields)}"
    lines = [f"## {rule.rule_id}", "", f"{rule.message.en} {rule.message.zh} {about}.", ""]
    if rule.expression:
        lines += ["```sql", rule.expression.text.strip(), "```", ""]
    texts = (
        ("Allowed", f"{rule.allowed.en} {rule.allowed.zh}"),
        ("How to fix", f"{rule.fix.en} {rule.fix.zh}"),
        ("Why", f"{rule.rationale.en} {rule.rationale.zh}"),
        ("Harm", f"{rule.potential_harm.en} {rule.potential_harm.zh}"),
        (
            "It may also be",
            f"{rule.alternate_explanation.en} {rule.alternate_explanation.zh}",
        ),
        ("Source", rule.source),
    )
    lines += [f"- {label}: {text}" for label, text in texts if text]
    for example in rule.examples:
        row = ", ".join(f"{name} = {_text(value)}" for name, value in example.row.items())
        lines.append(f"- {'Hits' if example.hits else 'Misses'}, {example.why}: `{row}`")
    return "\n".join([*lines, ""])


def _where(rule: Rule) -> str:
    return "all datasets" if rule.datasets == DATASETS else ", ".join(rule.datasets)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, str) else str(value)


def _context() -> str:
    lines = ["# Context columns", "", _WRITTEN.format(file="context.py")]
    lines += ["What stands beside a record when it is judged; NULL where it is not known.", ""]
    lines += ["| column | type | needs | datasets | meaning |", "|---|---|---|---|---|"]
    for column in CONTEXT:
        where = "all" if column.datasets == DATASETS else ", ".join(column.datasets)
        lines.append(
            f"| `{column.name}` | {column.type} | {column.needs} | {where} | {column.meaning} |"
        )
    return "\n".join([*lines, ""])


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` name those that are not current; 1 where there are any."""
    root = Path.cwd()
    if "--check" not in arguments:
        write(root)
        return 0
    found = stale(root)
    for name in found:
        sys.stderr.write(f"{FOLDER / name} is not current\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
