"""`tallystick demo --check`: the demo's path on a few people, every step counted."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from tallystick.adapters.databases import drop_database, vault_url_of
from tallystick.adapters.embedded import EmbeddedServer
from tallystick.adapters.postgres import database_named
from tallystick.adapters.settings import Settings
from tallystick.entry.cli import output
from tallystick.entry.compose import DATABASE, open_bureau
from tallystick.entry.demo import check_answers, check_http, check_intake, check_rare, place
from tallystick.entry.demo.building import Built, build, synth_folder
from tallystick.entry.demo.clock import DemoClock
from tallystick.entry.demo.running import SEED
from tallystick.entry.demo.steps import close_pools
from tallystick.entry.demo.tally import Tally
from tallystick.errors import require
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.port import Deps
from tallystick.service.verify import ledger_rebuild, ledger_verify

CHECK_PEOPLE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a check went: its expectations, and seconds by stage."""

    people: int
    tally: Tally
    stages: dict[str, float]


def check(
    settings: Settings,
    *,
    people: int = CHECK_PEOPLE,
    as_json: bool = False,
    seed: int = SEED,
) -> int:
    """Walk the path in a folder (or databases) of its own and print what was found.

    Gives:  the exit code: 0, or 1 when anything was not as it should be
    """
    with _own_place(settings) as placed, output.progress() as progress:
        built = build(placed, place.Marker(people=people, seed=seed), progress)
        began = perf_counter()
        tally = _walk(placed, built)
        built.stages["checks"] = perf_counter() - began
    _print(Report(people=people, tally=tally, stages=built.stages), as_json=as_json)
    return 0 if tally.is_fine else 1


def _walk(settings: Settings, built: Built) -> Tally:
    tally = Tally()
    end = built.marker.end
    require(end is not None, "a finished build has an end")
    clock = DemoClock(end)  # type: ignore[arg-type]  # just required
    synth = synth_folder(settings)
    with open_bureau(settings, clock=clock) as bureau, asyncio.Runner() as runner:
        deps = bureau.deps
        check_intake.check(tally, deps, built, synth)
        answers = check_answers.Answers(tally, deps, runner)
        answers.count(built)
        _verify(tally, deps, "history")
        kept = answers.replay_kept()
        answers.replay_folded("folded anew", kept)
        answers.own_report(synth, built)
        check_rare.Rare(tally, deps, runner, synth).check(built)
        sequence_once(deps)  # or the gate would wait for it, once the clock is ahead
        clock.run_from(clock())
        runner.run(close_pools(bureau))
        check_http.check(tally, deps, synth, settings.data_folder / "keys")
        sequence_once(deps)
        _verify(tally, deps, "at the end")
        answers.throw_away()
        ledger_rebuild(deps)
        answers.replay_folded("after files and kept bodies were thrown away", kept)
        _verify(tally, deps, "rebuilt")
        runner.run(close_pools(bureau))
    return tally


def _verify(tally: Tally, deps: Deps, when: str) -> None:
    ledger, log = ledger_verify(deps), log_verify(deps)
    tally.expect("verify", f"ledger, {when}: faults", wanted=0, found=len(ledger.faults))
    tally.expect("verify", f"log, {when}: faults", wanted=0, found=len(log.faults))
    tally.expect("verify", f"log, {when}: looks without a number", wanted=0, found=log.unnumbered)


@contextmanager
def _own_place(settings: Settings) -> Iterator[Settings]:
    """A temporary folder, and databases in a server of its own or in the one that is given."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-check-"))
    folder.chmod(0o711)  # root's server runs as another user, who must walk through
    quiet = settings.model_copy(update={"data_folder": folder, "vault_url": None})
    try:
        if settings.database_url is not None:
            name = f"tallystick_check_{secrets.token_hex(6)}"
            url = database_named(settings.database_url, name)
            try:
                yield quiet.model_copy(update={"database_url": url})
            finally:
                drop_database(vault_url_of(url))
                drop_database(url)
            return
        with EmbeddedServer(folder / "postgres") as address:
            url = database_named(address, DATABASE)
            yield quiet.model_copy(update={"database_url": url})
        EmbeddedServer(folder / "postgres").wipe()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _print(report: Report, *, as_json: bool) -> None:
    if as_json:
        output.as_json(
            {
                "ok": report.tally.is_fine,
                "people": report.people,
                "stages": {name: round(spent, 2) for name, spent in report.stages.items()},
                "checks": report.tally.as_json(),
            }
        )
        return
    output.table(
        ("", "step", "what", "wanted", "found"),
        [
            ("fine" if one.is_fine else "WRONG", one.step, one.what, one.wanted, one.found)
            for one in report.tally.checked
        ],
    )
    output.say(", ".join(f"{name} {spent:.1f} s" for name, spent in report.stages.items()))
    wrong = sum(not one.is_fine for one in report.tally.checked)
    output.say(f"{wrong} of {len(report.tally.checked)} checks failed" if wrong else "all fine")
