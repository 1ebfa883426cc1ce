"""One walk over the log's entries in their order, against the heads that were signed over it.

A head that does not fit says only that something before it is wrong. What lies between it and the
head before was numbered in a known order (publications by position, then looks by time and id) at
one instant, so an entry at the wrong place betrays itself; after the head the walk goes on from the
head's own frontier and finds later faults too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from datetime import datetime

from tallystick.audit.content import content_fault, leaf
from tallystick.audit.fault import KEPT_FAULTS, Fault
from tallystick.audit.kept_heads import KeptHeads
from tallystick.audit.log_rows import EntryRow, StoredHead
from tallystick.audit.tree import PublicKeys, TreeHead, is_signed
from tallystick.model.merkle import Frontier

#: Entries remembered between two heads; the sequencer makes batches far smaller.
_KEPT_ENTRIES = 100_000


class Walk:
    """The state of a walk: give `entry` every row in order of number, then call `finish`.

    `heads` are those known before, by size; `expect` adds one as its last entry comes in sight.
    `kept` is told every size at which it has a head.
    """

    def __init__(self, heads: Iterable[StoredHead], *, keys: PublicKeys, kept: KeptHeads):
        self._heads = deque(heads)
        self._kept = kept
        self._keys = keys
        self._frontier = Frontier()
        self._whole = True  # nothing is missing since the last head that was right
        self._passed_over = False  # a forged head lies between that one and here
        self._start = 0  # the first number after that head
        self._since: list[EntryRow] = []  # the entries after it whose content is right
        self._last_signed_at: datetime | None = None
        self.size = 0  # the number expected next
        self.faults: list[Fault] = []
        self.entries = self.looks = self.publications = self.erased = self.heads = 0

    def root(self) -> bytes:
        """The root over the entries as they are; meaningful when nothing was found."""
        return self._frontier.root()

    def expect(self, stored: StoredHead) -> None:
        """Take note of a head not passed yet."""
        size = stored.head.size
        at = bisect_left(self._heads, size, key=lambda known: known.head.size)
        self._heads.insert(at, stored)

    def entry(self, row: EntryRow) -> None:
        """Take the next entry."""
        if row.number < self.size:
            self._found(Fault(what="doubled", number=row.number, look_id=row.look_id))
            return
        if row.number > self.size:
            self._found(Fault(what="missing", number=self.size, until=row.number - 1))
            self._whole = False
            self.size = row.number
            self._take_heads()
        self._count(row)
        fault = content_fault(row)
        if fault is not None:
            self._found(fault)
        elif len(self._since) < _KEPT_ENTRIES:
            self._since.append(row)
        self._frontier.extend((leaf(row),))
        self.size = row.number + 1
        if self._heads:
            self._take_heads()
        if self._kept.next_size <= self.size:
            self._kept.passed(self.size, self._frontier.root() if self._whole else None)

    def finish(self) -> None:
        """Judge the end: heads over entries that are gone, entries no head covers."""
        covered = self._start >= self.size or self._passed_over or not self._whole
        if not covered and not self._heads:
            self._found(Fault(what="head_missing", number=self._start, until=self.size - 1))
        end = self.size
        for stored in self._heads:
            self.heads += 1
            if self._is_genuine(stored):
                end = max(end, stored.head.size)
            else:
                self._forged(stored.head)
        if end > self.size:
            self._found(Fault(what="missing", number=self.size, until=end - 1))
        self._kept.finish(self.size, missed=end)

    def _count(self, row: EntryRow) -> None:
        self.entries += 1
        if row.kind == "publication":
            self.publications += 1
            return
        self.looks += 1
        if row.salt is None and row.is_erased:
            self.erased += 1

    def _take_heads(self) -> None:
        while self._heads and self._heads[0].head.size <= self.size:
            self.heads += 1
            self._take_head(self._heads.popleft())

    def _take_head(self, stored: StoredHead) -> None:
        head = stored.head
        if not self._is_genuine(stored):
            self._forged(head)
            self._passed_over = True
            return
        is_here = head.size == self.size
        if self._whole and is_here:
            if self._frontier.root() != head.root:
                self._locate(stored)
                self._whole = False
            elif not self._passed_over:
                self._check_times(head)
        if not is_here:
            return
        if not self._whole:
            self._frontier = Frontier.from_bytes(stored.frontier)
            self._whole = True
        self._start, self._since, self._passed_over = head.size, [], False

    def _is_genuine(self, stored: StoredHead) -> bool:
        """Whether signature, frontier and root belong together, and time does not run back."""
        head = stored.head
        if not is_signed(head.message(), head.signature, head.key_id, keys=self._keys):
            return False
        frontier = Frontier.parse(stored.frontier)
        if frontier is None or (frontier.size, frontier.root()) != (head.size, head.root):
            return False
        if self._last_signed_at is not None and head.signed_at < self._last_signed_at:
            return False
        self._last_signed_at = head.signed_at
        return True

    def _forged(self, head: TreeHead) -> None:
        number = min(self._start, head.size - 1)
        self._found(
            Fault(what="head_forged", number=number, until=head.size - 1, head_size=head.size)
        )

    def _locate(self, stored: StoredHead) -> None:
        """Name the first entry at a wrong place before a head that does not fit."""
        head, rows = stored.head, self._since
        strange = [row for row in rows if row.sequenced_at != head.signed_at]
        wrong = [] if self._passed_over else strange[:1]
        # An erased look's time is gone: it is left out, the others still stand in order.
        dated = [row for row in rows if row.kind != "look" or row.occurred_at is not None]
        in_order = sorted(dated, key=_numbering_order)
        wrong += [is_ for is_, ought in zip(dated, in_order, strict=True) if is_ is not ought][:1]
        if wrong:
            first = min(wrong, key=lambda row: row.number)
            self._found(
                Fault(
                    what="moved",
                    number=first.number,
                    until=first.number,
                    look_id=first.look_id,
                    position=first.place,
                )
            )
        elif not any(_lies_in(fault, self._start, head.size) for fault in self.faults):
            start, end = self._narrowed(stored, head.size)
            self._found(Fault(what="altered", number=start, until=end - 1, head_size=head.size))

    def _narrowed(self, stored: StoredHead, end: int) -> tuple[int, int]:
        """The part of the range since the last good head in which a subtree first differs."""
        signed = Frontier.parse(stored.frontier)
        if signed is None:
            return self._start, end
        for ours, theirs in zip(self._frontier.spans(), signed.spans(), strict=True):
            if ours != theirs:
                return max(self._start, ours[0]), min(end, ours[1])
        return self._start, end

    def _check_times(self, head: TreeHead) -> None:
        """The root is right; an entry of another time than its head's betrays a lost head."""
        strange = [row for row in self._since if row.sequenced_at != head.signed_at]
        if not strange:
            return
        is_earlier_batch = strange == self._since[: len(strange)] and all(
            row.sequenced_at < head.signed_at for row in strange
        )
        first, last = strange[0], strange[-1]
        self._found(
            Fault(what="head_missing", number=self._start, until=last.number)
            if is_earlier_batch and len(strange) < len(self._since)
            else Fault(
                what="altered", number=first.number, until=first.number, look_id=first.look_id
            )
        )

    def _found(self, fault: Fault) -> None:
        if len(self.faults) < KEPT_FAULTS:
            self.faults.append(fault)


def _numbering_order(row: EntryRow) -> tuple[datetime, bool, int, str, str]:
    """The order in which the sequencer gives numbers."""
    is_look = row.kind == "look"
    return (
        row.sequenced_at,
        is_look,
        row.position or 0,
        row.occurred_at or "",
        str(row.look_id) if is_look else "",
    )


def _lies_in(fault: Fault, start: int, end: int) -> bool:
    return fault.number is not None and start <= fault.number < end
