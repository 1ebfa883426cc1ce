"""Bytes a furnisher sent, to typed rows and located faults.

Takes a CSV or NDJSON file (plain or gzip) or one JSON record; gives typed columns of the registry
and every format fault by line, column and byte. Keeps true that file and record are judged alike,
that memory does not grow with the file, and that no row disappears. Refuses nothing by raising: a
bad file is a fault too. Source: RFC 4180, RFC 8259, the registry in `formats/native`.
"""

from tallystick.furnish.check_record import read_record
from tallystick.furnish.header import places_in
from tallystick.furnish.json_written import as_written, read_json
from tallystick.furnish.originals import original_rows
from tallystick.furnish.own_list import own_list
from tallystick.furnish.rejects import RuleText, write_rejects
from tallystick.furnish.source import DEFAULT_LIMITS, Limits
from tallystick.furnish.stage import Format, Staged, guess_format, stage_file, start_of

__all__ = [
    "DEFAULT_LIMITS",
    "Format",
    "Limits",
    "RuleText",
    "Staged",
    "as_written",
    "guess_format",
    "original_rows",
    "own_list",
    "places_in",
    "read_json",
    "read_record",
    "stage_file",
    "start_of",
    "write_rejects",
]
