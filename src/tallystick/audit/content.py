"""Whether what an entry stands for is still what was committed to."""

from __future__ import annotations

from tallystick.audit.fault import Fault, What
from tallystick.audit.log_rows import EntryRow
from tallystick.audit.look import COMMITTED, commitment_of
from tallystick.audit.tree import look_leaf, publication_commitment, publication_leaf
from tallystick.model.merkle import leaf_hash


def content_fault(row: EntryRow) -> Fault | None:
    """What is wrong with the look or publication of an entry; None when it is as committed.

    Missing: a look that is gone is no fault where an erasure statement says so.
    """
    if row.kind == "publication":
        if row.position is None or row.recorded_at is None or row.digest is None:
            return _fault(row, "missing")
        found = publication_commitment(row.position, row.recorded_at, row.digest)
        return None if found == row.commitment else _fault(row, "altered")
    if row.salt is None:
        return None if row.is_erased else _fault(row, "missing")
    found = commitment_of(row.salt, dict(zip(COMMITTED, row.content, strict=True)))
    if found != row.commitment:
        return _fault(row, "altered", computed=found)
    return _fault(row, "not_erased") if row.is_erased else None


def leaf(row: EntryRow) -> bytes:
    """The leaf hash of an entry."""
    if row.kind == "look" and row.look_id is not None:
        return look_leaf(row.look_id, row.commitment)
    if row.position is not None:
        return publication_leaf(row.position, row.commitment)
    return leaf_hash(row.commitment)  # of neither kind: no head covers such a leaf


def _fault(row: EntryRow, what: What, *, computed: bytes | None = None) -> Fault:
    return Fault(
        what=what,
        number=row.number,
        until=row.number,
        look_id=row.look_id,
        position=row.place,
        computed=computed,
    )
