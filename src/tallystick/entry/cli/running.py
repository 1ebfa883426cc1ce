"""Commands that start things: demo, a new bureau, the server, the worker, migrations, synth."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tallystick.entry.cli import opening, output
from tallystick.entry.cli.exits import Exit
from tallystick.entry.cli.machine import reading, writing
from tallystick.entry.cli.options import AsJson, DryRun
from tallystick.errors import Unavailable

if TYPE_CHECKING:
    from types import FrameType

DataFolder = Annotated[
    Path | None, typer.Option("--data-folder", help="Where everything is kept.", file_okay=False)
]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")]
_DEMO_PEOPLE: Final = 2000


def demo(
    people: Annotated[
        int | None,
        typer.Option("--people", min=1, help="Synthetic persons; 2000 to serve, 200 to check."),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Start afresh.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Walk the path without serving; exit 0 or 1.")
    ] = False,
    links: Annotated[
        bool, typer.Option("--links", help="Print new sign-in links to the demo that is there.")
    ] = False,
    as_json: AsJson = False,
    port: Port = None,
    data_folder: DataFolder = None,
) -> None:
    """Build a bureau of invented people and serve it on this machine; Ctrl-C stops it cleanly."""
    from tallystick.entry import demo as bureau_demo

    settings = opening.read_settings(port=port, data_folder=data_folder)
    if check:
        code = bureau_demo.check(
            settings, people=people or bureau_demo.CHECK_PEOPLE, as_json=as_json
        )
    elif links:
        code = bureau_demo.links(settings, as_json=as_json)
    else:
        code = bureau_demo.run(
            settings, people=people or _DEMO_PEOPLE, reset=reset, as_json=as_json
        )
    raise typer.Exit(code)


def init(data_folder: DataFolder = None, dry_run: DryRun = False) -> None:
    """Make a new, empty bureau: data folder, keys, database, schema; harmless where one is."""
    from tallystick.entry.cli.schema import bring_up

    settings = opening.read_settings(data_folder=data_folder)
    where = "the server of TALLYSTICK_DATABASE_URL" if settings.database_url else "embedded"
    if dry_run:
        output.say(f"would make keys in {settings.data_folder}; database: {where}")
        return
    state = bring_up(settings)
    output.say(f"ready in {settings.data_folder}, {settings.mode} mode, schema {state['at']}")
    output.next_step("tallystick members add CODE --name-en … --name-zh … --class …")


def serve(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Port = None,
    with_worker: Annotated[
        bool, typer.Option("--worker", help="Run the worker in this process too.")
    ] = False,
) -> None:
    """Serve web pages and API until Ctrl-C."""
    import uvicorn

    from tallystick.adapters.huge_pages import use_huge_pages
    from tallystick.adapters.jobs import open_queue
    from tallystick.entry.http.app import create_app
    from tallystick.entry.http.serving import config_of
    from tallystick.entry.listening import address_of, listening

    settings = opening.read_settings(host=host, port=port)
    with ExitStack() as stack:
        socket = stack.enter_context(listening(settings.host, settings.port))
        opened = stack.enter_context(opening.bureau(settings, waits=True))
        output.say(f"listening on {address_of(socket)}, stop with Ctrl-C")
        if not with_worker:
            output.next_step("tallystick worker   (in another terminal)")
        enqueue = None
        if not with_worker:
            enqueue = stack.enter_context(open_queue(opened.database.url)).enqueue
        app = create_app(opened.deps, background=with_worker, enqueue=enqueue)
        # uvicorn shuts down in order and then raises the signal anew: by this handler it ends the
        # command, and what was opened is closed; by the default one SIGTERM would kill it here.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _end)
        use_huge_pages()  # now that everything is loaded
        server = uvicorn.Server(config_of(app))
        server.run(sockets=[socket])
        if not server.started:
            raise Unavailable(
                "unavailable", "the web server did not start; its log says why", retryable=False
            )


def _end(number: int, frame: FrameType | None) -> None:
    raise typer.Exit(Exit.FINE)


#: The scheduler's niceness of a worker: somebody waits for an answer, nobody for a submission.
_GIVES_WAY = 10


def worker() -> None:
    """Work on submissions and number looks until Ctrl-C."""
    from tallystick.adapters.jobs import run_worker

    stop = threading.Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    with opening.bureau(waits=True) as opened:
        os.nice(_GIVES_WAY)  # not before: a database started here would inherit it
        output.say("working, stop with Ctrl-C")
        run_worker(opened, stop)
    output.next_step("tallystick log head")


def migrate(
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database's schema up to this version."""
    from tallystick.entry.cli.schema import bring_up, schema_state

    settings = opening.read_settings()
    state = schema_state(settings) if dry_run else bring_up(settings)
    if as_json:
        output.as_json(state)
    else:
        output.facts(state.items())
    if dry_run:
        output.next_step("tallystick migrate")
        raise typer.Exit(Exit.FINE if state["at"] == state["head"] else Exit.FOUND)
    output.next_step("tallystick doctor")


def synth(
    folder: Annotated[
        Path, typer.Option("--out", help="Empty or missing folder for the files.", file_okay=False)
    ],
    people: Annotated[int, typer.Option("--people", min=1, help="Persons.")] = _DEMO_PEOPLE,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same bytes.")] = 1,
    profile: Annotated[str, typer.Option("--profile", metavar="zz|cn", help="Code set.")] = "zz",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write five years of invented people as native files, with the truth in a folder apart."""
    if profile not in ("zz", "cn"):
        raise typer.BadParameter("--profile takes zz or cn")
    with reading(folder):
        if folder.exists() and any(folder.iterdir()):
            raise typer.BadParameter(f"{folder} is not empty")
    if dry_run:
        output.say(f"would write files of {people} invented persons into {folder}")
        return
    from tallystick.synth import generate

    with writing(folder), output.progress() as move:
        plan = generate(
            folder,
            people=people,
            seed=seed,
            progress=move,
            profile=profile,  # type: ignore[arg-type]  # one of the two, checked above
        )
    if as_json:
        output.as_json(plan)
    else:
        output.table(("dataset", "rows"), plan.rows.items())
    example = min(folder.rglob("account.csv"), default=folder / "account.csv")
    output.next_step(f"tallystick validate {example} --dataset account")
