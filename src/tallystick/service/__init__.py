"""Use-cases: one file each, the only code that knows the order of the stages.

Takes:  `Deps` (clock, connections, keys, vault, profile) and plain values
Gives:  plain values; refusals and bad requests as exceptions of `errors`
Keeps:  every disclosure is a look before it leaves; every change has its transaction here
"""
