"""An inquiry: identity, leave, file, look, commit; only then the answer leaves.

Nothing is read in silence: a hit, a miss and a refusal are looks alike, committed before the caller
hears of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any, cast
from uuid import UUID

import orjson
import psycopg

from tallystick.audit import Look
from tallystick.consent import Standing, mint, refused
from tallystick.errors import BadRequest, Refused, Unavailable
from tallystick.model.permit import Permit, PermitKind
from tallystick.service import gate_sql as sql
from tallystick.service.answers import Answer, body_of, profile_on, receipt_of
from tallystick.service.askable import require_askable
from tallystick.service.asked import is_asked_for, require_name
from tallystick.service.fold_file import furnished_by
from tallystick.service.funded import lenders
from tallystick.service.gate import (
    NOBODY,
    Moved,
    Opened,
    Request,
    StrangeMember,
    commit,
    desk_of,
    opened,
    read,
    rounds_of,
    write_look,
)
from tallystick.service.idempotency import REUSED, kept_keys
from tallystick.service.members import Member
from tallystick.service.port import Deps
from tallystick.service.read_file import ConsentRow, Material, numbers_of, opened_identities
from tallystick.service.release import Outgoing, release
from tallystick.service.replay import given_before
from tallystick.service.reviewable import has_open_account
from tallystick.service.rounds import Alone, Seat

__all__ = ["Answer", "Ask", "answer", "request_digest"]
_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One inquiry of a member: by number and name and birth date, under a leave it names.

    `request_digest` (32 bytes) tells whether a repeated `idempotency_key` is the same request.
    """

    member: Member
    identifiers: tuple[tuple[str, str], ...]
    name: str
    birth_date: date | str | None
    purpose: str
    permit: str
    consent_id: UUID | None
    idempotency_key: str
    request_digest: bytes
    as_of: datetime | None = None
    known_at: datetime | None = None


def request_digest(given: Any) -> bytes:
    """Tells whether a request is the same: SHA-256 of its JSON, however its keys are ordered."""
    return sha256(orjson.dumps(given, option=orjson.OPT_SORT_KEYS)).digest()


async def answer(deps: Deps, ask: Ask) -> Answer:
    """Answer one inquiry.

    Gives:  outcome hit with the body, no_hit or multiple_candidates without; the same request
            again gives the same answer and adds no look
    Raises: Refused (a look as well): the codes of `consent.mint`, history_not_permitted,
            consent_used_up; BadRequest (no look) idempotency_key_reused, invalid_request,
            identifier_invalid, purpose_unknown, erased; Unavailable log_delayed
    """
    if not ask.identifiers:
        raise BadRequest("invalid_request", "the subject needs at least one identifier")
    require_name(ask.name)
    tokens = [deps.keys.identity_token(scheme, value) for scheme, value in ask.identifiers]
    if ask.permit != "furnisher_verification":  # which reads long, and others would wait for it
        seat = await rounds_of(deps).seat((str(ask.member.member_id), ask.idempotency_key))
        try:
            return await _Inquiry(deps, ask, tokens, seat).run()
        except (Alone, StrangeMember):
            pass
        finally:
            seat.leave()
    for _ in range(_TRIES):
        try:
            return await _Inquiry(deps, ask, tokens).run()
        except (Moved, psycopg.errors.UniqueViolation):
            continue  # somebody was linked meanwhile, or the same request won: look again
        except StrangeMember:
            await desk_of(deps).learn_members(deps)
    raise Unavailable("unavailable", "what the answer rests on changed during every try")


class _Inquiry:
    """One try at one inquiry."""

    def __init__(self, deps: Deps, ask: Ask, tokens: Sequence[bytes], seat: Seat | None = None):
        self.deps = deps
        self.seat = seat
        self.ask = ask
        self.tokens = tokens
        self.request = Request(
            member_key=str(ask.member.member_id),
            client_key=ask.member.member_id.hex,
            request_keys=kept_keys(deps, ask.idempotency_key),
            request_digest=ask.request_digest,
        )

    async def run(self) -> Answer:
        """The answer. Raises: Moved, StrangeMember, UniqueViolation, Alone: try again."""
        async with opened(self.deps, self.tokens, self.request, seat=self.seat) as gate:
            if gate.earlier is None:
                return await self._first(gate)
            gate.require_own()
            await commit(gate)
        # Only now, with the connection given back: reading the kept answer takes another.
        return await self._again(*gate.earlier)

    async def _first(self, gate: Opened) -> Answer:
        if gate.is_key_taken:
            raise BadRequest("idempotency_key_reused", REUSED)
        require_askable(
            self.ask.identifiers,
            self.ask.purpose,
            profile=profile_on(self.deps, self.deps.clock()),
            is_test_mode=self.deps.is_test_mode,
        )
        found = await read(self.deps, gate, self.tokens)
        self.now = self.deps.clock()
        self.profile = profile_on(self.deps, self.now)
        parties = {party for one in found for party in one.parties()}
        keys = await gate.keys_of(self.deps, parties) if parties else {}
        self.numbers = {one.subject_id: numbers_of(one, keys, self.deps.keys) for one in found}
        passing = [one for one in found if self._passes(one, keys)]
        material = passing[0] if len(passing) == 1 else None
        try:
            permit = await self._leave(gate, material, found)
        except Refused as refusal:
            look = await self._missed(gate, material, "refused", refusal.code)
            refusal.extra["look_id"] = str(look.look_id)
            raise
        if material is None:
            outcome = "multiple_candidates" if passing else "no_hit"
            return self._answer(await self._missed(gate, None, outcome))
        return await self._hit(gate, permit, material, keys)

    async def _again(self, digest: bytes, look_id: UUID, token: bytes) -> Answer:
        if digest != self.ask.request_digest:
            raise BadRequest("idempotency_key_reused", REUSED)
        names_consent = self.ask.consent_id is not None
        return await given_before(self.deps, look_id, token, names_consent=names_consent)

    def _passes(self, material: Material, keys: Mapping[str, bytes]) -> bool:
        """Whether a record of hers carries a number asked by, and name and birth date fit.

        To verify, the asker's own parties of hers are asked, and those of whoever lends to her what
        it funds by their word.
        """
        own = str(self.ask.member.member_id)
        whose = {own, *lenders(material.accounts, own)} if self._verifies else {None}
        return is_asked_for(
            self.tokens,
            self.ask.name,
            self.ask.birth_date,
            numbers=self.numbers[material.subject_id],
            held=(
                one
                for furnisher in whose
                for one in opened_identities(material, keys, furnisher_id=furnisher)
            ),
        )

    @property
    def _verifies(self) -> bool:
        return self.ask.permit == "furnisher_verification"

    async def _leave(
        self, gate: Opened, material: Material | None, found: Sequence[Material]
    ) -> Permit:
        """The permit. It is judged alike when nobody was found: a refusal tells nothing of that.

        Raises: Refused
        """
        ask = self.ask
        if ask.as_of is not None or ask.known_at is not None:
            raise refused("history_not_permitted")
        row, names_subject = None, False
        if ask.permit == "consent" and ask.consent_id is not None:
            row = _consent_named(material, found, str(ask.consent_id))
            names_subject = row is not None and (
                material is None or row.token in self.numbers[material.subject_id]
            )
            if row is None and await self._is_known(gate, ask.consent_id):
                raise refused("consent_other_subject")
        permit = mint(
            cast(PermitKind, ask.permit),
            subject_id=NOBODY if material is None else UUID(material.subject_id),
            member_id=ask.member.member_id,
            member_class=ask.member.member_class,
            purpose=ask.purpose,
            profile=self.profile,
            now=self.now,
            consent=None if row is None else _standing(row, names_subject),
            names_consent=ask.consent_id is not None,
            has_open_account=material is not None and self._may_review(material),
            audience="furnisher" if self._verifies else "lender",
        )
        if row is not None and row.uses_allowed is not None and material is not None:
            gate.require_own()  # no use may be counted for an answer that does not leave
            await _use(gate, row)
        return permit

    async def _is_known(self, gate: Opened, consent_id: UUID) -> bool:
        (rows,) = await gate.line.run((sql.OTHER_CONSENT, {"consent_id": consent_id}))
        return bool(rows)

    def _may_review(self, material: Material) -> bool:
        """Whether she has an open account with the asker; looked at for a review only."""
        return self.ask.permit == "account_review" and has_open_account(
            material, self.ask.member.member_id, profile=self.profile, now=self.now
        )

    async def _hit(
        self, gate: Opened, permit: Permit, material: Material, keys: Mapping[str, bytes]
    ) -> Answer:
        desk = desk_of(self.deps)
        member_id = self.ask.member.member_id
        if self._verifies:
            material = await asyncio.to_thread(
                furnished_by, self.deps, material, member_id, day=self.profile.day
            )
        body = body_of(
            permit,
            material,
            keys,
            profile=self.profile,
            as_of=self.now,
            id_key=desk.id_key(self.deps, member_id),
            member_view=desk.member_view,
        )
        going = Outgoing(
            permit=permit,
            material=material,
            keys=keys,
            body=body,
            profile=self.profile,
            as_of=self.now,
            occurred_at=self.now,
            token=self._token_of(material),
        )
        return await release(self.deps, gate, going, request=self.request)

    def _token_of(self, material: Material) -> bytes:
        """The first of her numbers that was asked by."""
        hers = self.numbers[material.subject_id]
        return next((one for one in self.tokens if one in hers), self.tokens[0])

    async def _missed(
        self, gate: Opened, material: Material | None, outcome: str, refusal_code: str | None = None
    ) -> Look:
        """Write the look of an inquiry that hands nothing out; gives the one the answer names.

        About one person it stands under a token of hers. About nobody, or more than one, it is a
        look at everybody who was asked for: one under each number, for whoever it leads to or will
        lead to, so that none is hidden behind a number put first, nor is the asker told who is on
        file.
        """
        gate.require_own()  # tokens that are made wait for those who make them at the same time
        under = list(dict.fromkeys(self.tokens))
        if material is not None:
            under = [self._token_of(material)]
        given = {
            "now": self.now,
            "tokens": list(self.tokens),
            "schemes": [scheme for scheme, _ in self.ask.identifiers],
        }
        await gate.line.run((sql.MAKE_TOKENS, given))
        named, *others = (self._look_missed(token, outcome, refusal_code) for token in under)
        await write_look(gate, named, *others, request=self.request)
        return named

    def _look_missed(self, token: bytes, outcome: str, refusal_code: str | None) -> Look:
        return Look(
            token=token,
            look_id=self.deps.new_id(),
            occurred_at=self.now,
            permit=self.ask.permit,
            purpose=self.ask.purpose,
            outcome=outcome,
            audience="furnisher" if self._verifies else "lender",
            salt=self.deps.random_bytes(32),
            member_id=self.ask.member.member_id,
            refusal_code=refusal_code,
        )

    def _answer(self, look: Look) -> Answer:
        return Answer(
            look_id=look.look_id,
            outcome=look.outcome,
            body=None,
            body_digest=None,
            receipt=receipt_of(self.deps, look, self.profile),
            occurred_at=look.occurred_at,
        )


def _consent_named(
    material: Material | None, found: Sequence[Material], consent_id: str
) -> ConsentRow | None:
    for one in found if material is None else (material,):
        for row in one.consents:
            if row.consent_id == consent_id:
                return row
    return None


def _standing(row: ConsentRow, names_subject: bool) -> Standing:
    return Standing(
        consent_id=UUID(row.consent_id),
        recipient_id=None if row.recipient_id is None else UUID(row.recipient_id),
        purpose=row.purpose,
        data_classes=row.data_classes,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        given_at=row.given_at,
        is_withdrawn=row.withdrawn_at is not None,
        names_subject=names_subject,
    )


async def _use(gate: Opened, row: ConsentRow) -> None:
    """Count one use of a consent that allows only so many. Raises: Refused `consent_used_up`."""
    given = {
        "token": row.token,
        "consent_id": UUID(row.consent_id),
        "allowed": row.uses_allowed,
    }
    (rows,) = await gate.line.run((sql.USE, given))
    if not rows:
        raise refused("consent_used_up")
