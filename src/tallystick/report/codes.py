"""The profile's delinquency codes as byte tables, so that a whole grid is judged in C."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from tallystick.model.months import SIZE
from tallystick.profile import ProfileAt

_BUCKET_AT = 2  # offset of the bucket inside a packed month
_CURRENT = frozenset({"current", "nothing_due"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Byte strings of the codes of a kind, and each code's rank."""

    negative: bytes
    current: bytes
    closed: bytes
    not_negative: bytes
    ranks: dict[int, int]

    def of(self, months: bytes) -> bytes:
        """The buckets of a packed grid, one byte a month."""
        return months[_BUCKET_AT::SIZE]

    def late(self, buckets: bytes) -> bytes:
        """The negative ones among `buckets`, in order."""
        return buckets.translate(None, self.not_negative)

    def worst(self, late: bytes) -> str:
        """The code with the highest rank among negative ones; "none" when there is none."""
        if not late:
            return "none"
        ranks = self.ranks
        return chr(max(set(late), key=lambda code: (ranks[code], code)))


@lru_cache(maxsize=64)
def codes_of(profile: ProfileAt) -> Codes:
    """The tables of a profile's code set."""
    buckets = profile.buckets.values()
    negative = "".join(bucket.code for bucket in buckets if bucket.is_negative).encode()
    return Codes(
        negative=negative,
        current="".join(bucket.code for bucket in buckets if bucket.kind in _CURRENT).encode(),
        closed="".join(bucket.code for bucket in buckets if bucket.kind == "closed").encode(),
        not_negative=bytes(set(range(256)) - set(negative)),
        ranks={ord(bucket.code): bucket.rank for bucket in buckets if bucket.rank is not None},
    )
