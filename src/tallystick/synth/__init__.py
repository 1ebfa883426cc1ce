"""Synth: a seeded bureau's history, as files to send and a plan of when to do what.

Takes:       a number of persons, a seed, a last month, the id of a test-mode profile
Gives:       native CSV files, `plan.ndjson`, `members.json`, `personas.json`; `truth/` for tests
Keeps true:  the same arguments give the same bytes; no person, number or address is a real one
Refuses:     a folder that holds a plan already
Source:      shares of the late and the punctual as in real registries; see `delinquency`
"""

from tallystick.synth.generate import DEFAULT_PEOPLE, DEFAULT_UNTIL, generate
from tallystick.synth.plan import Plan, read_plan

__all__ = ["DEFAULT_PEOPLE", "DEFAULT_UNTIL", "Plan", "generate", "read_plan"]
