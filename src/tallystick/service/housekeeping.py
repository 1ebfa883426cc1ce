"""Housekeeping: what ends by itself on its day. Run it daily; running it twice changes nothing.

Pending records whose parent is there are judged again, and those whose parent never came rejected;
kept answers of requests and ended sessions are forgotten, raw bytes (with what findings saw) end
after the profile's `raw_days`: their key first, then the rows; what was appended of a person after
her erasure goes too; and months that wait in the tail of files are taken into their rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tallystick.ledger import tail
from tallystick.service import intake_store
from tallystick.service.erase import erase_late
from tallystick.service.idempotency import forget_answers
from tallystick.service.pending import expire_pending
from tallystick.service.port import Deps
from tallystick.service.sessions import end_sessions
from tallystick.service.submit import judge_forgotten

#: How long raw parts without a submission may stand: an upload that was cut off, or sent before.
ORPHAN_DAYS = 1
_DAY = timedelta(days=1)
#: Accounts taken in by one transaction: nobody's file is locked longer than by a chunk.
_TAKEN_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidied:
    """What one run ended."""

    pending_woken: int
    pending_expired: int
    answers_forgotten: int
    sessions_ended: int
    submissions_swept: int
    rows_erased: int
    tails_taken_in: int


def tidy(deps: Deps) -> Tidied:
    """End what is due now."""
    now = deps.clock()
    return Tidied(
        pending_woken=judge_forgotten(deps),
        pending_expired=expire_pending(deps),
        answers_forgotten=forget_answers(deps, now),
        sessions_ended=end_sessions(deps, now),
        submissions_swept=sweep_raw(deps, now),
        rows_erased=erase_late(deps, now),
        tails_taken_in=take_in_tails(deps),
    )


class Daily:
    """Tidies when it is first called, and then once a day by the bureau's clock."""

    def __init__(self, deps: Deps):
        self._deps = deps
        self._due: datetime | None = None

    def __call__(self) -> Tidied | None:
        """Tidy if that is due; None when it is not. After a failure it is due still."""
        now = self._deps.clock()
        if self._due is not None and now < self._due:
            return None
        tidied = tidy(self._deps)
        self._due = now + _DAY
        return tidied


def take_in_tails(deps: Deps) -> int:
    """Take what waits in the tail into the rows of `file.account`; gives how many rows it was.

    Nobody reads or judges anything else for it: a file says the same before and after. A tail whose
    row is gone is left for `ledger verify` to name.
    """
    taken = 0
    while True:
        with deps.paced(), deps.database.connect("intake") as connection:
            accounts = tail.waiting(connection, _TAKEN_AT_ONCE)
            tail.lock_rows(connection, accounts)
            now_taken = tail.take_in(connection, accounts)
        if not now_taken:
            return taken
        taken += now_taken


def sweep_raw(deps: Deps, now: datetime) -> int:
    """Destroy keys and rows of raw bytes past their life; gives how many submissions."""
    raw_days = deps.profile.at(now).raw_days
    with deps.database.connect("eraser") as connection:
        rows = connection.execute(
            "select distinct r.submission_id from intake.raw_part r"
            " left join intake.submission s using (submission_id)"
            " where r.part_no = 0 and (s.received_at < %s"
            " or (s.submission_id is null and r.submission_id < %s))",
            (now - timedelta(days=raw_days), _id_at(now - timedelta(days=ORPHAN_DAYS))),
        ).fetchall()
        due = [row[0] for row in rows]
        deps.vault.destroy(due, now, intake_store.RAW_ENDED)
        connection.execute("delete from intake.raw_part where submission_id = any(%s)", (due,))
    return len(due)


def _id_at(moment: datetime) -> UUID:
    """The smallest version 7 id of an instant: ids made before it are smaller."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
