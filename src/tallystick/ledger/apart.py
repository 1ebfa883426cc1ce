"""Parties set apart: whose further record cannot be the same person's as what it said before.

Such a party has a subject of its own that no number leads to, until a person decides or its
furnisher takes the record back. Its link says so by who decided it, for good.
"""

from __future__ import annotations

#: Who decided a link that sets a party apart; no operator may decide under this name.
SET_APART_BY = "bureau:apart"
_APART = "(select from identity.link a where a.subject_id = {subject} and a.decided_by = '{by}')"


def is_apart_sql(subject: str) -> str:
    """Whether the subject a column names was made to set a party apart."""
    return f"exists {_APART.format(subject=subject, by=SET_APART_BY)}"
