"""An intake that gives way: it rests for its own work, and never for what it waited for."""

import threading
import time

import pytest

from tallystick.entry.compose import paced

WORK_S = 0.02


def seconds_of(block, *, waits_s=0.0):
    """How long a block of work takes with its rest, after a wait of so long."""
    time.sleep(waits_s)
    began = time.perf_counter()
    with block():
        time.sleep(WORK_S)
    return time.perf_counter() - began


@pytest.mark.parametrize(("share", "times"), [(1.0, 1), (0.5, 2), (0.25, 4)])
def test_work_takes_its_share_of_a_threads_time(share, times):
    took = seconds_of(paced(share))

    assert WORK_S * times <= took < WORK_S * (times + 2)


def test_what_a_thread_waited_for_since_its_last_block_costs_no_rest():
    block = paced(0.25)
    seconds_of(block)

    assert seconds_of(block, waits_s=0.5) < 0.25


def fail(block):
    with block():
        time.sleep(WORK_S)
        raise ValueError("broken")


def test_a_block_that_fails_does_not_rest():
    began = time.perf_counter()
    with pytest.raises(ValueError, match="broken"):
        fail(paced(0.01))

    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize(("share", "most"), [(1.0, 3), (0.99, 1)])
def test_below_the_whole_blocks_take_turns_whichever_threads_they_run_in(share, most):
    block, inside, seen = paced(share), [], []
    together = threading.Barrier(3, timeout=0.5)

    def work():
        with block():
            inside.append(1)
            try:
                together.wait()
            except threading.BrokenBarrierError:
                together.reset()
            seen.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(seen) == most
