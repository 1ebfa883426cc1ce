"""Reports: permit + file -> the body one reader gets, as canonical bytes.

Takes:       a permit, a subject's file, looks, consents, the profile of a day, coordinates.
Gives:       a body in the newest or an earlier version of its format (`versions.py`), its bytes.
Keeps true:  the same arguments give the same bytes; a reader learns no more than its permit says;
             what was not reported is never shown as zero.
Refuses:     (InvariantBroken) a permit for another subject.
"""

from tallystick.report.assemble import BLOCKS, assemble
from tallystick.report.encode import to_bytes
from tallystick.report.reader import MemberView
from tallystick.report.versions import NEWEST, VERSIONS, Version

__all__ = ["BLOCKS", "NEWEST", "VERSIONS", "MemberView", "Version", "assemble", "to_bytes"]
