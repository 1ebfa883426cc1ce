"""Jobs: every submission is worked off once, whoever enqueues it and however often."""

import io
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import procrastinate
import psycopg
import pytest
from psycopg import sql

from tallystick.adapters import jobs as jobs_module
from tallystick.adapters.jobs import apply_schema, open_queue, run_worker
from tallystick.adapters.postgres import Database, set_mint_key
from tallystick.adapters.vault import Vault
from tallystick.entry.cli import checkup
from tallystick.entry.compose import make_deps
from tallystick.service.members import add_member
from tallystick.service.patience import Patience
from tallystick.service.port import Deps
from tallystick.service.submissions import show
from tallystick.service.submit import process, receive


@dataclass
class Open:
    deps: Deps
    database: Database


@pytest.fixture
def opened(database, keys, clock, tmp_path):
    set_mint_key(database.url, keys.mint_key)
    connections = Database(database.url, size=6)
    with Vault(database.vault_url, keys.wrapping_key) as vault:
        deps = make_deps(
            database=connections, vault=vault, keys=keys, work_folder=tmp_path, clock=clock
        )
        yield Open(deps=deps, database=connections)
    connections.close()


@pytest.fixture
def member(opened):
    return add_member(
        opened.deps, code="bank-a", name_en="A", name_zh="甲", member_class="commercial_bank"
    )


def sent(opened, member, day):
    record = f'{{"member": "bank-a", "valid_from": "{day}", "member_class": "commercial_bank"}}\n'
    stream = io.BytesIO(record.encode())
    return receive(opened.deps, member, "member", stream).submission_id


def worked_off(opened, submissions, *, workers=1):
    """Run workers until all submissions are finished (or a minute is over)."""
    stop = threading.Event()
    threads = [threading.Thread(target=run_worker, args=(opened, stop)) for _ in range(workers)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        states = [show(opened.deps, None, one).state for one in submissions]
        if set(states) == {"published"}:
            break
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    return states


def jobs(opened):
    with psycopg.connect(opened.database.url) as connection:
        return connection.execute(
            "select args->>'submission_id', status::text from jobs.procrastinate_jobs"
        ).fetchall()


def test_the_schema_is_made_once(opened):
    apply_schema(opened.database.url)
    apply_schema(opened.database.url)

    assert jobs(opened) == []


def test_a_submission_waits_in_one_job_however_often_it_is_enqueued(opened, member):
    submission = sent(opened, member, "2025-01-01")
    with open_queue(opened.database.url) as queue:
        queue.enqueue(submission)
        queue.enqueue(submission)

    assert jobs(opened) == [(str(submission), "todo")]


def test_a_worker_works_off_what_is_queued_and_leaves_no_job(opened, member):
    submissions = [sent(opened, member, f"2025-01-0{day}") for day in range(1, 4)]
    with open_queue(opened.database.url) as queue:
        for submission in submissions:
            queue.enqueue(submission)

    assert worked_off(opened, submissions) == ["published"] * 3
    assert jobs(opened) == []


def test_a_starting_worker_takes_up_what_a_crash_left_without_a_job(opened, member):
    submission = sent(opened, member, "2025-01-01")

    assert worked_off(opened, [submission]) == ["published"]


def test_two_workers_do_each_submission_once(opened, member):
    submissions = [sent(opened, member, f"2025-01-0{day}") for day in range(1, 6)]

    worked_off(opened, submissions, workers=2)

    views = [show(opened.deps, None, one) for one in submissions]
    assert [(view.sent, view.accepted) for view in views] == [(1, 1)] * 5


def held_by_the_dead(opened, submission):
    """A job of a worker that is gone, as `fetch_job` leaves it; gives nothing."""
    with open_queue(opened.database.url) as queue:
        queue.enqueue(submission)
    with psycopg.connect(opened.database.url) as connection:
        connection.execute("set search_path = jobs")
        worker = "insert into procrastinate_workers (last_heartbeat) values (%s) returning id"
        worker_id = connection.execute(worker, ("2000-01-01",)).fetchone()[0]
        connection.execute(
            "update procrastinate_jobs set status = 'doing', worker_id = %s where status = 'todo'",
            (worker_id,),
        )


def test_a_job_of_a_dead_worker_is_taken_over(opened, member):
    submission = sent(opened, member, "2025-01-01")
    held_by_the_dead(opened, submission)

    assert worked_off(opened, [submission]) == ["published"]
    assert jobs(opened) == []


def test_workers_that_start_at_once_take_over_what_is_held_once(opened, member):
    submissions = [sent(opened, member, f"2025-01-{day:02d}") for day in range(1, 11)]
    for submission in submissions:
        held_by_the_dead(opened, submission)

    assert worked_off(opened, submissions, workers=3) == ["published"] * 10
    assert jobs(opened) == []


def test_a_job_of_a_dead_worker_gives_way_to_one_that_waits(opened, member):
    submission = sent(opened, member, "2025-01-01")
    held_by_the_dead(opened, submission)
    with open_queue(opened.database.url) as queue:
        queue.enqueue(submission)
    assert jobs(opened) == [(str(submission), "doing"), (str(submission), "todo")]

    assert worked_off(opened, [submission]) == ["published"]
    assert jobs(opened) == []


def out_of_reach(url, seconds):
    """Cut the jobs' connections, and let nobody connect again for so long."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    may = sql.SQL("alter database {} allow_connections {}")

    def let(answer):
        with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
            connection.execute(may.format(sql.Identifier(name), sql.SQL(answer)))
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = %s and application_name = 'tallystick jobs'",
                (name,),
            )

    let("false")
    again = threading.Timer(seconds, let, ("true",))
    again.start()
    return again


def test_a_job_that_ends_while_the_database_is_out_of_reach_is_written_down_as_ended(
    opened, member, monkeypatch
):
    """Left as if under way, it would stay so: nobody takes over what a living worker holds."""
    monkeypatch.setattr(jobs_module, "_AGAIN_S", 0.1)
    monkeypatch.setattr(jobs_module, "_REACHED_S", 0.2)
    timers = []

    def ends_out_of_reach(deps, submission_id):
        process(deps, submission_id)
        timers.append(out_of_reach(opened.database.url, 0.5))

    monkeypatch.setattr(jobs_module, "process", ends_out_of_reach)
    submission = sent(opened, member, "2025-01-01")
    with open_queue(opened.database.url) as queue:
        queue.enqueue(submission)
    stop = threading.Event()
    worker = threading.Thread(target=run_worker, args=(opened, stop))
    worker.start()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        time.sleep(0.05)
        if timers and timers[0].finished.is_set() and jobs(opened) == []:
            break
    stop.set()
    worker.join()
    assert len(timers) == 1
    assert jobs(opened) == []


def submissions_check(opened):
    with psycopg.connect(opened.database.url) as connection:
        found = checkup.in_database(
            connection, at="any", now=opened.deps.clock(), log_delay_max=timedelta(minutes=1)
        )
    return next(one for one in found if one.name == "submissions")


def test_what_fails_on_every_try_is_named_by_doctor_and_waits_for_the_next_worker(
    opened, member, monkeypatch
):
    bad, good = sent(opened, member, "2025-01-01"), sent(opened, member, "2025-01-02")
    tries = []

    def fails(deps, submission_id):
        tries.append(submission_id)
        if submission_id == bad:
            raise RuntimeError("a fault of ours")
        process(deps, submission_id)

    monkeypatch.setattr(jobs_module, "process", fails)
    monkeypatch.setattr(jobs_module, "_RETRY", procrastinate.RetryStrategy(max_attempts=1))
    assert submissions_check(opened).is_fine
    assert worked_off(opened, [good]) == ["published"]
    stop = threading.Event()
    worker = threading.Thread(target=run_worker, args=(opened, stop), kwargs={"dead_after_s": 0.6})
    worker.start()
    deadline = time.monotonic() + 30
    while tries.count(bad) < 4 and time.monotonic() < deadline:  # two tries at a worker's start
        time.sleep(0.05)
    time.sleep(1.0)  # it looks five times for what nobody works on
    stop.set()
    worker.join()
    assert tries.count(bad) == 4
    assert submissions_check(opened).seen == "1 failed on every try"
    monkeypatch.setattr(jobs_module, "process", process)
    assert worked_off(opened, [bad]) == ["published"]
    assert submissions_check(opened).is_fine


def test_patience_doubles_from_a_minute_to_an_hour():
    now = [0.0]
    patience = Patience(lambda: now[0])
    begun = []
    for minute in range(4 * 60 + 1):
        now[0] = minute * 60.0
        if patience.may_begin(UUID(int=1)):
            begun.append(minute)
    assert begun == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    assert patience.may_begin(UUID(int=2))


def raw_parts(opened):
    with opened.database.connect("intake") as connection:
        return connection.execute("select count(*) from intake.raw_part").fetchone()[0]


def test_a_worker_keeps_house_at_its_start_and_when_a_day_is_over(opened, member, clock):
    submission = sent(opened, member, "2025-01-01")
    worked_off(opened, [submission])
    days = opened.deps.profile.on(clock().date()).raw_days
    clock.advance(timedelta(days=days))
    stop = threading.Event()
    worker = threading.Thread(target=run_worker, args=(opened, stop))
    worker.start()
    time.sleep(2.5)  # the house was kept at the start, and the clock asked twice since
    assert raw_parts(opened) > 0
    clock.advance(timedelta(days=1) - timedelta(microseconds=1))
    time.sleep(2.5)
    assert raw_parts(opened) > 0
    clock.advance(timedelta(microseconds=1))
    deadline = time.monotonic() + 30
    while raw_parts(opened) and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    worker.join()
    assert raw_parts(opened) == 0
