"""Accounts that an erasure took, as far as the roles of others in them still tell.

An account is kept under its first borrower; with her goes all that it says. Where somebody else on
file had a role in it, the statement of that role stays, so that his file says what it lacks.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import psycopg

from tallystick.ledger import fold, read

_HELD = """
select distinct p.object_id, p.party_id from ledger.account_party p
where p.holder_party_id = any(%s)
  and not exists (select from directory.object o where o.object_id = p.object_id)
"""


def erased_accounts(
    connection: psycopg.Connection[Any],
    parties: Collection[UUID],
    *,
    position: int | None = None,
    own_chunk: int | None = None,
) -> list[fold.Record]:
    """The accounts that were erased and in which these parties have a role that stands.

    Gives: a record for each account and holder, in a fixed order: `account_id`, the erased party
           it was kept under (`party_id`), `furnisher_id`, `holder_party_id`, and the earliest
           `valid_from` of the holder's roles
    """
    held = connection.execute(_HELD, (list(parties),)).fetchall()
    if not held:  # nearly always
        return []
    found = read.statements(
        connection,
        ("account_party",),
        parties={party for _, party in held},
        objects=[account for account, _ in held],
        position=position,
        own_chunk=own_chunk,
    )
    by_account: dict[UUID, list[fold.Statement]] = {}
    for one in found:
        by_account.setdefault(one.object_id, []).append(one)
    holders = {str(party) for party in parties}
    records: dict[tuple[str, str], fold.Record] = {}
    for account, statements in sorted(by_account.items()):
        standing = fold.standing(statements)
        for one in sorted(standing, key=lambda one: str(one.record["valid_from"])):
            holder = one.record["holder_party_id"]
            if holder in holders:
                records.setdefault((str(account), holder), _record(one, holder))
    return [records[key] for key in sorted(records)]


def _record(role: fold.Statement, holder: str) -> fold.Record:
    return {
        "account_id": str(role.object_id),
        "party_id": str(role.party_id),
        "furnisher_id": str(role.furnisher_id),
        "holder_party_id": holder,
        "valid_from": role.record["valid_from"],
    }
