"""Consents of a file that the gate refuses: what its furnisher is told of each, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallystick.consent import BadSalt, Unformed
from tallystick.errors import BadRequest
from tallystick.furnish import start_of
from tallystick.service import intake_store
from tallystick.service.references import Job
from tallystick.validate.judge import LONGEST_SEEN

#: What a refused consent is reported as, by the gate's code.
RULES: Final[Mapping[str, str]] = {
    "bad_consent": "CNS-SIGN-001",
    "consent_other_subject": "CNS-SUBJ-001",
    "consent_other_member": "CNS-CAPT-001",
    "consent_too_long": "CNS-LIFE-001",
    "consent_given_later": "CNS-GIVEN-001",
    "consent_unknown_word": "CNS-WORD-001",
    "consent_exists": "CNS-ID-001",
    "unknown_member": "CNS-RCPT-001",
    "identifier_invalid": "CNS-NUM-001",
}
#: ... and where a member of its payload is not as promised.
_UNFORMED_RULE = "CNS-FORM-001"
#: ... and where the salt is not.
_SALT_RULE = "CNS-SALT-001"
#: ... and in which place: after all that the rules found, before what is no fault of the row's.
_ORDER = intake_store.JUDGED_AGAIN - 2

#: A finding and its number.
Refused = tuple[int, intake_store.FindingRow]


def finding(job: Job, row: Mapping[str, Any], error: BadRequest) -> Refused:
    """The finding of a refused row; `seen`: its number, or the member of the payload at fault."""
    line_no, field, seen = row["line_no"], "artefact", None
    if error.code == "identifier_invalid":
        field, seen = "identifier_number", row["identifier_number"][:LONGEST_SEEN]
    elif isinstance(error, BadSalt):
        field, seen = "salt", row["salt"][:LONGEST_SEEN]
    elif isinstance(error, Unformed):
        seen = error.member
    rule_id = _rule_of(error)
    found = intake_store.FindingRow(
        line_no=line_no, column_no=job.places.get(field),
        byte_offset=start_of(job.con, line_no), field=field, rule_id=rule_id, severity="reject",
        seen=seen, other_line_no=None,
    )  # fmt: skip
    return line_no * intake_store.FINDINGS_PER_LINE + _ORDER, found


def _rule_of(error: BadRequest) -> str:
    """The rule a refusal is told under."""
    if isinstance(error, BadSalt):
        return _SALT_RULE
    return _UNFORMED_RULE if isinstance(error, Unformed) else RULES[error.code]
