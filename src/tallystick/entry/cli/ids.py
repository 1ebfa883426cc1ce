"""Ids as people see and type them: a prefix and a UUID."""

from __future__ import annotations

from typing import Final, Literal
from uuid import UUID

import typer

from tallystick.model.ids import edge_id, parse_edge_id

Kind = Literal[
    "submission", "inquiry", "consent", "subject", "party", "account", "case", "key", "member"
]
PREFIXES: Final[dict[Kind, str]] = {
    "submission": "sbm",
    "inquiry": "inq",
    "consent": "cns",
    "subject": "sbj",
    "party": "pty",
    "account": "acc",
    "case": "cas",
    "key": "key",
    "member": "mem",
}


def shown(kind: Kind, identity: UUID) -> str:
    """The id with its prefix."""
    return edge_id(PREFIXES[kind], identity)


def read(kind: Kind, text: str) -> UUID:
    """The UUID of a typed id, with its prefix or bare.

    Raises: typer.BadParameter when it is neither
    """
    prefix = PREFIXES[kind]
    found = parse_edge_id(prefix, text)
    if found is not None:
        return found
    try:
        return UUID(text)
    except ValueError:
        article = "an" if kind[0] in "aeiou" else "a"
        raise typer.BadParameter(
            f"not the id of {article} {kind}: {prefix}_ and 32 hex digits"
        ) from None
