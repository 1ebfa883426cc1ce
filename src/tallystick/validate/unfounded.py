"""Findings that rest on a cell nobody could read: taken back, for their advice would be false.

Such a cell stands as NULL in the typed row. A rule that asks whether a value is there, or compares
the row with what is on file, would take it for one that was never sent. The fault of the cell is
reported; the rule speaks when the row comes again with the cell mended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from tallystick.validate.columns import columns_of
from tallystick.validate.registry import Rule

#: Any field of the record.
WHOLE = "*"
_ACCOUNT = ("originator", "account_number")
_PERSON = ("person_number", "account_number", "role", "holder_no")
_SERIES = ("account_number", "payer_account_number", "period_end")
_SHARES = ("originator", "account_number", "funder", "role", "valid_from", "valid_to", "share")
#: By context column that says something else where a cell is NULL: the fields it is made of.
RESTS_ON: Mapping[str, tuple[str, ...]] = {
    "duplicate_line_no": (WHOLE,),
    "duplicate_is_equal": (WHOLE,),
    "exists_already": (WHOLE,),
    "parent_exists": (*_PERSON, "originator", "object_type"),
    "parent_is_own": ("member", *_PERSON),
    "former_state": (*_PERSON, "valid_from", "formerly_furnisher", "formerly_account_number"),
    "holder_is_known": _PERSON,
    "consent_state": ("consent_ref", *_PERSON),
    "funder_is_member": ("funder",),
    "originator_is_member": ("originator",),
    "caller_is_originator": ("originator",),
    "caller_is_funder": ("funder",),
    "other_shares_ppb": _SHARES,
    "most_other_shares_ppb": _SHARES,
    "sent_shares": _SHARES,
    "originator_share_ppb": _SHARES,
    "account_balance_minor": _ACCOUNT,
    "prev_period_end": _SERIES,
    "prev_bucket_rank": _SERIES,
    "prev_bucket_kind": _SERIES,
    "prev_balance_minor": _SERIES,
    "prev_first_delinquency_on": _SERIES,
    "prev_status": _SERIES,
    "prev_is_adjacent": _SERIES,
    "reopened_since": _SERIES,
}


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
    """Delete from the table `finding` what rests on a cell that `fault` rejects.

    Takes:    `fault` as staging makes it; `finding` as `judge_table` makes it from those rules
    """
    unreadable = (
        "fault x where x.severity = 'reject' and starts_with(x.rule_id, 'FMT-')"
        " and x.line_no is not null"
    )
    if con.execute(f"select 1 from {unreadable} limit 1").fetchone() is None:
        return
    pairs = [(rule.rule_id, field) for rule in rules for field in sorted(rests_on(rule))]
    con.execute("create or replace temp table rests_on (rule_id varchar, field varchar)")
    con.execute(
        "insert into rests_on select unnest(?), unnest(?)",
        [[pair[0] for pair in pairs], [pair[1] for pair in pairs]],
    )
    con.execute(
        "delete from finding where (line_no, rule_id) in (select (x.line_no, q.rule_id)"
        f" from rests_on q, {unreadable} and q.field in (x.field, '{WHOLE}'))"
    )
