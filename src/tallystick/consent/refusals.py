"""What is said of each refusal of an inquiry.

The same words when it is made and when it is told again under its Idempotency-Key: they rest on no
more than the look holds and the request repeats.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick.errors import Refused

_WHY: Final[Mapping[str, str]] = {
    "history_not_permitted": "`as_of` or `known_at` was given",
    "purpose_not_permitted": "the profile does not allow your class this purpose on this legal"
    " basis",
    "no_open_account": "no open account of yours with this person is on file",
    "consent_missing": "no consent of the id given is registered",
    "consent_other_subject": "it does not name this person",
    "consent_other_recipient": "its recipient is not you",
    "consent_other_purpose": "its purpose is not the one asked",
    "consent_withdrawn": "it was withdrawn before now",
    "consent_not_yet": "its `valid_from` or its `given_at` is still to come",
    "consent_expired": "its `valid_to` has come",
    "consent_used_up": "every use that the consent allows was made before",
}


def refused(code: str, *, names_consent: bool = True) -> Refused:
    """The refusal of a code.

    Takes:   `names_consent`: whether the inquiry named one, for `consent_missing`
    Missing: a code of another version of this program has no detail
    """
    if code == "consent_missing" and not names_consent:
        return Refused(code, "the inquiry names no consent")
    return Refused(code, _WHY.get(code, ""))
