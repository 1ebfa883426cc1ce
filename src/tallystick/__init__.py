"""Tallystick: open infrastructure for consumer-credit reporting.

Lenders furnish loan records; the bureau validates them, finds whose they are, and keeps them in
an append-only ledger with two times; lenders with the person's consent get reports; people see
who looked.
"""

__version__ = "0.1.0"
