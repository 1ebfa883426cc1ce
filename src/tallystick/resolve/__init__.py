"""Resolve, first cut: whose record is it?

Takes:  identity as a furnisher sent it, and identities already on file that share a token or a name
Gives:  a decision: which subject, on what ground, and whether a person must look at it
Keeps:  never merges a household: without an equal number only an exact name, an equal birth
        date and one more agreement link; everything weaker is a new subject and a case
Source: spine 6; measured traps of households
"""

from tallystick.resolve.agreements import AGREEING_FIELDS, agreements
from tallystick.resolve.compare import birth_dates_clash, clashes, names_alike, normal_name
from tallystick.resolve.decide import (
    Candidate,
    Decision,
    Identity,
    decide,
    evidence,
    is_another,
    passes,
)

__all__ = [
    "AGREEING_FIELDS",
    "Candidate",
    "Decision",
    "Identity",
    "agreements",
    "birth_dates_clash",
    "clashes",
    "decide",
    "evidence",
    "is_another",
    "names_alike",
    "normal_name",
    "passes",
]
