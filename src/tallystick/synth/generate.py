"""One run of the simulator: from a seed to a folder of files and a plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from tallystick.errors import require
from tallystick.synth import account_records, payments, snapshot_rows
from tallystick.synth.desk import Desk, open_text
from tallystick.synth.history import write_household
from tallystick.synth.inquiries import Inquiries
from tallystick.synth.members import SynthMember, cast_of
from tallystick.synth.people import Population, ProfileId
from tallystick.synth.personas import write_personas
from tallystick.synth.plan import DATASET_ORDER, Plan, Steps
from tallystick.synth.planted import plant_faults
from tallystick.synth.rare import Rare
from tallystick.synth.sheets import Sheets
from tallystick.synth.snapshot_rows import Buckets
from tallystick.synth.trace import Trace
from tallystick.synth.window import Window

Progress = Callable[[str, int, int], None]
DEFAULT_UNTIL = date(2026, 10, 31)
DEFAULT_PEOPLE = 2_000
_TELL_EVERY = 100


def generate(
    folder: Path, *, people: int = DEFAULT_PEOPLE, seed: int, until: date = DEFAULT_UNTIL,
    progress: Progress | None = None, profile: ProfileId = "zz",
) -> Plan:  # fmt: skip
    """Simulate sixty months of `people` persons and write files and plan into `folder`.

    Takes:  an empty or missing folder; `until`, any day of the last month
    Gives:  the plan; the same arguments give the same bytes in every file
    Time:   about 2 ms a person; memory does not grow with the rows, only (slightly) with persons
    Raises: InvariantBroken when the folder holds a plan already or `people` is below 1
    """
    require(people >= 1, "a bureau has at least one person")
    require(not (folder / "plan.ndjson").exists(), "the folder holds a plan already")
    tell = progress or (lambda stage, done, total: None)
    window = Window.until(until)
    with (
        open_text(folder / "truth" / "people.ndjson") as truth,
        open_text(folder / "truth" / "consents.ndjson") as consents,
    ):
        desk = Desk(
            profile=profile, seed=seed, window=window, members=cast_of(seed),
            sheets=Sheets(folder), steps=Steps(), buckets=Buckets(profile),
            truth=truth, consents=consents,
        )  # fmt: skip
        _check_headers(desk.sheets)
        _write_members(folder, desk)
        traces = _write_people(desk, people, tell)
        rare = Rare(desk, traces)
        looks = rare.plant()
        traces = [trace for trace in traces if trace.person.index not in rare.doubled]
        inquiries = Inquiries(desk, traces)
        inquiries.write()
        for look in looks:
            inquiries.review(look.trace, look.member, look.moment)
        write_personas(folder, desk, traces, inquiries)
    desk.sheets.flush()
    tell("faults", 0, 1)
    plant_faults(folder, desk.sheets, window)
    rows = _plan_submissions(desk)
    steps, first_at, last_at = desk.steps.write(folder)
    figures = {**desk.counts, "rows": rows, "steps": steps}
    for name, truth in (("figures", figures), ("rare", desk.rare)):
        text = json.dumps(truth, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        (folder / "truth" / f"{name}.json").write_text(text, encoding="utf-8")
    tell("faults", 1, 1)
    return Plan(
        folder=folder, profile=profile, seed=seed, people=people,
        accounts=desk.counts.get("accounts", 0), rows=rows, steps=steps, first_at=first_at,
        last_at=last_at,
    )  # fmt: skip


def _check_headers(sheets: Sheets) -> None:
    """Rows written as text are laid out for these headers; a changed registry must be noticed."""
    for dataset, header in (
        ("snapshot", snapshot_rows.HEADER),
        ("event", account_records.EVENT_HEADER),
        ("payment", payments.HEADER),
    ):
        require(sheets.header(dataset) == header, f"{dataset}: the registry's header has changed")


def _write_members(folder: Path, desk: Desk) -> None:
    members = list(desk.members.values())
    text = json.dumps([member.as_json() for member in members], ensure_ascii=False, indent=2)
    (folder / "members.json").write_text(text + "\n", encoding="utf-8")
    for member in members:
        desk.add(0, member.code, "member", _member_record(member, desk.window))


def _member_record(member: SynthMember, window: Window) -> dict[str, str]:
    record = {
        "member": member.code,
        "valid_from": window.day(0, 1).isoformat(),
        "member_class": member.member_class,
    }
    if member.member_class in ("commercial_bank", "village_bank"):
        size = 1 + member.number * 3 % 7
        record |= {
            "currency": "CNY",
            "tier1_capital": f"{size}000000000.00",
            "total_loans": f"{size * 11}000000000.00",
        }
    return record


def _write_people(desk: Desk, people: int, tell: Progress) -> list[Trace]:
    traces: list[Trace] = []
    population = Population(people=people, seed=desk.seed, profile=desk.profile)
    tell("people", 0, people)
    for number, household in enumerate(population.households()):
        traces.extend(write_household(desk, household))
        if number % _TELL_EVERY == 0:
            tell("people", len(traces), people)
    tell("people", people, people)
    return traces


def _plan_submissions(desk: Desk) -> dict[str, int]:
    """One step a file: all members of a dataset, then the next dataset. Gives rows by dataset."""
    written = desk.sheets.written()
    rows: dict[str, int] = {}
    for (_, _, dataset), number in written.items():
        rows[dataset] = rows.get(dataset, 0) + number
    for month in desk.window.batches():
        batch, moment = desk.window.batch(month), _sending(desk.window, month)
        for dataset in DATASET_ORDER:
            for member in desk.members:
                if (batch, member, dataset) in written:
                    cited = desk.originators[batch, member] if dataset == "funding" else ()
                    desk.steps.add(
                        moment, "submit", member, dataset=dataset,
                        file=Sheets.path(batch, member, dataset),
                        rows=written[batch, member, dataset],
                        **({"originators": sorted(cited)} if cited else {}),
                    )  # fmt: skip
                    moment += timedelta(seconds=5)
    return dict(sorted(rows.items()))


def _sending(window: Window, month: int) -> datetime:
    return window.sent_at(month)
