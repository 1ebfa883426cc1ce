"""The decision: pure, over candidates already found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from tallystick.resolve.compare import clashes, normal_name

Ground = Literal["new", "token", "name_and_birth_date", "clash", "weak"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What is compared of one party. `agreements` are further values, folded: phone, address."""

    name: str
    birth_date: str | None
    token: bytes | None
    agreements: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A subject on file and the identities of its parties."""

    subject_id: UUID
    identities: tuple[Identity, ...]
    tokens: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """To which subject (None: a new one), on what ground, and the subject a case is opened with."""

    subject_id: UUID | None
    ground: Ground
    case_with: UUID | None = None


def decide(incoming: Identity, candidates: Sequence[Candidate]) -> Decision:
    """Decide whose record it is.

    Takes:  candidates that share the token, or the exact name and birth date
    Gives:  with a number: the one candidate under that number that does not clash; else a new
            subject, with a case where somebody under the number clashes or several pass.
            Without a number (on either side): exact name, birth date and one more agreement
    """
    if incoming.token is not None:
        under_number = [one for one in candidates if incoming.token in one.tokens]
        if under_number:
            return _by_number(incoming, under_number)
        candidates = [one for one in candidates if not one.tokens]
    return _by_name(incoming, candidates)


def _by_number(incoming: Identity, under_number: Sequence[Candidate]) -> Decision:
    passing = [one for one in under_number if not _clashing(incoming, one)]
    if len(passing) == 1:
        return Decision(subject_id=passing[0].subject_id, ground="token")
    return Decision(
        subject_id=None, ground="clash", case_with=(passing or under_number)[0].subject_id
    )


def _clashing(incoming: Identity, candidate: Candidate) -> bool:
    """Clashes with every identity on file (a subject without any, from a consent, never)."""
    return bool(candidate.identities) and all(
        clashes(incoming.name, incoming.birth_date, known.name, known.birth_date)
        for known in candidate.identities
    )


def _by_name(incoming: Identity, candidates: Sequence[Candidate]) -> Decision:
    if incoming.birth_date is None:
        return Decision(subject_id=None, ground="new")
    same = [one for one in candidates if _same_name_and_birth_date(incoming, one)]
    agreeing = [one for one in same if _agrees(incoming, one)]
    if len(agreeing) == 1:
        return Decision(subject_id=agreeing[0].subject_id, ground="name_and_birth_date")
    if same:
        return Decision(subject_id=None, ground="weak", case_with=same[0].subject_id)
    return Decision(subject_id=None, ground="new")


def _same_name_and_birth_date(incoming: Identity, candidate: Candidate) -> bool:
    return any(
        normal_name(known.name) == normal_name(incoming.name)
        and known.birth_date == incoming.birth_date
        for known in candidate.identities
    )


def _agrees(incoming: Identity, candidate: Candidate) -> bool:
    return any(incoming.agreements & known.agreements for known in candidate.identities)
