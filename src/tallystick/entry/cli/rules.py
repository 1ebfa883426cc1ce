"""Commands that explain: the rules, and any rule, field or code by its name. No database needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.entry.cli import output
from tallystick.entry.cli.options import AsJson
from tallystick.errors import BadRequest

if TYPE_CHECKING:
    from tallystick.validate.registry import Rule

rules = typer.Typer(no_args_is_help=True, help="The rules records are checked by.")


@rules.command("list")
def list_rules(
    dataset: Annotated[str | None, typer.Option("--dataset", help="Only of this dataset.")] = None,
    needs: Annotated[
        str | None, typer.Option("--needs", metavar="row|file|ledger", help="Only with this need.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List all rules: id, severity, what each needs to be judged, message."""
    from tallystick.formats import load
    from tallystick.validate.registry import load_rules

    if dataset is not None and dataset not in load():
        raise BadRequest("unknown_dataset", f"there are: {', '.join(load())}")
    if needs is not None and needs not in ("row", "file", "ledger"):
        raise typer.BadParameter("--needs takes row, file or ledger")
    found = [
        rule
        for rule in load_rules().values()
        if (dataset is None or dataset in rule.datasets) and (needs is None or rule.needs == needs)
    ]
    if as_json:
        output.as_json([_rule(rule) for rule in found])
    else:
        rows = [
            (r.rule_id, r.severity, r.needs, _datasets(r), f"{r.message.en} {r.message.zh}")
            for r in found
        ]
        output.table(("rule", "severity", "needs", "dataset", "message"), rows)
    if found:
        output.next_step(f"tallystick explain {found[0].rule_id}")


def explain(
    name: Annotated[
        str, typer.Argument(metavar="RULE-ID|FIELD|CODE", help="ACC-DATE-004, opened_on, …")
    ],
    as_json: AsJson = False,
) -> None:
    """Explain a rule, a field of a record or an error code."""
    from tallystick.validate.registry import load_rules

    rule = load_rules().get(name.upper())
    fields, code = _fields(name), _code(name)
    if rule is None and not fields and code is None:
        raise BadRequest(
            "not_found",
            "no rule, field or code has this name; `tallystick rules list` lists the rules",
        )
    if as_json:
        found = {"rule": None if rule is None else _rule(rule), "fields": fields, "code": code}
        output.as_json({kind: one for kind, one in found.items() if one})
    else:
        if rule is not None:
            _tell_rule(rule)
        for field in fields:
            output.facts((name, value) for name, value in field.items() if value is not None)
        if code is not None:
            output.facts(code.items())
    output.next_step(
        "tallystick rules list"
        if rule is None
        else f"tallystick validate FILE --dataset {rule.datasets[0]}"
    )


def _datasets(rule: Rule) -> str:
    from tallystick.validate.context import DATASETS

    return "any" if rule.datasets == DATASETS else ", ".join(rule.datasets)


def _rule(rule: Rule) -> dict[str, Any]:
    found: dict[str, Any] = output.plain(replace(rule, places=()))
    del found["places"]
    found["expression"] = rule.expression.text if rule.expression else None
    return found


def _tell_rule(rule: Rule) -> None:
    output.data(f"{rule.rule_id}  {rule.severity}, needs the {rule.needs}  ({_datasets(rule)})")
    pairs: list[tuple[str, Any]] = []
    for name in ("message", "allowed", "fix"):
        pairs += _both(rule, name)
    if rule.expression:
        pairs.append(("hits when", rule.expression.text))
    for name in ("rationale", "potential_harm", "alternate_explanation"):
        pairs += _both(rule, name)
    if rule.source:
        pairs.append(("source", rule.source))
    for example in rule.examples:
        pairs.append(("hits" if example.hits else "does not hit", example.why))
    output.facts(pairs)


def _both(rule: Rule, name: str) -> list[tuple[str, str]]:
    text = getattr(rule, name)
    return [(name.replace("_", " "), text.en), ("", text.zh)]


def _fields(name: str) -> list[dict[str, Any]]:
    """The field of that name in each record that has it; `account.opened_on` names one."""
    from tallystick.formats import load

    wanted_dataset, _, wanted = name.lower().rpartition(".")
    found = []
    for dataset in load().values():
        if wanted_dataset and dataset.name != wanted_dataset:
            continue
        for field in dataset.fields:
            if field.name == wanted:
                found.append({"dataset": dataset.name, **output.plain(field)})
    return found


def _code(name: str) -> dict[str, Any] | None:
    from tallystick.service.catalogue import CATALOGUE

    entry = CATALOGUE.get(name.lower())
    return None if entry is None else {"code": name.lower(), **output.plain(entry)}
