"""How the bureau stands, for whoever runs it: counts, places and ids; nothing of a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tallystick.audit import OLDEST_UNNUMBERED
from tallystick.ledger import order
from tallystick.model.ids import edge_position
from tallystick.service.identity import CaseView, cases, open_case_count
from tallystick.service.intake_store import FINISHED, UNFINISHED
from tallystick.service.port import Deps


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log of looks: its newest signed head, and what has no number yet.

    Missing: `size` 0 and no root before the first head; `oldest_waiting` None where nothing waits
    """

    size: int
    root: bytes | None
    signed_at: datetime | None
    waiting: int
    oldest_waiting: datetime | None
    allowed: timedelta
    is_late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BureauState:
    """One look at everything; `cases` are the oldest open ones, `case_count` counts all open.

    `position` is the newest, as the edges give it; None before the first.
    """

    at: datetime
    submissions: Mapping[str, int]
    oldest_unfinished: datetime | None
    rows_waiting: int
    position: str | None
    published_at: datetime
    log: Log
    case_count: int
    cases: tuple[CaseView, ...]

    @property
    def unfinished(self) -> int:
        """Submissions that are not done with."""
        return sum(self.submissions[state] for state in UNFINISHED)


_SUBMISSIONS = """
select state, count(*),
  min(received_at) filter (where state = any(%s))
from intake.submission group by state
"""
_ROWS_WAITING = """
select count(*) from intake.pending p
where not exists (select from intake.pending_outcome o where o.pending_id = p.pending_id)
"""
_HEAD = "select size, root, signed_at from log.tree_head order by size desc limit 1"


def bureau_state(deps: Deps, *, most_cases: int) -> BureauState:
    """How things stand now.

    Takes: `most_cases`: how many open cases to give, the oldest first
    """
    now = deps.clock()
    with deps.database.connect("serve") as connection:

        def count(statement: str) -> int:
            row = connection.execute(statement).fetchone()
            return int(row[0]) if row else 0

        rows = connection.execute(_SUBMISSIONS, (list(UNFINISHED),)).fetchall()
        counts = {state: number for state, number, _ in rows}
        place = order.last_place(connection)
        oldest = connection.execute(OLDEST_UNNUMBERED).fetchone()
        head = connection.execute(_HEAD).fetchone()
        waiting = count("select count(*) from gate.look_outbox")
        rows_waiting = count(_ROWS_WAITING)
    allowed = timedelta(seconds=deps.profile.at(now).log_delay_max_seconds)
    oldest_waiting = oldest[0] if oldest else None
    return BureauState(
        at=now,
        submissions={state: counts.get(state, 0) for state in (*UNFINISHED, *FINISHED)},
        oldest_unfinished=min((since for _, _, since in rows if since), default=None),
        rows_waiting=rows_waiting,
        position=edge_position(place.position) if place.position else None,
        published_at=place.recorded_at,
        log=Log(
            size=head[0] if head else 0,
            root=bytes(head[1]) if head else None,
            signed_at=head[2] if head else None,
            waiting=waiting,
            oldest_waiting=oldest_waiting,
            allowed=allowed,
            is_late=oldest_waiting is not None and now - oldest_waiting > allowed,
        ),
        case_count=open_case_count(deps),
        cases=tuple(cases(deps, limit=most_cases)),
    )
