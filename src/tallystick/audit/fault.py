"""What verifying the log finds: faults with their place, and the report that holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

#: How many faults a walk keeps; it counts on, for the first is what matters.
KEPT_FAULTS = 1000

What = Literal[
    "altered",  # content and commitment differ, or a leaf of the range is not the one signed
    "missing",  # a number, or what an entry stands for, is not there and no statement says why
    "moved",  # the content is right and stands at another place than the signed one
    "doubled",  # two contents for one entry
    "not_erased",  # an erasure statement whose content is still there
    "unlogged",  # a look, or a publication, that the log passed over; a body of no answer's look
    "head_forged",  # a head whose signature, root, or frontier is not right
    "head_missing",  # entries that no signed head covers
]

#: What is wrong of a kept body: all of it, what it opens to (its bytes or parties), or a column.
BodyPart = Literal["body", "content", "parties", "readable_until", "kept_until"]
#: What of an erasure is not as its signed statement says: a column, or the statement itself.
ErasurePart = Literal["erased_at", "ground", "statement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. `number` to `until` is where it lies: one number, or the range of one head.

    `number` is None for what never got one; `look_id` or `position` (as the edges give it) say
    which, where known. What lies in the gate beside the log is named by `consent_id`, or by
    `subject_id` with the version of its head. `body`: what lies in the body kept for `look_id`, and
    not in the look. `erasure`: what lies in the row that says that the look, or the subject, was
    erased. `is_kept`: the head is one kept outside the database, not one of the log's own; where
    the bureau did not sign it, it has no number.
    """

    what: What
    number: int | None = None
    until: int | None = None
    look_id: UUID | None = None
    position: str | None = None
    head_size: int | None = None
    consent_id: UUID | None = None
    subject_id: UUID | None = None
    head_version: int | None = None
    is_kept: bool = False
    body: BodyPart | None = None
    erasure: ErasurePart | None = None
    #: The commitment the content found really has; tells moved from altered.
    computed: bytes | None = field(default=None, repr=False)

    @property
    def is_gap(self) -> bool:
        """Whether numbers are missing, rather than the content of an entry."""
        return self.what == "missing" and self.look_id is None and self.position is None

    def __str__(self) -> str:
        if self.consent_id is not None or self.subject_id is not None:
            return f"{self.what}: {self._of_erasure()}{', '.join(self._in_the_gate())}"
        if self.body is not None:
            part = "" if self.body == "body" else f"{self.body} of the "
            return f"{self.what}: {part}body kept of look {self.look_id}"
        named = [] if self.is_kept and self.number is None else [self._where()]
        if self.look_id is not None:
            named.append(f"{self._of_erasure()}look {self.look_id}")
        if self.position is not None:
            named.append(f"publication {self.position}")
        if self.head_size is not None:
            named.append(f"{'kept ' if self.is_kept else ''}head of size {self.head_size}")
        return f"{self.what}: {', '.join(named)}"

    def _where(self) -> str:
        if self.number is None:
            return "without a number"
        many = self.until is not None and self.until != self.number
        return f"numbers {self.number} to {self.until}" if many else f"number {self.number}"

    def _of_erasure(self) -> str:
        return "" if self.erasure is None else f"{self.erasure} of the erasure of "

    def _in_the_gate(self) -> list[str]:
        named = [] if self.consent_id is None else [f"consent {self.consent_id}"]
        if self.head_version is not None:
            named.append(f"head version {self.head_version}")
        return named if self.subject_id is None else [*named, f"subject {self.subject_id}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """What was verified. `faults` are in the order of the log, those without a number last.

    `consents`: how many consents were compared with what was signed (`service.log.log_verify`);
    `bodies`: how many kept bodies were compared with their looks, `bodies_opened`: how many of them
    were opened and held what their looks name; `kept_heads`: how many heads kept outside the
    database the log was held against.
    """

    entries: int
    looks: int
    publications: int
    erased: int
    unnumbered: int
    heads: int
    size: int
    root: bytes
    faults: tuple[Fault, ...]
    consents: int = 0
    bodies: int = 0
    bodies_opened: int = 0
    kept_heads: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.faults

    @property
    def first(self) -> Fault | None:
        """The first fault in the order of the log; None when there is none."""
        return self.faults[0] if self.faults else None


def in_order(fault: Fault) -> tuple[bool, int]:
    """The sorting key of faults: by number, those without one last."""
    return (fault.number is None, fault.number or 0)
