"""The gate: consents as signed artefacts, and permits, which nothing else can mint.

Takes:   a consent artefact; who asks, for what purpose, under which permit
Gives:   a checked artefact; a `Permit`, or a refusal by raising
Keeps:   a consent names its subject by a salted hash only; every limit in it is enforced
Refuses: `Refused` with a code; never a flag that a caller could ignore
Source:  spine 7
"""

from tallystick.consent.artefact import (
    Artefact,
    BadSalt,
    check_subject,
    read_artefact,
    read_kept,
    require_form,
    require_salt,
    subject_hash,
)
from tallystick.consent.form import Unformed
from tallystick.consent.mint import Standing, mint, mint_again, permit_text
from tallystick.consent.refusals import refused

__all__ = [
    "Artefact",
    "BadSalt",
    "Standing",
    "Unformed",
    "check_subject",
    "mint",
    "mint_again",
    "permit_text",
    "read_artefact",
    "read_kept",
    "refused",
    "require_form",
    "require_salt",
    "subject_hash",
]
