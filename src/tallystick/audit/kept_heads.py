"""Heads somebody kept outside the database, held against the log as a walk passes their sizes.

The log's own heads cannot say that it was cut short together with them; a head kept elsewhere can.
They change nothing of what the walk finds by itself.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable

from tallystick.audit.fault import Fault
from tallystick.audit.tree import PublicKeys, TreeHead, is_signed


class KeptHeads:
    """Tell `passed` every size in order, then call `finish`; `faults` are in the heads' order."""

    def __init__(self, heads: Iterable[TreeHead], *, keys: PublicKeys):
        given = sorted(heads, key=lambda head: head.size)
        signed = [head for head in given if _is_ours(head, keys)]
        self._ahead = deque(signed)
        self._held = 0  # the size up to which they are right
        self.count = len(given)
        self.faults = [
            Fault(what="head_forged", head_size=head.size, is_kept=True)
            for head in given
            if head not in signed
        ]

    @property
    def next_size(self) -> int:
        """The size of the next head to come; larger than any log when there is none."""
        return self._ahead[0].size if self._ahead else sys.maxsize

    def passed(self, size: int, root: bytes | None) -> None:
        """Hold the heads up to this size against the log's root at it.

        Missing: `root` is None where numbers are missing before; that is a fault already
        """
        while self.next_size <= size:
            head = self._ahead.popleft()
            if head.size < size or root is None:
                continue
            if head.root == root:
                self._held = size
                continue
            self.faults.append(
                Fault(
                    what="altered",
                    number=self._held,
                    until=size - 1,
                    head_size=size,
                    is_kept=True,
                )
            )

    def finish(self, size: int, *, missed: int) -> None:
        """Judge the end of the log; up to the size `missed` its own heads say what is missing."""
        if not self._ahead or self._ahead[-1].size <= missed:
            return
        until = self._ahead[-1].size
        self.faults.append(
            Fault(what="missing", number=size, until=until - 1, head_size=until, is_kept=True)
        )


def _is_ours(head: TreeHead, keys: PublicKeys) -> bool:
    return is_signed(head.message(), head.signature, head.key_id, keys=keys)
