"""How long a submission that failed is left alone before it is begun again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

#: A submission that failed is begun again after so long, then ever later, up to the longest; at
#: once when a worker starts, as the program may have been mended.
_FIRST_S: Final = 60.0
_LONGEST_S: Final = 3600.0


class Patience:
    """Who may be begun again: whoever is seen for the first time, then later and later."""

    def __init__(self, monotonic: Callable[[], float], *, first_s: float = _FIRST_S):
        """Takes: `monotonic`: seconds that only grow; `first_s`: the first wait, in seconds"""
        self._monotonic = monotonic
        self._first_s = first_s
        self._until: dict[UUID, tuple[float, float]] = {}

    def may_begin(self, submission_id: UUID) -> bool:
        """Whether a submission nobody works on is begun again now; the next wait is twice this."""
        now = self._monotonic()
        until, wait = self._until.get(submission_id, (now, self._first_s))
        if now < until:
            return False
        self._until[submission_id] = (now + wait, min(2 * wait, _LONGEST_S))
        return True
