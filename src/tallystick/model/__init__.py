"""The nouns: frozen values, standard library only, no I/O.

Takes and gives plain values; knows no database, no clock, no jurisdiction.
"""
