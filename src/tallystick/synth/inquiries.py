"""Who looks during the last twelve months, with what leave, and who looks without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from tallystick.synth import members as cast
from tallystick.synth.consents import Consent, Terms, act_id, sign_consent
from tallystick.synth.desk import Desk
from tallystick.synth.numbers import RESIDENT_SCHEME, resident_id
from tallystick.synth.people import Person
from tallystick.synth.trace import Trace
from tallystick.synth.window import BACKLOAD_MONTHS, MONTHS, at

#: People for one inquiry a month.
PEOPLE_PER_INQUIRY = 20
_CLASSES = ("identity", "loans", "performance", "payments", "inquiries")
_KINDS = (
    ("application", 58), ("periodic", 12), ("review", 16), ("duty", 5), ("refused", 9),
)  # fmt: skip
_FAULTS = ("withdrawn", "of_another_recipient", "of_another_person", "expired", "used_up")
_LOOKING = (*cast.PLATFORMS, *cast.BANKS, cast.SMALL_BANK, cast.MICRO_LENDER, cast.CARD_ISSUER)
_LOOKING_WEIGHTS = (9, 7, *[2] * len(cast.BANKS), 4, 3, 6)
_REFUSES = 0.1
#: Share of applicants no member has ever furnished anything about.
_STRANGERS = 0.03


@dataclass(frozen=True, slots=True)
class Standing:
    """A periodic consent that is used again in later months, until `withdrawn_in`."""

    trace: Trace
    member: str
    consent: Consent
    last_month: int


class Inquiries:
    """Plans consents, inquiries and withdrawals month by month."""

    def __init__(self, desk: Desk, traces: Sequence[Trace]):
        self._desk = desk
        self._traces = traces
        self._rng = Random(f"inquiries {desk.seed}")
        self._standing: list[Standing] = []

    def write(self) -> None:
        """All inquiries of the twelve months."""
        number = max(6, len(self._traces) // PEOPLE_PER_INQUIRY)
        for month in range(BACKLOAD_MONTHS, MONTHS):
            self._use_standing(month)
            for _ in range(number):
                kind = self._rng.choices([k for k, _ in _KINDS], [w for _, w in _KINDS])[0]
                self._one(kind, month)

    def _one(self, kind: str, month: int) -> None:
        if kind == "review" or (kind == "duty" and self._desk.profile != "zz"):
            self._review(month)
        elif kind == "duty":
            self._duty(month)
        elif kind == "refused":
            self._refused(month)
        else:
            self._application(month, periodic=kind == "periodic")

    def _application(self, month: int, *, periodic: bool) -> None:
        trace, member, moment = self._draw(month)
        purpose = "limit_review" if periodic else "credit_application"
        if self._rng.random() < _REFUSES:
            self._desk.note_consent(trace.person, member, purpose, "refused")
            return
        consent = self.consent(
            trace.person, member, moment, purpose=purpose, days=365 if periodic else 30,
            uses_allowed=None if periodic else 1,
        )  # fmt: skip
        later = moment + timedelta(seconds=self._rng.randrange(60, 1800))
        self.ask(trace, member, later, purpose=purpose, consent=consent, expect=_file(trace, month))
        if periodic:
            last = month + self._rng.randrange(1, 8)
            self._standing.append(Standing(trace, member, consent, last))

    def _use_standing(self, month: int) -> None:
        kept = []
        for standing in self._standing:
            moment = self._moment(month)
            if month < standing.last_month:
                kept.append(standing)
                if self._rng.random() < 0.3:
                    self._ask_standing(standing, month, moment, _file(standing.trace, month))
                continue
            self._desk.withdraw(moment, standing.trace.person, standing.consent)
            if self._rng.random() < 0.4:
                moment += timedelta(hours=self._rng.randrange(2, 40))
                self._ask_standing(standing, month, moment, "refused")
        self._standing = kept

    def _ask_standing(self, standing: Standing, month: int, moment: datetime, expect: str) -> None:
        self.ask(
            standing.trace, standing.member, moment, purpose="limit_review",
            consent=standing.consent, expect=expect,
            because="withdrawn" if expect == "refused" else "",
        )  # fmt: skip

    def _review(self, month: int) -> None:
        found = self._account_at(month, "lenders", _LOOKING)
        if found is not None:
            self.review(*found, self._moment(month))

    def review(self, trace: Trace, member: str, moment: datetime) -> None:
        """A lender looks at somebody who has an account with it."""
        self.ask(trace, member, moment, purpose="account_review", basis="account_review",
                 expect="hit")  # fmt: skip

    def _duty(self, month: int) -> None:
        found = self._account_at(month, "funders", cast.BANKS)
        if found is not None:
            trace, member = found
            self.ask(trace, member, self._moment(month), purpose="joint_loan_duty",
                     basis="legal_duty", expect="hit")  # fmt: skip

    def _refused(self, month: int) -> None:
        """An inquiry that must not be answered."""
        fault = self._rng.choice(_FAULTS)
        trace, member, moment = self._draw(month)
        asking, about, days, uses = member, trace, 30, 1
        if fault == "expired":
            days = 1
        consent = self.consent(
            trace.person, member, moment, purpose="credit_application", days=days,
            uses_allowed=uses,
        )  # fmt: skip
        later = moment + timedelta(seconds=self._rng.randrange(600, 3000))
        if fault == "withdrawn":
            self._desk.withdraw(moment + timedelta(seconds=300), trace.person, consent)
        elif fault == "of_another_recipient":
            asking = self._rng.choice([code for code in cast.BANKS if code != member])
        elif fault == "of_another_person":
            about = self._another(trace)
        elif fault == "expired":
            later = moment + timedelta(days=1, hours=3)
        else:
            self.ask(trace, member, moment + timedelta(seconds=90), purpose="credit_application",
                     consent=consent, expect=_file(trace, month))  # fmt: skip
        self.ask(about, asking, later, purpose="credit_application", consent=consent,
                 expect="refused", because=fault)  # fmt: skip

    def consent(
        self, person: Person, member: str, moment: datetime, *,
        purpose: str, days: int, uses_allowed: int | None,
    ) -> Consent:  # fmt: skip
        """A consent for `member` to look, registered by the API at `moment`."""
        given = moment - timedelta(seconds=40)
        consent = sign_consent(
            self._rng, person=person, captured_by=self._desk.members[member],
            terms=Terms(
                recipient=member, purpose=purpose, data_classes=_CLASSES,
                data_from=given.date() - timedelta(days=1826),
                data_to=given.date() + timedelta(days=days),
                valid_from=given, valid_to=given + timedelta(days=days), given_at=given,
                fetch="periodic" if uses_allowed is None else "once", keep_months=6,
                uses_allowed=uses_allowed,
            ),
        )  # fmt: skip
        self._desk.steps.add(
            moment, "consent", member, consent_id=consent.consent_id, artefact=consent.artefact,
            salt=consent.salt, scheme=consent.scheme, number=consent.number,
        )  # fmt: skip
        self._desk.note_consent(person, member, purpose, "given", consent_id=consent.consent_id)
        return consent

    def ask(
        self, trace: Trace, member: str, moment: datetime, *, purpose: str, expect: str,
        consent: Consent | None = None, basis: str = "consent", because: str = "",
    ) -> None:  # fmt: skip
        """One inquiry; `expect` says how it should end."""
        step = inquiry_body(trace.person, purpose=purpose, basis=basis, consent=consent)
        step |= {"idempotency_key": act_id(self._rng, moment), "expect": expect}
        if because:
            step["because"] = because
        self._desk.steps.add(moment, "inquiry", member, **step)
        self._desk.count(f"inquiries_{expect}")
        if expect == "hit":
            trace.looks += 1
            trace.lookers.append(member)

    def _draw(self, month: int) -> tuple[Trace, str, datetime]:
        trace = self._rng.choice(self._traces)
        if self._rng.random() < _STRANGERS:
            trace = Trace(_stranger(self._rng, trace.person))
        # Most applicants have something on file; the others are asked about as well.
        if trace.on_file_from >= month and self._rng.random() < 0.8:
            trace = self._rng.choice(self._traces)
        return trace, self._rng.choices(_LOOKING, _LOOKING_WEIGHTS)[0], self._moment(month)

    def _another(self, trace: Trace) -> Trace:
        """Somebody else, whom the bureau may know or not."""
        other = self._rng.choice(self._traces)
        return Trace(_stranger(self._rng, trace.person)) if other is trace else other

    def _moment(self, month: int) -> datetime:
        day = self._desk.window.day(month, self._rng.randrange(4, 27))
        return at(day, self._rng.randrange(8 * 3600, 21 * 3600))

    def _account_at(
        self, month: int, kind: str, allowed: Sequence[str]
    ) -> tuple[Trace, str] | None:
        """Somebody with an account on file and open in `month`, and its lender or funder."""
        for _ in range(200):
            trace = self._rng.choice(self._traces)
            ties = [
                code for code, first, last in getattr(trace, kind)
                if code in allowed and first < month <= last
            ]  # fmt: skip
            if ties:
                return trace, self._rng.choice(ties)
        return None


def inquiry_body(
    person: Person, *, purpose: str, basis: str, consent: Consent | None
) -> dict[str, Any]:
    """The body of `POST /v1/inquiries` about a person."""
    legal_basis = {"type": basis}
    if consent is not None:
        legal_basis["consent_id"] = consent.consent_id
    return {
        "subject": {
            "name": person.name,
            "birth_date": person.birth_date.isoformat(),
            "identifiers": [{"scheme": person.scheme, "value": person.number}],
        },
        "purpose": purpose,
        "legal_basis": legal_basis,
    }


def _stranger(rng: Random, like: Person) -> Person:
    """Somebody of the same name, too young to be among the simulated persons."""
    born = date(2004, 1, 1) + timedelta(days=rng.randrange(1000))
    order = rng.randrange(1000)
    return replace(
        like, index=-1, birth_date=born, scheme=RESIDENT_SCHEME, number=resident_id(born, order)
    )


def _file(trace: Trace, month: int) -> str:
    """Whether something about her has been published when she is asked about in `month`."""
    return "hit" if trace.on_file_from < month else "no_hit"
