"""Reports: permit + file -> the body one reader gets, as canonical bytes.

Takes:       a permit, a subject's file, looks, consents, the profile of a day, coordinates.
Gives:       a body in the format tallystick.report/1 (`schema/report-v1.schema.json`), its bytes.
Keeps true:  the same arguments give the same bytes; a reader learns no more than its permit says;
             what was not reported is never shown as zero.
Refuses:     (InvariantBroken) a permit for another subject.
"""

from tallystick.report.assemble import BLOCKS, FORMAT, assemble
from tallystick.report.encode import to_bytes
from tallystick.report.reader import MemberView

__all__ = ["BLOCKS", "FORMAT", "MemberView", "assemble", "to_bytes"]
