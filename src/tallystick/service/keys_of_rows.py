"""What a row's references and keys are, by dataset: one table of SQL fragments over DuckDB rows."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from tallystick.ledger.fold import OWN_MARK
from tallystick.service.references import Job, holder_sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How the rows of one dataset name what they hang on.

    `references`: (kind, number expression) looked up before judging; `parent`: the reference that
    must be on file, else the row is pending; `second`: one that must be there too, as a rule of
    the dataset says; `own`: the kind of object the row itself makes; `item_key`: what tells two
    records of one object apart.
    """

    references: tuple[tuple[str, str], ...]
    item_key: str
    parent: str | None = None
    second: str | None = None
    own: str | None = None


_HOLDER_OF_ACCOUNT = (
    "case when r.person_number is not null then 'p' || chr(31) || r.person_number"
    " else 'h' || chr(31) || r.account_number || chr(31) || 'borrower' || chr(31) || '1' end"
)
_PERSON = "'p' || chr(31) || r.person_number"

SHAPES: dict[str, Shape] = {
    "subject": Shape(
        references=(("person", holder_sql("r")),), item_key="r.valid_from::varchar", own="person"
    ),
    "account": Shape(
        references=(
            ("account", "r.account_number"),
            ("person", _HOLDER_OF_ACCOUNT),
            ("agreement", "r.agreement_number"),
        ),
        item_key="r.valid_from::varchar",
        parent="person",
        second="agreement",
        own="account",
    ),
    "account_party": Shape(
        references=(("account", "r.account_number"), ("person", holder_sql("r"))),
        item_key="r.role || '|' || r.holder_no::varchar || '|' || r.valid_from::varchar",
        parent="account",
        second="person",
    ),
    "snapshot": Shape(
        references=(("account", "r.account_number"),),
        item_key="r.period_end::varchar",
        parent="account",
    ),
    "event": Shape(
        references=(("account", "r.account_number"),), item_key="r.event_id", parent="account"
    ),
    "agreement": Shape(
        references=(("agreement", "r.agreement_number"), ("person", _PERSON)),
        item_key="r.valid_from::varchar",
        parent="person",
        own="agreement",
    ),
    "guarantee": Shape(
        references=(
            ("guarantee", "r.guarantee_number"),
            ("person", _PERSON),
            ("account", "r.account_number"),
        ),
        item_key="r.valid_from::varchar",
        parent="person",
        second="account",
        own="guarantee",
    ),
    "funding": Shape(
        references=(("account", "r.account_number"),),
        item_key="r.funder || '|' || r.valid_from::varchar",
        parent="account",
    ),
    "payment": Shape(
        references=(("payer_account", "r.payer_account_number"), ("person", _PERSON)),
        item_key="r.period_end::varchar",
        parent="person",
        own="payer_account",
    ),
    "remark": Shape(
        references=(
            ("account", "case when r.object_type = 'account' then r.account_number end"),
            ("person", f"case when r.object_type = 'party' then {_PERSON} end"),
        ),
        item_key="r.kind || '|' || r.valid_from::varchar",
        parent="account_or_person",
    ),
    "member": Shape(references=(), item_key="r.valid_from::varchar"),
}


_PARTIES = {
    "subject": "p.party_id",
    "remark": "coalesce(a.party_id, p.party_id)",
    "agreement": "o.party_id",
    "guarantee": "o.party_id",
    "payment": "o.party_id",
}


def party_sql(dataset: str) -> str:
    """The party a row on file is kept under, over the joins of `service/context.py`."""
    return _PARTIES.get(dataset, "a.party_id")


def own_suffix(furnisher_id: UUID) -> str:
    """What makes an item key its furnisher's own, where two may speak under the same.

    Of an account that was another's first a buyer's event may have the id of a seller's, its remark
    the kind and day of a seller's, and its terms may begin on the day of the seller's closing; of a
    share both the loan's originator and the funder may speak, and both words stand.
    """
    return f"{OWN_MARK}{furnisher_id}"


#: Where two furnishers may speak under one key: the table of what may be another's. It holds
#: nothing for most files, and to look there costs a single record 3 ms.
_ANOTHERS = {"account": "others_terms", "event": "taken_over", "remark": "taken_over"}


def item_key_sql(job: Job, account: str = "a.object_id") -> str:
    """The item key of a furnisher's row in the ledger.

    Takes: `account`: the id of its account; `taken_over` holds those that were another's first,
           `others_terms` the keys of terms that are another's, `member_ref` the members by code
    """
    key = SHAPES[job.dataset].item_key
    if job.dataset in _ANOTHERS and not job.filled(_ANOTHERS[job.dataset]):
        return key
    if job.dataset == "account":
        # Only where another has the day: terms of all other days are found under it alone.
        is_shared = f"({account}, {key}) in (select (object_id, item_key) from others_terms)"
    elif job.dataset in ("event", "remark"):
        is_shared = f"{account} in (select object_id from taken_over)"
    elif job.dataset == "funding":
        is_shared = (
            f"r.originator in (select code from member_ref where member_id <> '{job.furnisher_id}')"
        )
    else:
        return key
    return f"case when {is_shared} then {key} || '{own_suffix(job.furnisher_id)}' else {key} end"


def file_key_sql(dataset: str, account: str = "r.account_number") -> str:
    """What makes two rows of one file the same record.

    Takes: `account`: what an account is told by, where one number of it is not enough
    """
    shape = SHAPES[dataset]
    parts = [number for _, number in shape.references]
    if dataset == "account":
        parts = ["r.account_number"]
    elif dataset == "agreement":
        parts = ["r.agreement_number"]
    elif dataset == "guarantee":
        parts = ["r.guarantee_number"]
    elif dataset == "payment":
        parts = ["r.payer_account_number"]
    elif dataset == "funding":
        parts = ["r.originator", "r.account_number"]
    elif dataset == "member":
        parts = ["r.member"]
    parts = [part.replace("r.account_number", account) for part in parts]
    coalesced = [f"coalesce(({part})::varchar, '')" for part in (*parts, shape.item_key)]
    return " || chr(30) || ".join(coalesced)
