"""Which party of a person an id of a report names, for an operator who parts what was linked.

The ids a report shows are keyed by its reader. Who has one has read a report already, which is a
look; to find the party behind it nothing of hers is handed out but how it was linked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tallystick.errors import BadRequest
from tallystick.model.ids import parse_edge_id
from tallystick.service.answers import mask_of
from tallystick.service.members import members
from tallystick.service.port import Deps

_LINKED = """
select ps.party_id, k.decision, k.decided_by, k.decided_at
from directory.party_subject ps
cross join lateral (select decision, decided_by, decided_at from identity.link l
  join ledger.publication p using (chunk_id) where l.party_id = ps.party_id
  order by p.position desc limit 1) k
where ps.subject_id = %s order by ps.party_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedParty:
    """A party, and by which decision it is its subject's: `token` where its number led there."""

    party_id: UUID
    decision: str
    decided_by: str
    decided_at: datetime


def party_shown(deps: Deps, subject_id: UUID, shown: UUID) -> LinkedParty:
    """The party of a subject that an id names: our own, or as a report shows it to her or a member.

    Raises: BadRequest `not_found` when it names none of hers
    """
    with deps.database.connect("intake") as connection:
        found = [
            LinkedParty(party_id=party_id, decision=decision, decided_by=by, decided_at=at)
            for party_id, decision, by, at in connection.execute(_LINKED, (subject_id,))
        ]
    for one in found:
        if shown == one.party_id:
            return one
    for reader in (subject_id, *(one.member_id for one in members(deps))):
        for one, masked in _masked(deps, reader, found):
            if shown == masked:
                return one
    raise BadRequest(
        "not_found", "no party of this person has this id, nor is it shown so in a report of hers"
    )


def _masked(
    deps: Deps, reader: UUID, parties: list[LinkedParty]
) -> Iterator[tuple[LinkedParty, UUID | None]]:
    """Parties with the ids that one reader is shown."""
    mask = mask_of(deps.keys.member_id_key(reader))
    for one in parties:
        yield one, parse_edge_id("pty", mask("party", str(one.party_id)))
