"""Who funds an account: furnished shares, and what is left as the originator's."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.model.file import FUNDING_ROLES, AccountLine, Record
from tallystick.model.money import format_minor
from tallystick.report.fields import FUNDING, Block, currency_of, has_ended
from tallystick.report.reader import Reader

WHOLE_PPB = 10**9
#: Roles that put money in; guarantors and servicers hold no share of the loan.


def share_text(ppb: int) -> str:
    """A share of the whole as a decimal string of nine places."""
    return f"{ppb // WHOLE_PPB}.{ppb % WHOLE_PPB:09d}"


def funding_block(account: AccountLine, *, reader: Reader) -> list[Block]:
    """The fundings of an account, with the originator's remainder as `implied`.

    Where both originator and funder speak of one share it is shown once if they say the same; if
    not, both words are shown with who states them, and the remainder goes by the funder's own.
    Time:     the remainder is of the shares in force on the reader's day; the last day of a share
              is its `valid_to`
    Missing:  no furnished funding: an empty list; shares and amounts mixed: the remainder is
              `not_computable`
    """
    if not account.fundings:
        return []
    ordered = sorted(account.fundings, key=_funding_order)
    if reader.is_furnisher:
        return [
            _of_account(funding, account=account, reader=reader)
            for funding in ordered
            if reader.sees({"furnisher_id": account.furnisher_id, **funding})
        ]
    own = {_share_of(one): one for one in ordered if one["funder_id"] == one.get("furnisher_id")}
    counted = [one for one in ordered if own.get(_share_of(one), one) is one]
    yielding = [one for one in ordered if _said(own.get(_share_of(one), one)) != _said(one)]
    disputed = {_share_of(one) for one in yielding}
    shown = []
    for funding in ordered:
        if funding in counted or funding in yielding:
            block = _of_account(funding, account=account, reader=reader)
            if _share_of(funding) in disputed:
                block["stated_by"] = reader.member(funding["furnisher_id"])
            shown.append(block)
    implied = _remainder(account, counted, today=reader.today)
    if implied is not None:
        shown.append(
            {
                "member": reader.member(account.furnisher_id),
                "role": "originator",
                "implied": True,
                **implied,
            }
        )
    return shown


def own_funding_block(funding: Record, *, reader: Reader) -> Block:
    """One funding as a furnisher that verifies it sent it, of an account another lends."""
    currency = currency_of(funding)
    block = {
        "account_id": reader.mask("account", funding["account_id"]),
        "originator": reader.member(funding["furnisher_id"]),
        **_funding(funding, currency=currency, reader=reader),
    }
    if currency is not None:
        block["currency"] = currency
    return block


def _funding_order(funding: Record) -> tuple[str, str, str, str]:
    said_by = funding.get("furnisher_id") or ""
    return funding["valid_from"], funding["funder_id"], funding["role"], said_by


def _share_of(funding: Record) -> tuple[str, str]:
    """Which share of the account a funding is about."""
    return funding["funder_id"], funding["valid_from"]


def _said(funding: Record) -> list[str | int | None]:
    """What a funding says of its share."""
    names = ("role", "valid_to", "share_ppb", "currency", "funded_amount_minor")
    return [funding.get(name) for name in names]


def _funding(funding: Record, *, currency: str | None, reader: Reader) -> Block:
    block = FUNDING.pick(funding, currency=currency, mask=reader.mask)
    block["member"] = reader.member(funding["funder_id"])
    block["implied"] = False
    share = funding.get("share_ppb")
    if share is not None:
        block["share"] = share_text(share)
    return block


def _of_account(funding: Record, *, account: AccountLine, reader: Reader) -> Block:
    """A funding of an account; an amount in another currency than the account's says which."""
    usual = account.terms.get("currency")
    currency = currency_of(funding, usual)
    block = _funding(funding, currency=currency, reader=reader)
    if "funded_amount" in block and currency is not None and currency != usual:
        block["currency"] = currency
    return block


def _remainder(account: AccountLine, counted: Sequence[Record], *, today: str) -> Block | None:
    held = [
        funding
        for funding in counted
        if funding["role"] in FUNDING_ROLES
        and funding["valid_from"] <= today
        and not has_ended(funding, "valid_to", today=today)
    ]
    if not held:
        return {"share": share_text(WHOLE_PPB)}
    if all(funding.get("share_ppb") is not None for funding in held):
        left = WHOLE_PPB - sum(funding["share_ppb"] for funding in held)
        return {"share": share_text(left)} if left > 0 else None
    return _amount_left(account, held)


def _amount_left(account: AccountLine, held: Sequence[Record]) -> Block | None:
    amounts = [funding.get("funded_amount_minor") for funding in held]
    principal = account.terms.get("principal_minor")
    currency = account.terms["currency"]
    if any(funding.get("currency", currency) != currency for funding in held):
        return {"share": {"not_computable": "funded in another currency"}}
    if principal is None:
        return {"share": {"not_computable": "principal not reported"}}
    known = [amount for amount in amounts if amount is not None]
    if len(known) < len(amounts):
        return {"share": {"not_computable": "shares and amounts mixed"}}
    left = principal - sum(known)
    return {"funded_amount": format_minor(left, currency)} if left > 0 else None
