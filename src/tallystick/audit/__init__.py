"""The log of looks: nothing is read in silence, and nobody changes afterwards who read.

Takes:      looks written by the gate in their own commits, and publications of the ledger.
Gives:      gapless numbers, an RFC 9162 tree with signed heads, receipts, and their verification.
Keeps true: a committed look gets exactly one number; content can be erased, its place cannot.
Refuses:    to work inside somebody else's transaction.
Source:     RFC 9162 section 2.1 (tree), RFC 8785 (bytes), RFC 8032 (Ed25519).
"""

from tallystick.audit.fault import Fault, LogReport
from tallystick.audit.look import (
    INSERT_LOOK,
    INSERT_OUTBOX,
    Look,
    commitment,
    look_parameters,
)
from tallystick.audit.receipt import receipt, verify_receipt
from tallystick.audit.sequencer import (
    OLDEST_UNNUMBERED,
    SequenceResult,
    oldest_unnumbered,
    sequence,
)
from tallystick.audit.tree import PublicKeys, TreeHead
from tallystick.audit.verify import verify

__all__ = [
    "INSERT_LOOK",
    "INSERT_OUTBOX",
    "OLDEST_UNNUMBERED",
    "Fault",
    "LogReport",
    "Look",
    "PublicKeys",
    "SequenceResult",
    "TreeHead",
    "commitment",
    "look_parameters",
    "oldest_unnumbered",
    "receipt",
    "sequence",
    "verify",
    "verify_receipt",
]
