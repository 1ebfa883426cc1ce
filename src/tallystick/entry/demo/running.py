"""`tallystick demo`: build what is not there yet, serve it, stop in order."""

from __future__ import annotations

import socket
import sys
from dataclasses import replace
from time import perf_counter
from typing import Final

from tallystick.adapters.settings import Settings
from tallystick.entry.cli import output
from tallystick.entry.cli.exits import Exit
from tallystick.entry.cli.stopping import stoppable
from tallystick.entry.compose import Bureau, open_bureau
from tallystick.entry.demo import place, welcome
from tallystick.entry.demo.building import build, keys_folder, synth_folder
from tallystick.entry.demo.clock import DemoClock
from tallystick.entry.listening import address_of, listening
from tallystick.errors import Unavailable, require

SEED: Final = 1


def run(
    settings: Settings,
    *,
    people: int,
    reset: bool = False,
    as_json: bool = False,
    seed: int = SEED,
) -> int:
    """Build the demo where it is missing or incomplete, and serve it until Ctrl-C or SIGTERM.

    Gives:  the exit code: 0 after serving, 130 when the build was interrupted
    Raises: Unavailable when the port is taken, the folder holds another bureau, the server fails
    """
    began = perf_counter()
    is_serving = False
    with (
        listening(settings.host, settings.port) as port,
        stoppable(is_closing_undisturbed=True) as stopped,
    ):
        try:
            with place.opened_place(settings, reset=reset) as placed:
                marker = _made(placed, place.Marker(people=people, seed=seed))
                is_serving = True
                _serve(placed, marker, port, as_json=as_json, began=began)
        except BaseException:
            if not stopped.is_set():
                raise
            # The signal itself, or what a library makes of it (DuckDB: RuntimeError).
            output.say("stopped" if is_serving else "stopped; the next run builds anew")
    return Exit.FINE if is_serving else Exit.STOPPED


def links(settings: Settings, *, as_json: bool = False) -> int:
    """Print fresh sign-in links to the demo that is there, whether or not it is served just now.

    Raises: Unavailable when there is no complete demo
    """
    missing = Unavailable(
        "unavailable", "there is no demo here yet: run `tallystick demo`", retryable=False
    )
    if settings.database_url is None and not (settings.data_folder / "postgres").exists():
        raise missing
    with place.opened_place(settings, reset=False) as placed:
        marker = place.what_is_there(placed)
        if marker is None or marker.end is None:
            raise missing
        clock = DemoClock(marker.end)
        clock.run_from(clock())
        with open_bureau(placed, clock=clock) as bureau:
            address = place.address_of_demo(settings, marker)
            doors = welcome.doors(bureau.deps, synth_folder(placed), address)
    if as_json:
        output.as_json({"address": address, "doors": doors})
    else:
        _show(doors)
    return 0


def _show(doors: list[welcome.Door]) -> None:
    output.table(
        ("open as", "sign-in link", "leads to"),
        [(door.who, door.link, door.page) for door in doors],
    )
    output.say("each link works once")


def _made(settings: Settings, wanted: place.Marker) -> place.Marker:
    """The complete demo that is there, or a new one."""
    there = place.what_is_there(settings)
    if there is not None and there.ends_at is not None:
        if there.people != wanted.people:
            output.say(f"going on with the {there.people} persons that are there (RESET=1: afresh)")
        return there
    if there is not None:
        output.say("an earlier build was interrupted: building anew")
        place.start_over(settings)
    output.say(f"building a bureau of {wanted.people} invented persons")
    with output.progress() as progress:
        built = build(settings, wanted, progress)
    for stage, seconds in built.stages.items():
        output.say(f"  {stage}: {seconds:.1f} s")
    return built.marker


def _serve(
    settings: Settings,
    marker: place.Marker,
    port: socket.socket,
    *,
    as_json: bool,
    began: float,
) -> None:
    import uvicorn

    from tallystick.entry.http.app import create_app
    from tallystick.entry.http.serving import config_of

    require(marker.end is not None, "only a complete demo is served")
    clock = DemoClock(marker.end)  # type: ignore[arg-type]  # just required
    clock.run_from(clock())
    with open_bureau(settings, clock=clock) as bureau:
        address = address_of(port)
        place.mark(bureau.database, replace(marker, served_at=address))
        app = create_app(bureau.deps, background=True)
        server = uvicorn.Server(config_of(app))
        _tell(bureau, settings, address, as_json=as_json)
        output.say(f"ready after {perf_counter() - began:.1f} s; stop with Ctrl-C")
        server.run(sockets=[port])


def _tell(bureau: Bureau, settings: Settings, address: str, *, as_json: bool) -> None:
    synth = synth_folder(settings)
    doors = welcome.doors(bureau.deps, synth, address)
    command = welcome.curl(synth, keys_folder(settings), address)
    asker = welcome.example_member(synth)
    if as_json:
        output.as_json({"address": address, "doors": doors, "curl": command})
        sys.stdout.flush()  # whoever reads it waits for it, while we go on to serve
        return
    _show(doors)
    output.data(f"\nan inquiry by the API, as {asker}:\n{command}\n")
    port = address.rpartition(":")[2]
    where = f"--data-folder {settings.data_folder} --port {port}"
    output.next_step(f"tallystick demo --links {where}   (in another terminal: new links)")
    output.say(f"API keys of all members: {keys_folder(settings)}")
