"""Jobs in PostgreSQL (Procrastinate): one job a submission, worked off by any number of workers.

Two workers never process one submission: its id is the job's lock, and its queueing lock keeps a
second job from waiting. What a killed worker left is found by its missing heartbeat and begun
again; a job run twice is harmless, `service.submit.process` goes on from what is committed.

The jobs stand in a schema of their own and name submissions only, nothing of their content. Should
Procrastinate go, `service.submit.resume_all` in a loop is the spare.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

import procrastinate
import psycopg
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from psycopg import sql

from tallystick.adapters.postgres import Database
from tallystick.service.housekeeping import Daily
from tallystick.service.log import sequence_once
from tallystick.service.patience import Patience
from tallystick.service.port import Deps
from tallystick.service.submit import process, unfinished

SCHEMA: Final = "jobs"
#: How often looks are numbered; the profile promises its `log_delay_max`.
_SEQUENCE_S: Final = 0.2
_POLL_S: Final = 0.1
#: How often the clock is asked whether a day is over.
_HOUSE_S: Final = 1.0
#: A worker is believed dead after so long without a heartbeat, and its job is begun again. It gives
#: three heartbeats in that time, and looks as often for the dead.
_DEAD_AFTER_S: Final = 30.0
_BEATS: Final = 3
#: A database that gives the worker no connection for so long is out of reach.
_REACHED_S: Final = 5.0
#: How long a worker waits before it looks for a database that was out of reach.
_AGAIN_S: Final = 2.0
_TASK: Final = "process"
_QUEUE: Final = "submissions"
_RETRY: Final = procrastinate.RetryStrategy(max_attempts=5, wait=2, exponential_wait=2)
_ROLES: Final = ("tallystick_serve", "tallystick_intake")


class Opened(Protocol):
    """What a worker needs of an open bureau."""

    @property
    def deps(self) -> Deps:
        """What the use-cases need."""

    @property
    def database(self) -> Database:
        """Its database."""


def apply_schema(url: str) -> None:
    """Make the jobs' schema where it is missing, and let serve and intake use it."""
    with psycopg.connect(url) as connection:
        connection.execute("lock table meta.setting in exclusive mode")  # one maker at a time
        found = connection.execute("select to_regclass('jobs.procrastinate_jobs')").fetchone()
        if found is not None and found[0] is not None:
            return
        name = sql.Identifier(SCHEMA)
        connection.execute(sql.SQL("create schema if not exists {}").format(name))
        connection.execute(sql.SQL("set local search_path = {}").format(name))
        # Its text is one script with percent signs of its own: sent without parameters.
        connection.execute(procrastinate.schema.SchemaManager.get_schema())
        for role in map(sql.Identifier, _ROLES):
            for grant in (
                "grant usage on schema {0} to {1}",
                "grant select, insert, update, delete on all tables in schema {0} to {1}",
                "grant usage on all sequences in schema {0} to {1}",
                "grant execute on all functions in schema {0} to {1}",
            ):
                connection.execute(sql.SQL(grant).format(name, role))


class Queue:
    """Hands received submissions to whichever worker is free."""

    def __init__(self, app: procrastinate.App):
        self._app = app

    def enqueue(self, submission_id: UUID) -> None:
        """Let a worker process a submission; one that waits already is left as it is."""
        with contextlib.suppress(AlreadyEnqueued):
            _deferrer(self._app, submission_id).defer(submission_id=str(submission_id))


@contextmanager
def open_queue(url: str) -> Iterator[Queue]:
    """A queue for a process that serves and does not work."""
    apply_schema(url)
    connector = procrastinate.SyncPsycopgConnector(
        conninfo=_conninfo(url, "tallystick_serve"), min_size=1, max_size=2
    )
    app = procrastinate.App(connector=connector)
    with app.open():
        yield Queue(app)


class _PatientJobs(JobManager):
    """Writes down how a job ended even when the database is out of reach just then.

    What a living worker holds is not begun again: a job left as if under way would stay so for
    good.
    """

    def __init__(self, connector: procrastinate.BaseConnector, stop: threading.Event):
        super().__init__(connector)
        self._stop = stop

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Write down that a job ended, or was given up."""
        await self._until_reached(partial(super().finish_job, job, status, delete_job))

    async def retry_job(self, job: Job, *given: Any, **named: Any) -> None:
        """Write down that a job is to be begun again."""
        await self._until_reached(partial(super().retry_job, job, *given, **named))

    async def _until_reached(self, write: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await write()
            except ConnectorException as error:
                if self._stop.is_set() or not _is_out_of_reach(error):
                    raise
            await asyncio.sleep(_AGAIN_S)


def _is_out_of_reach(error: BaseException) -> bool:
    return isinstance(error, psycopg.OperationalError) or isinstance(
        error.__cause__, psycopg.OperationalError
    )


def run_worker(
    bureau: Opened, stop: threading.Event, *, dead_after_s: float = _DEAD_AFTER_S
) -> None:
    """Process submissions, number looks and keep house until `stop` is set.

    A job under way is finished. When the database goes away the worker waits for it.
    Takes: `dead_after_s`: after so long without a heartbeat another worker is believed dead
    """
    apply_schema(bureau.database.url)
    patience = Patience(time.monotonic)
    beside = [
        threading.Thread(target=work, args=(bureau.deps, stop), name=name, daemon=True)
        for name, work in (("sequencer", _sequence), ("housekeeper", _keep_house))
    ]
    for thread in beside:
        thread.start()
    try:
        while not stop.is_set():
            try:
                asyncio.run(_work(bureau, stop, dead_after_s, patience))
            except (ConnectorException, psycopg.OperationalError) as error:
                if not _is_out_of_reach(error):
                    raise
            stop.wait(_AGAIN_S)
    finally:
        stop.set()
        for thread in beside:
            thread.join()


def _sequence(deps: Deps, stop: threading.Event) -> None:
    while not stop.wait(_SEQUENCE_S):
        with contextlib.suppress(psycopg.OperationalError):  # out of reach: the next one may do
            sequence_once(deps)


def _keep_house(deps: Deps, stop: threading.Event) -> None:
    """In a thread of its own: a long sweep must not keep looks from their numbers."""
    daily = Daily(deps)
    while not stop.is_set():
        with contextlib.suppress(psycopg.OperationalError):
            daily()
        stop.wait(_HOUSE_S)


async def _work(
    bureau: Opened, stop: threading.Event, dead_after_s: float, patience: Patience
) -> None:
    connector = procrastinate.PsycopgConnector(
        conninfo=_conninfo(bureau.database.url, "tallystick_intake"),
        min_size=1,
        max_size=4,
        timeout=_REACHED_S,
    )
    app = procrastinate.App(connector=connector)
    app.job_manager = _PatientJobs(connector, stop)
    take_up = partial(_take_up, app, bureau.deps, dead_after_s, patience)

    @app.task(name=_TASK, queue=_QUEUE, retry=_RETRY)
    async def work(submission_id: str) -> None:
        await asyncio.to_thread(process, bureau.deps, UUID(submission_id))

    async with app.open_async():
        await take_up()
        worker = asyncio.create_task(
            app.run_worker_async(
                queues=[_QUEUE], install_signal_handlers=False, delete_jobs="successful",
                stalled_worker_timeout=dead_after_s, fetch_job_polling_interval=1.0,
                update_heartbeat_interval=dead_after_s / _BEATS,
            )
        )  # fmt: skip
        try:
            await _until(stop, worker, take_up, dead_after_s)
        finally:
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker


async def _until(
    stop: threading.Event,
    worker: asyncio.Task[None],
    take_up: Callable[[], Awaitable[None]],
    dead_after_s: float,
) -> None:
    """Wait for `stop`; now and then take up what nobody works on."""
    waited = 0.0
    while not stop.is_set() and not worker.done():
        await asyncio.sleep(_POLL_S)
        waited += _POLL_S
        if waited >= dead_after_s / _BEATS:
            waited = 0.0
            await take_up()


async def _take_up(
    app: procrastinate.App, deps: Deps, dead_after_s: float, patience: Patience
) -> None:
    """Begin again what dead workers held, and queue what is unfinished and has no job."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=dead_after_s):
        with contextlib.suppress(ConnectorException):  # another worker was quicker
            await _begin_again(app, job)
    held = {
        job.task_kwargs["submission_id"]
        for status in ("todo", "doing")
        for job in await app.job_manager.list_jobs_async(queue=_QUEUE, status=status)
    }
    for submission_id in await asyncio.to_thread(unfinished, deps):
        if str(submission_id) not in held and patience.may_begin(submission_id):
            with contextlib.suppress(AlreadyEnqueued):
                await _deferrer(app, submission_id).defer_async(submission_id=str(submission_id))


async def _begin_again(app: procrastinate.App, job: Job) -> None:
    """Queue a job anew; where its submission waits in another job already, make way for that."""
    try:
        await app.job_manager.retry_job(job)
    except UniqueViolation:
        await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)


def _deferrer(app: procrastinate.App, submission_id: UUID) -> Any:
    name = str(submission_id)
    return app.configure_task(_TASK, queue=_QUEUE, lock=name, queueing_lock=name)


def _conninfo(url: str, role: str) -> str:
    return psycopg.conninfo.make_conninfo(
        url,
        options=f"-c timezone=UTC -c role={role} -c search_path={SCHEMA}",
        application_name="tallystick jobs",
    )
