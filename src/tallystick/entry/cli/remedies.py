"""What to do at the command line, where the catalogue's words are those of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: By code; empty where the detail of the case says all there is to do.
REMEDIES: Final[Mapping[str, str]] = {
    "invalid_request": "",
    "unknown_dataset": "",
    "purpose_unknown": "",
    "parent_other_dataset": (
        "By --parent name the submission whose rejects these are, mended, or none: what is sent"
        " counts the same."
    ),
    "unknown_rule": "`tallystick rules list` lists the rules.",
    "not_found": "Check the id; what belongs to others looks as if it were not there.",
    "not_authenticated": (
        "A key that was revoked, or is of another bureau, is not taken; the operator makes a new"
        " one: `tallystick keys create CODE`."
    ),
    "sign_in_required": (
        "A session lasts twelve hours; `tallystick sign-in person --subject FILE --session` prints"
        " a new one's secret."
    ),
    "idempotency_key_reused": (
        "Give another --idempotency-key; the first request stands and was not changed."
    ),
    "consent_missing": (
        "Register the person's consent (`tallystick consents register`) and name its id by"
        " --consent."
    ),
    "consent_too_long": "Shorten its period.",
    "consent_unknown_word": (
        "Use the purposes of the profile in force, or `furnishing`, and the classes of data named"
        " above."
    ),
    "unavailable": "Try again shortly; for an inquiry, with the same --idempotency-key.",
}
