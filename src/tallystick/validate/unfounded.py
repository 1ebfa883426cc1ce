"""Findings that may not stand: taken back before anybody sees them.

Some rest on a cell nobody could read. Such a cell stands as NULL in the typed row. A rule that asks
whether a value is there, or compares the row with what is on file, would take it for one that was
never sent. The fault of the cell is reported; the rule speaks when the row comes again with the
cell mended.

Others compare a row with what is on file of an account its sender has no part in: what they say,
and whether they say it, would tell a stranger who funds it, since when, and how it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from tallystick.validate.columns import columns_of
from tallystick.validate.context import AROUND, FIRST_DAYS
from tallystick.validate.registry import Rule

#: The lines that cannot be read, from the table `fault` as staging makes it.
UNREADABLE = (
    "select line_no from fault where severity = 'reject' and starts_with(rule_id, 'FMT-')"
    " and line_no is not null"
)
#: Any field of the record.
WHOLE = "*"
_ACCOUNT = ("originator", "account_number")
_PERSON = ("person_number", "account_number", "role", "holder_no")
_NUMBERS = ("agreement_number", "guarantee_number", "payer_account_number")
_SERIES = ("account_number", "payer_account_number", "period_end")
_SHARES = ("originator", "account_number", "funder", "role", "valid_from", "valid_to", "share")
_TERMS = ("account_number", "valid_from", "formerly_furnisher", "formerly_account_number")
_WHOLE_OF = ("product", "currency", "principal", "credit_limit")
_AMOUNTS = (*_SHARES, "currency", "funded_amount")
#: By context column that says something else where a cell is NULL: the fields it is made of.
RESTS_ON: Mapping[str, tuple[str, ...]] = {
    "duplicate_line_no": (WHOLE,),
    "duplicate_is_equal": (WHOLE,),
    "exists_already": (WHOLE,),
    "newer_was_taken": (WHOLE,),
    "parent_exists": (*_PERSON, "originator", "object_type"),
    "parent_is_own": ("member", "originator", *_PERSON),
    "former_state": (*_PERSON, "valid_from", "formerly_furnisher", "formerly_account_number"),
    "place_state": _PERSON,
    "agreement_is_known": ("agreement_number",),
    "agreement_is_others": ("agreement_number", *_PERSON),
    "person_is_other": (*_PERSON, *_NUMBERS),
    "holder_is_known": _PERSON,
    "has_other_role": (*_PERSON, "valid_from", "valid_to"),
    "is_taken": (*_PERSON, "valid_from", "valid_to"),
    "consent_state": (WHOLE,),
    "funder_is_member": ("funder",),
    "originator_is_member": ("originator",),
    "caller_is_originator": ("originator",),
    "caller_is_funder": ("funder",),
    "most_other_shares_ppb": _SHARES,
    "sent_shares": _SHARES,
    "funded_minor": _AMOUNTS,
    "most_other_funded_minor": _AMOUNTS,
    "sent_amounts": _AMOUNTS,
    "most_funded_minor": (*_TERMS, *_WHOLE_OF),
    "largest_funded_minor": (*_TERMS, *_WHOLE_OF),
    "is_stated_otherwise": (WHOLE,),
    "is_over_with_claims": (WHOLE,),
    "account_balance_minor": _ACCOUNT,
    "prev_period_end": _SERIES,
    "prev_bucket_rank": _SERIES,
    "prev_bucket_kind": _SERIES,
    "prev_balance_minor": _SERIES,
    "prev_first_delinquency_on": _SERIES,
    "prev_status": _SERIES,
    "prev_is_adjacent": _SERIES,
    "reopened_since": _SERIES,
    "on_file_is_own": ("account_number", "period_end"),
    **dict.fromkeys((*AROUND, *FIRST_DAYS), (WHOLE,)),
    "reopened_since_closing": ("account_number", "period_end"),
    "was_reopened": ("account_number", "event_type", "occurred_at"),
    "leaves_account_open": ("account_number", "event_type", "occurred_at"),
    "account_closed_reason": ("account_number", "period_end"),
    "closing_event_on": ("account_number", "period_end"),
    "lived_on": (WHOLE,),
    "on_file_closed_on": _TERMS,
    "owed_on": _TERMS,
    "owed_given_up_on": _TERMS,
    "ran_on": _TERMS,
    "late_given_up_on": _TERMS,
}


#: Context columns by which a rule says that a row is not its sender's to send.
OWNERSHIP = frozenset(
    {
        "parent_is_own",
        "target_is_own",
        "on_file_is_own",
        "account_is_anothers",
        "caller_is_originator",
        "caller_is_funder",
    }
)


def rests_on(rule: Rule) -> frozenset[str]:
    """The native fields a hit of the rule rests on; `WHOLE` among them where it is the record."""
    found = set(rule.fields)
    for name in rule.expression.columns if rule.expression else ():
        found.update(RESTS_ON.get(name, ()))
        if any(
            name in columns_of(dataset) and columns_of(dataset)[name].field_type == "money"
            for dataset in rule.datasets
        ):
            found.add("currency")  # an amount cannot be read without its currency's digits
    return frozenset(found)


def take_back(con: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    """Delete from the table `finding` what may not stand.

    Takes:    `fault` as staging makes it; `finding` as `judge_table` makes it from those rules
    """
    _of_strangers(con, rules)
    _of_unreadable(con, rules)


def says_whose(rule: Rule) -> bool:
    """Whether a hit of the rule means that the row is not its sender's to send."""
    columns = rule.expression.columns if rule.expression else ()
    return rule.severity == "reject" and not OWNERSHIP.isdisjoint(columns)


def _of_strangers(con: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    whose = [rule.rule_id for rule in rules if says_whose(rule)]
    compare = [rule.rule_id for rule in rules if rule.needs != "row" and not says_whose(rule)]
    con.execute(
        "delete from finding where rule_id in (select unnest($compare)) and line_no in"
        " (select line_no from finding where rule_id in (select unnest($whose)))",
        {"compare": compare, "whose": whose},
    )


def _of_unreadable(con: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    unreadable = (
        "fault x where x.severity = 'reject' and starts_with(x.rule_id, 'FMT-')"
        " and x.line_no is not null"
    )
    if con.execute(f"select 1 from {unreadable} limit 1").fetchone() is None:
        return
    rows = [
        (part.rule_id, part.field or "", field)
        for rule in rules
        for part in rule.parts()
        for field in sorted(rests_on(part))
    ]
    con.execute("create or replace table rests_on (rule_id varchar, place varchar, field varchar)")
    con.execute(
        "insert into rests_on select unnest(?), unnest(?), unnest(?)",
        [[row[at] for row in rows] for at in range(3)],
    )
    con.execute(
        "delete from finding where (line_no, rule_id, coalesce(field, '')) in"
        " (select (x.line_no, q.rule_id, q.place)"
        f" from rests_on q, {unreadable} and q.field in (x.field, '{WHOLE}'))"
    )
