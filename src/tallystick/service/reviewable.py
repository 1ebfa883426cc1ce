"""Whether a member may review a person's file: an open account of hers that it lends or funds."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import orjson

from tallystick.model.file import FUNDING_ROLES, Record
from tallystick.profile import ProfileAt
from tallystick.report.closed import is_closed
from tallystick.report.codes import codes_of
from tallystick.service.her_events import asked_at
from tallystick.service.read_file import Material, account_line


def has_open_account(
    material: Material, member_id: UUID, *, profile: ProfileAt, now: datetime
) -> bool:
    """Whether an account of hers that the member furnishes or funds is open.

    What a report would call closed is closed here too, and where her role has ended or not begun
    the account is not hers. Who funds it goes by the originator's word: whoever says of itself
    that it funds a loan might be anybody.

    Takes: `now`: an instant on the profile's day
    """
    member, today = str(member_id), profile.day.isoformat()
    own, codes = material.own_parties(), codes_of(profile)
    asked = asked_at(profile, now)
    for row in material.standing_accounts():
        terms = orjson.loads(row.terms)
        if row.furnisher_id != member and not _funds(terms, member, today):
            continue
        line = account_line(row, own, {}, today=today, in_full=None, asked=asked)
        if line is not None and line.role_ended_on is None and not is_closed(line, codes=codes):
            return True
    return False


def _funds(terms: Record, member: str, today: str) -> bool:
    return any(
        one["funder_id"] == member
        and one["valid_from"] <= today <= one.get("valid_to", "9999")
        and one["role"] in FUNDING_ROLES
        and one["stated_by"] != member
        for one in terms["fundings"]
    )
