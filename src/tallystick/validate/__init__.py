"""Validate: one record or a whole file against the rules in force, rules being data.

Takes:  typed records with their context columns (`context`), the rules in force (`registry`)
Gives:  findings, all faults of a row at once
Keeps:  one expression means the same in DuckDB and in Python; an absent value never makes a hit
Refuses: a rule that is incomplete or says what both carriers cannot say alike (ProfileError)
Source: `rules/*.toml`, each entry with its own
"""

from tallystick.validate.context import CONTEXT, ContextColumn, context_of
from tallystick.validate.judge import judge_record, judge_records, judge_table, read_sql
from tallystick.validate.registry import Rule, Rules, load_rules, read_rules
from tallystick.validate.unfounded import UNREADABLE, take_back

__all__ = [
    "CONTEXT",
    "UNREADABLE",
    "ContextColumn",
    "Rule",
    "Rules",
    "context_of",
    "judge_record",
    "judge_records",
    "judge_table",
    "load_rules",
    "read_rules",
    "read_sql",
    "take_back",
]
