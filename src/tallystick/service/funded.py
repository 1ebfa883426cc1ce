"""What a member may verify of accounts it funds and another lends: what it sent of its share.

By the originator's word: whoever says of itself that it funds an account might be anybody, and
would learn whose account it is. Where the originator names the member as a funder too, it may
compare what it sent; of the account itself it sees nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson

from tallystick.ledger import fold
from tallystick.model.file import FUNDING_ROLES, Record
from tallystick.service.read_file import AccountRow


def lenders(accounts: Iterable[AccountRow], member: str) -> set[str]:
    """The furnishers of a person's accounts whose funding the member may verify."""
    return {
        row.furnisher_id
        for row in accounts
        if row.furnisher_id != member and _is_known(orjson.loads(row.terms)["fundings"], member)
    }


def furnished(
    statements: Sequence[fold.Statement], member_id: UUID, own: Collection[str]
) -> list[dict[str, Any]]:
    """What stands of a member's own words on its shares of one account.

    Takes: `statements` of the account; `own` are the person's parties
    Gives: fundings with the account's `account_id` and `furnisher_id`; none where the person does
           not hold it, where the member lends it itself, or where the originator does not name it
    """
    member = str(member_id)
    kept = fold.standing(statements)
    folded = fold.fold_account(statements)
    if folded is None or folded.holder_roles.keys().isdisjoint(own):
        return []
    if any(one.dataset == "account" and one.furnisher_id == member_id for one in kept):
        return []
    fundings = folded.terms["fundings"]
    if not _is_known(fundings, member):
        return []
    about = {"account_id": str(folded.account_id), "furnisher_id": str(folded.furnisher_id)}
    return [{**one, **about} for one in fundings if _is_own(one, member)]


def _is_known(fundings: Sequence[Record], member: str) -> bool:
    """Whether the member sent a share of its own, and the originator names it as a funder."""
    return any(_is_own(one, member) for one in fundings) and any(
        one["funder_id"] == member and one["stated_by"] != member and one["role"] in FUNDING_ROLES
        for one in fundings
    )


def _is_own(funding: Record, member: str) -> bool:
    return bool(funding["funder_id"] == funding["stated_by"] == member)
