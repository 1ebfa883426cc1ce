"""Ids at the edges: a prefix and a UUID (version 7 for acts), never made from personal data.

Places in the ledger's order too: outside it they are text.
"""

from __future__ import annotations

import re
from uuid import UUID

_EDGE = re.compile(r"([a-z]{3})_([0-9a-f]{32})")


def edge_id(prefix: str, identity: UUID) -> str:
    """`inq_018f…`: the form an act's id takes in API, CLI and pages."""
    return f"{prefix}_{identity.hex}"


def parse_edge_id(prefix: str, text: str) -> UUID | None:
    """The UUID of an edge id; None when the text is not one with that prefix."""
    match = _EDGE.fullmatch(text)
    return UUID(match.group(2)) if match and match.group(1) == prefix else None


def edge_position(position: int) -> str:
    """A position as API, CLI and reports give it: the same place or another, and nothing more."""
    return str(position)


def plain_id(text: str) -> UUID | None:
    """The id a text is in the one form ids are written; None for any other text."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None


def cited_id(prefix: str, text: str) -> UUID | None:
    """The id a record cites an act by, as a plain id or as the edges give it; None for others."""
    return plain_id(text) or parse_edge_id(prefix, text)
