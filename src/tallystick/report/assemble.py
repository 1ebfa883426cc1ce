"""The body of a report: what one reader may see of one person, at one place in history.

Pure: the same arguments give the same body, and so the same bytes. Display rules of the profile
(retention, inquiries shown) are applied here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from tallystick.errors import require
from tallystick.model.file import (
    AccountLine,
    ConsentLine,
    Coordinates,
    LookLine,
    PartyIdentity,
    Record,
    SubjectFile,
)
from tallystick.model.permit import Permit
from tallystick.profile import ProfileAt
from tallystick.report.account import ShownAccount, account_block, remarks_block, shown_account
from tallystick.report.codes import codes_of
from tallystick.report.fields import AGREEMENT, GUARANTEE, IDENTITY, Block, Fields, Mask
from tallystick.report.fundings import own_funding_block
from tallystick.report.inquiries import consent_block, inquiries_block, look_block, shown_looks
from tallystick.report.payments import payment_blocks
from tallystick.report.reader import MemberView, Reader
from tallystick.report.retention import clock_of
from tallystick.report.summary import summary_block
from tallystick.report.versions import NEWEST, Version

#: Blocks a body may hold beside `format` and `header`; a permit's scope names some of them.
#: `events` and account remarks stand inside `accounts`.
BLOCKS = (
    "identity", "summary", "inquiries", "accounts", "agreements", "guarantees", "payments",
    "events", "looks", "consents", "remarks",
)  # fmt: skip
_ALL_BLOCKS = frozenset(BLOCKS)
#: What a furnisher who verifies its own records gets; the rest is not its own.
_FURNISHER_BLOCKS = frozenset(
    {"identity", "accounts", "agreements", "guarantees", "payments", "events", "remarks"}
)


def assemble(
    permit: Permit,
    file: SubjectFile,
    *,
    looks: Sequence[LookLine],
    consents: Iterable[ConsentLine],
    profile: ProfileAt,
    coordinates: Coordinates,
    member_view: Callable[[str], MemberView],
    mask: Mask,
    version: Version = NEWEST,
) -> Block:
    """The body one reader gets.

    Takes:    the permit, the person's file, looks and consents, each in any order; the profile
              on the day of `coordinates.as_of`; `member_view` tells about a member;
              `mask(kind, id)` gives the id this reader sees (kinds: subject, account, party,
              member, look, consent, agreement, guarantee, payer_account); `version` is that of
              the body's format
    Gives:    plain JSON of strings, integers and booleans, as the version's schema has it
    Time:     `coordinates.as_of` and its day in the profile's time zone, never now
    Missing:  what was not reported is left out or `not_reported`, never zero
    Raises:   InvariantBroken when the permit is for somebody else or an amount has no currency
    """
    require(permit.subject_id == file.subject_id, "the permit is for another subject")
    today = _day(coordinates.as_of, profile.time_zone)
    reader = Reader(
        permit=permit, as_of=coordinates.as_of, today=today.isoformat(),
        member_view=member_view, mask=mask,
    )  # fmt: skip
    body = _Body(reader, file, profile=profile, coordinates=coordinates, version=version)
    body.add_file_blocks()
    if not reader.is_furnisher:
        body.add_looks(looks)
        body.add_consents(consents)
    return body.finished()


class _Body:
    """A body being put together, block by block; remembers what was withheld."""

    def __init__(
        self,
        reader: Reader,
        file: SubjectFile,
        *,
        profile: ProfileAt,
        coordinates: Coordinates,
        version: Version,
    ):
        self.reader = reader
        self.file = file
        self.profile = profile
        self.coordinates = coordinates
        self.version = version
        self.codes = codes_of(profile)
        self.clock = (
            None if reader.is_furnisher else clock_of(profile, date.fromisoformat(reader.today))
        )
        self.blocks: Block = {}
        self.leaving, withheld = _leaving(
            reader.permit.scope, reader.is_furnisher, version.hides_silently
        )
        self.withheld: list[Block] = [
            {"block": block, "reason": reason} for block, reason in withheld
        ]

    def add_file_blocks(self) -> None:
        """Everything that comes from the person's file."""
        file, reader, version = self.file, self.reader, self.version
        accounts = [
            shown_account(line, codes=self.codes, clock=self.clock, version=version)
            for line in sorted(file.accounts, key=_account_order)
            if not reader.is_furnisher or reader.owns(line.furnisher_id)
        ]
        if "identity" in self.leaving:
            self.blocks["identity"] = self._identity()
        if "summary" in self.leaving:
            self.blocks["summary"] = summary_block(
                accounts,
                agreements=file.agreements,
                guarantees=file.guarantees,
                codes=self.codes,
                today=reader.today,
                version=version,
            )
        if "accounts" in self.leaving:
            self.blocks["accounts"] = [
                account_block(shown, reader=reader, version=version) for shown in accounts
            ]
            self._note_hidden(accounts)
        if self.leaving & {"accounts", "summary"}:
            self._note_erased()
        if file.fundings and reader.is_furnisher and "accounts" in self.leaving:
            self.blocks["fundings"] = [
                own_funding_block(one, reader=reader)
                for one in sorted(file.fundings, key=_own_funding_order)
            ]
        if "agreements" in self.leaving:
            self.blocks["agreements"] = self._records("agreements", AGREEMENT)
        if "guarantees" in self.leaving:
            self.blocks["guarantees"] = self._records("guarantees", GUARANTEE)
        if "payments" in self.leaving:
            self._add_payments()
        if "remarks" in self.leaving:
            self.blocks["remarks"] = remarks_block(
                file.remarks, None, reader=reader, version=version
            )

    def add_looks(self, looks: Sequence[LookLine]) -> None:
        """Looks and their counts."""
        as_of = self.coordinates.as_of
        ordered = sorted(looks, key=lambda look: look.number)
        shown = shown_looks(ordered, reader=self.reader, profile=self.profile, as_of=as_of)
        if "looks" in self.leaving:
            self.blocks["looks"] = [look_block(look, reader=self.reader) for look in shown]
        if "inquiries" in self.leaving:
            counted = [one for one in shown if self.version.counts_again or one.permit != "again"]
            self.blocks["inquiries"] = inquiries_block(counted, profile=self.profile, as_of=as_of)

    def add_consents(self, consents: Iterable[ConsentLine]) -> None:
        """Consents: the person sees all, a lender those given to it or captured by it."""
        if "consents" in self.leaving:
            self.blocks["consents"] = [
                consent_block(consent, reader=self.reader)
                for consent in sorted(consents, key=lambda line: (line.given_at, line.consent_id))
                if self.reader.is_person
                or self.reader.owns(consent.recipient_id)
                or self.reader.owns(consent.captured_by)
            ]

    def finished(self) -> Block:
        """The body with its header."""
        permit, at = self.reader.permit, self.coordinates
        return {
            "format": self.version.name,
            "header": {
                "subject_id": self.reader.mask("subject", self.file.subject_id),
                "as_of": at.as_of,
                "position": self.version.position(at.position),
                "log_size": at.log_size,
                "head_version": at.head_version,
                "audience": permit.audience,
                "permit": permit.kind,
                "purpose": permit.purpose,
                "profile": {"id": self.profile.id, "version": self.profile.version},
                "withheld": self.withheld,
            },
            **self.blocks,
        }

    def _identity(self) -> list[Block]:
        reader = self.reader
        return [
            {
                "party_id": reader.mask("party", party.party_id),
                "furnisher": reader.member(party.furnisher_id),
                "reported": IDENTITY.pick(party.fields, currency=None, mask=reader.mask),
            }
            for party in sorted(self.file.identities, key=_party_order)
            if not reader.is_furnisher or reader.owns(party.furnisher_id)
        ]

    def _records(self, name: str, fields: Fields) -> list[Block]:
        reader = self.reader
        return [
            {
                "furnisher": reader.member(record["furnisher_id"]),
                **fields.pick(record, currency=record["currency"], mask=reader.mask),
            }
            for record in sorted(getattr(self.file, name), key=_record_order)
            if reader.sees(record)
        ]

    def _add_payments(self) -> None:
        seen = [record for record in self.file.payments if self.reader.sees(record)]
        shown, hidden = payment_blocks(
            seen,
            reader=self.reader,
            codes=self.codes,
            clock=self.clock,
            version=self.version,
        )
        self.blocks["payments"] = shown
        if hidden:
            self.withheld.append(
                {"block": "payments", "reason": "retention_over", "periods": hidden}
            )

    def _note_hidden(self, accounts: Sequence[ShownAccount]) -> None:
        hidden = sum(len(account.hidden) for account in accounts)
        if hidden:
            self.withheld.append(
                {"block": "accounts", "reason": "retention_over", "periods": hidden}
            )
        masked = sum(len(account.masked) for account in accounts)
        if masked:
            self.withheld.append({"block": "accounts", "reason": "audience", "periods": masked})

    def _note_erased(self) -> None:
        reader = self.reader
        gone = [
            one
            for one in self.file.erased
            if not reader.is_furnisher or reader.owns(one["furnisher_id"])
        ]
        if gone and self.version.tells_erased:
            self.withheld.append({"block": "accounts", "reason": "erased", "accounts": len(gone)})


@lru_cache(maxsize=256)
def _leaving(
    scope: frozenset[str], is_furnisher: bool, hides_silently: bool
) -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    """Which blocks may leave, and which may not, with the reason.

    Events stand inside their accounts: without these they do not leave.
    """
    withheld = []
    outside = _ALL_BLOCKS - scope if scope else frozenset()
    if "accounts" in outside and not hides_silently:
        outside |= {"events"}
    for block in BLOCKS:
        if is_furnisher and block not in _FURNISHER_BLOCKS:
            withheld.append((block, "audience"))
        elif block in outside:
            withheld.append((block, "scope"))
    return _ALL_BLOCKS - {block for block, _ in withheld}, tuple(withheld)


def _day(as_of: str, time_zone: str) -> date:
    return datetime.fromisoformat(as_of).astimezone(ZoneInfo(time_zone)).date()


def _account_order(line: AccountLine) -> tuple[str, str]:
    return line.terms.get("opened_on") or "", line.account_id


def _own_funding_order(funding: Record) -> tuple[str, str]:
    return funding["account_id"], funding["valid_from"]


def _party_order(party: PartyIdentity) -> tuple[str, str]:
    return party.furnisher_id, party.party_id


def _record_order(record: Record) -> tuple[str, str, str]:
    return record["object_id"], record["valid_from"], record["furnisher_id"]
