"""Whom an identity number leads to: by the records that stand, not by all that ever came.

`directory.token_subject` keeps every number a person's records ever gave her: her looks and
consents are found by them. To whom a number leads is less: a number that was mistyped and mended is
another's, who must not be given her file, nor come into it.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
import psycopg

from tallystick.ledger import seal
from tallystick.service.port import Deps, Keys

#: The label personal fields of a subject record are sealed under.
LABEL = b"subject"


def number_of(version: Mapping[str, Any], personal: Mapping[str, Any]) -> tuple[str, str] | None:
    """The (scheme, number) a version of a party gives; None where it gives none.

    Takes: a version as the file has it, and what it seals, unsealed
    """
    scheme, number = version.get("identifier_scheme"), personal.get("identifier_number")
    return (scheme, number) if scheme and number else None


def number_token(
    keys: Keys, version: Mapping[str, Any], personal: Mapping[str, Any]
) -> bytes | None:
    """The token of `number_of`."""
    number = number_of(version, personal)
    return None if number is None else keys.identity_token(*number)


def led_to(
    deps: Deps, connection: psycopg.Connection[Any], tokens: Collection[bytes]
) -> dict[bytes, set[UUID]]:
    """The subjects each number leads to; numbers that lead to nobody are left out.

    Takes:   a connection of a role that reads every file
    Missing: to a subject of whom no record stands, every number leads that it ever had
    """
    tied = connection.execute(
        "select t.token, t.subject_id, f.document from directory.token_subject t"
        " left join file.subject f using (subject_id) where t.token = any(%s)",
        (list(tokens),),
    ).fetchall()
    documents = {subject: orjson.loads(document or "{}") for _, subject, document in tied}
    carried = {subject: _carried(deps, one) for subject, one in documents.items()}
    found: dict[bytes, set[UUID]] = {}
    for token, subject, _ in tied:
        numbers = carried[subject]
        if numbers is None or bytes(token) in numbers:
            found.setdefault(bytes(token), set()).add(subject)
    return found


def _carried(deps: Deps, document: Mapping[str, Any]) -> set[bytes] | None:
    """The tokens of every version in a document; None where none can be read."""
    parties: Sequence[Mapping[str, Any]] = document.get("parties", ())
    keys = deps.vault.get([UUID(one["party_id"]) for one in parties])
    versions = [
        (keys[UUID(one["party_id"])], version)
        for one in parties
        for version in one["versions"]
        if UUID(one["party_id"]) in keys and "sealed" in version
    ]
    if not versions:
        return None
    found = {
        number_token(
            deps.keys, version, seal.unseal(key, base64.b64decode(version["sealed"]), LABEL)
        )
        for key, version in versions
    }
    return {one for one in found if one is not None}
