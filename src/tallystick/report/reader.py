"""Who reads: what an audience may know of members, accounts and blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tallystick.errors import require
from tallystick.model.file import Record
from tallystick.model.permit import Permit
from tallystick.report.fields import Block, Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """What a report may say of a member."""

    code: str
    name_en: str
    name_zh: str
    member_class: str


@dataclass(slots=True, kw_only=True)
class Reader:
    """One reader of one report on one day; keeps the references to members it has made.

    `as_of` is the instant the report stands at, `today` its day, both as ISO text.
    """

    permit: Permit
    as_of: str
    today: str
    mask: Mask
    member_view: Callable[[str], MemberView]
    _members: dict[str, Block] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(
            self.permit.audience == "person" or self.permit.member_id is not None,
            "a lender's or furnisher's permit names its member",
        )

    @property
    def is_person(self) -> bool:
        """Whether the person herself reads."""
        return self.permit.audience == "person"

    @property
    def is_lender(self) -> bool:
        """Whether a lender reads."""
        return self.permit.audience == "lender"

    @property
    def is_furnisher(self) -> bool:
        """Whether a furnisher verifies what it sent."""
        return self.permit.audience == "furnisher"

    def wants(self, block: str) -> bool:
        """Whether the permit's scope lets a block of the report leave (no scope: all)."""
        return not self.permit.scope or block in self.permit.scope

    def owns(self, member_id: str | None) -> bool:
        """Whether `member_id` is the reader itself."""
        return member_id is not None and member_id == self.permit.member_id

    def sees(self, record: Record) -> bool:
        """Whether a record may be shown: a furnisher sees its own only, the others see all."""
        return not self.is_furnisher or self.owns(record.get("furnisher_id"))

    def sees_in_full(self, member_id: str) -> bool:
        """Whether sealed and restricted fields of that member's record may be shown."""
        return self.is_person or self.owns(member_id)

    def member(self, member_id: str) -> Block:
        """The reference to a member: with code and names for the person and for itself only."""
        known = self._members.get(member_id)
        if known is None:
            known = self._members[member_id] = self._reference(member_id)
        return known

    def _reference(self, member_id: str) -> Block:
        view = self.member_view(member_id)
        reference: Block = {
            "member_id": self.mask("member", member_id),
            "class": view.member_class,
            "is_own": self.owns(member_id),
        }
        if self.is_person or self.owns(member_id):
            reference["code"] = view.code
            reference["name_en"] = view.name_en
            reference["name_zh"] = view.name_zh
        return reference
