"""Check a consent with nothing but its own text: for the person, who need not trust the bureau."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallystick.consent import check_subject, read_artefact
from tallystick.errors import BadRequest


def check(
    artefact: str, jwk: Mapping[str, str], *, salt: str, subject: tuple[str, str]
) -> dict[str, Any]:
    """Whether the signature holds, whether it names (scheme, number), and what it says.

    Missing:  what it says is not given when the signature does not hold: it is nobody's word
    """
    try:
        read = read_artefact(artefact, jwk)
    except BadRequest:
        return {"signature": False, "names_this_person": False}
    scheme, number = subject
    try:
        check_subject(read, salt=salt, scheme=scheme, number=number)
    except BadRequest:
        names_this_person = False
    else:
        names_this_person = True
    return {
        "signature": True,
        "names_this_person": names_this_person,
        "captured_by": read.captured_by,
        "recipient": read.recipient,
        "purpose": read.purpose,
        "data_classes": list(read.data_classes),
        "given_at": read.given_at,
        "valid_from": read.valid_from,
        "valid_to": read.valid_to,
    }
