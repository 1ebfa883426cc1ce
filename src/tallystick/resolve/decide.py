"""The decision: pure, over candidates already found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from tallystick.resolve.agreements import is_own_number, is_told
from tallystick.resolve.compare import birth_dates_clash, clashes, names_alike, normal_name

Ground = Literal["new", "token", "stated", "name_and_birth_date", "clash", "weak"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What is compared of one party. `agreements` are further values, folded: phone, address.

    Missing: the name is empty, the birth date or token None, where the furnisher does not hold it
    """

    name: str
    birth_date: str | None
    token: bytes | None
    agreements: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A subject on file and the identities of its parties.

    `is_named`: by the furnisher's own word it is she, known to it before without a person number
    """

    subject_id: UUID
    identities: tuple[Identity, ...]
    tokens: frozenset[bytes] = frozenset()
    is_named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """To which subject (None: a new one), on what ground, and the subject a case is opened with."""

    subject_id: UUID | None
    ground: Ground
    case_with: UUID | None = None

    @property
    def case_kind(self) -> str:
        """What a case about it is: a contradiction, or too little that agrees."""
        return "clash" if self.ground == "clash" else "weak"


def decide(incoming: Identity, candidates: Sequence[Candidate]) -> Decision:
    """Decide whose record it is.

    Takes:  candidates that share the token, or the exact name and birth date, or are named
    Gives:  with a number: the one candidate under that number that does not clash; else a new
            subject, with a case where somebody under the number clashes or several pass, of whom
            not one is named. Where another is named and passes: a case about her too.
            Under no number on file: the one who is named and does not clash.
            Without a number (on either side): exact name, birth date and one more agreement; under
            another number than on file, only where that is her furnisher's own number for her
    """
    named = [one for one in candidates if one.is_named]
    if incoming.token is not None:
        under_number = [one for one in candidates if incoming.token in one.tokens]
        if under_number:
            return _by_number(incoming, under_number, named)
        candidates = [one for one in candidates if not one.tokens or _is_renumbered(incoming, one)]
    return _by_word(incoming, named) if named else _by_name(incoming, candidates)


def _by_number(
    incoming: Identity, under_number: Sequence[Candidate], named: Sequence[Candidate]
) -> Decision:
    passing = [one for one in under_number if passes(incoming, one)]
    chosen = passing if len(passing) == 1 else [one for one in passing if one.is_named]
    if len(chosen) != 1:
        return Decision(
            subject_id=None, ground="clash", case_with=(passing or under_number)[0].subject_id
        )
    (found,) = chosen
    others = [
        one.subject_id
        for one in named
        if one.subject_id != found.subject_id and passes(incoming, one)
    ]
    return Decision(
        subject_id=found.subject_id, ground="token", case_with=others[0] if others else None
    )


def _by_word(incoming: Identity, named: Sequence[Candidate]) -> Decision:
    passing = [one for one in named if passes(incoming, one)]
    if len(passing) == 1:
        return Decision(subject_id=passing[0].subject_id, ground="stated")
    return Decision(subject_id=None, ground="clash", case_with=(passing or named)[0].subject_id)


def _clashing(incoming: Identity, candidate: Candidate) -> bool:
    """Clashes with every identity on file (a subject without any, from a consent, never)."""
    return bool(candidate.identities) and all(
        clashes(incoming.name, incoming.birth_date, known.name, known.birth_date)
        for known in candidate.identities
    )


def is_another(incoming: Identity, known: Sequence[Identity]) -> bool:
    """Whether a record cannot be the person's whom a party's earlier ones (`known`) name.

    Like a clash under one number: with every name, with every birth date, or with every whole
    identity. One agreement is enough to go on, so that a name may change step by step.
    Missing: what either side lacks clashes with nothing, and makes nothing else agree
    """
    if any(_is_the_same(incoming, one) for one in known):  # as nearly always
        return False
    names = [one.name for one in known if normal_name(one.name)]
    dates = [one.birth_date for one in known if one.birth_date is not None]
    whole = [one for one in known if one.birth_date is not None and normal_name(one.name)]
    if names and not any(names_alike(incoming.name, name) for name in names):
        return True
    if dates and all(birth_dates_clash(incoming.birth_date, date) for date in dates):
        return True
    return bool(whole) and all(
        clashes(incoming.name, incoming.birth_date, one.name, one.birth_date) for one in whole
    )


def _is_the_same(one: Identity, other: Identity) -> bool:
    """Whether name and birth date are held and the same to the letter: then nothing clashes."""
    return (
        one.birth_date is not None
        and one.birth_date == other.birth_date
        and one.name == other.name
        and bool(normal_name(one.name))
    )


def passes(incoming: Identity, candidate: Candidate) -> bool:
    """Whether an identity may be a candidate's: it agrees with one there, or there is none."""
    return not _clashing(incoming, candidate)


def _by_name(incoming: Identity, candidates: Sequence[Candidate]) -> Decision:
    if incoming.birth_date is None or not is_told(incoming.name):
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


def _is_renumbered(incoming: Identity, candidate: Candidate) -> bool:
    """Whether the furnisher's own numbers say that she is the candidate."""
    return any(
        is_own_number(one)
        for known in candidate.identities
        for one in incoming.agreements & known.agreements
    )


def evidence(incoming: Identity, candidate: Candidate) -> dict[str, list[str]]:
    """What speaks for and against a candidate, as names of fields: nobody's values.

    Gives: `agreements` and `disagreements`; what one side lacks is in neither
    """
    known = candidate.identities
    found: dict[str, bool | None] = {
        "number": incoming.token in candidate.tokens
        if incoming.token is not None and candidate.tokens
        else None,
        "name": any(names_alike(incoming.name, one.name) for one in known) if known else None,
        "birth_date": _among(
            incoming.birth_date, {one.birth_date for one in known if one.birth_date is not None}
        ),
    }
    for kind in ("phone", "address"):
        ours = {one for one in incoming.agreements if one.startswith(f"{kind}:")}
        theirs = {
            value for one in known for value in one.agreements if value.startswith(f"{kind}:")
        }
        found[kind] = bool(ours & theirs) if ours and theirs else None
    return {
        "agreements": [name for name, is_same in found.items() if is_same is True],
        "disagreements": [name for name, is_same in found.items() if is_same is False],
    }


def _among(value: str | None, others: set[str]) -> bool | None:
    return value in others if value is not None and others else None
