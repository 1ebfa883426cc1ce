"""What a consent must say to be taken: asked once, when it is registered.

A consent taken before any of this was asked stands as it was signed: reading an artefact again, for
the person or for a proof, does not judge its terms anew.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from tallystick.consent.artefact import Artefact
from tallystick.errors import BadRequest

#: The purpose of a consent to furnish; no inquiry is made for it, so no profile lists it.
FURNISHING: Final = "furnishing"
#: Data classes that are no part's own name, and let several parts leave (`mint.scope_of`).
WORDS: Final = frozenset({"loans", "performance"})


def check_terms(
    artefact: Artefact,
    *,
    now: datetime,
    purposes: Collection[str],
    data_classes: Collection[str],
) -> None:
    """Refuse what nobody can have agreed to before `now`, or what the bureau cannot keep to.

    Takes:  `purposes` the profile knows on that day; `data_classes`: the names of a report's parts
    Raises: BadRequest consent_given_later (after now, or after its own end),
            consent_unknown_word (purpose or data class)
    """
    if artefact.given_at > min(now, artefact.valid_to):
        raise BadRequest(
            "consent_given_later", "`given_at` must lie neither after now nor after `valid_to`"
        )
    if artefact.purpose not in purposes and artefact.purpose != FURNISHING:
        raise BadRequest(
            "consent_unknown_word", f"`purpose` is none of the profile's, nor `{FURNISHING}`"
        )
    if not WORDS.union(data_classes).issuperset(artefact.data_classes):
        known = ", ".join(sorted(WORDS.union(data_classes)))
        raise BadRequest("consent_unknown_word", f"`data_classes` may name only: {known}")
