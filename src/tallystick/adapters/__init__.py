"""The world behind ports: databases, clock, keys, vault, settings, the embedded server.

Takes:       settings, folders, addresses.
Gives:       connections, instants, keys: what `service` and `entry` pass down as plain values.
Keeps true:  nothing below this package reads a clock, randomness, the environment or a network.
Refuses:     secrets that others may read, demo keys in live mode.
"""
