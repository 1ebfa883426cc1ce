"""The delinquency code set of a jurisdiction: one ASCII character a month."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from typing import Literal, cast, get_args

from tallystick.errors import ProfileError

BucketKind = Literal["current", "late", "closed", "unknown", "nothing_due", "not_open", "loss"]
_KINDS = frozenset(get_args(BucketKind))
#: Kinds that say the account is behind: they have a rank above zero and are negative data.
NEGATIVE_KINDS = frozenset({"late", "loss"})
_RANKED = frozenset({"current", "nothing_due"}) | NEGATIVE_KINDS
_HEADER = [
    "code", "rank", "kind", "days_min", "days_max", "title_en", "title_zh", "from", "until", "cite",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One code: how bad (`rank`, None where it cannot be said), what it means, since when."""

    code: str
    rank: int | None
    kind: BucketKind
    days_min: int | None
    days_max: int | None
    title_en: str
    title_zh: str
    start: date
    until: date | None
    cite: str

    @property
    def is_negative(self) -> bool:
        """Whether the code says that the account is behind or lost."""
        return self.kind in NEGATIVE_KINDS

    def holds_on(self, day: date) -> bool:
        """Whether the code is in force on `day`."""
        return self.start <= day and (self.until is None or day < self.until)


def read_buckets(data: bytes, *, file: str) -> tuple[Bucket, ...]:
    """The code list of a CSV file, in file order.

    Raises: ProfileError with file and line on an unknown column, an empty source or start, a code
            that is not one printable ASCII character or stands twice, a rank that does not fit.
    """
    rows = csv.DictReader(io.StringIO(data.decode()), strict=True)
    if rows.fieldnames != _HEADER:
        raise ProfileError(f"{file}: the header must be {','.join(_HEADER)}")
    buckets: list[Bucket] = []
    for line_no, row in enumerate(rows, start=2):
        where = f"{file}: line {line_no}"
        bucket = _bucket(row, where=where)
        if any(bucket.code == other.code for other in buckets):
            raise ProfileError(f"{where}: code: stands twice")
        buckets.append(bucket)
    if not any(bucket.kind == "unknown" for bucket in buckets):
        raise ProfileError(f"{file}: a code of kind unknown is required")
    return tuple(buckets)


def _bucket(row: dict[str, str], *, where: str) -> Bucket:
    def failed(field: str, message: str) -> ProfileError:
        return ProfileError(f"{where}: {field}: {message}")

    if None in row or None in row.values():
        raise ProfileError(f"{where}: has another number of columns than the header")
    for field in ("code", "kind", "title_en", "title_zh", "from", "cite"):
        if not row[field]:
            raise failed(field, "is empty")
    code, kind = row["code"], row["kind"]
    if len(code) != 1 or not code.isascii() or not code.isprintable() or code == " ":
        raise failed("code", "must be one printable ASCII character")
    if kind not in _KINDS:
        raise failed("kind", f"is {kind!r}; allowed: {', '.join(sorted(_KINDS))}")
    try:
        rank, low, high = (_whole(row[field]) for field in ("rank", "days_min", "days_max"))
        start = date.fromisoformat(row["from"])
        until = date.fromisoformat(row["until"]) if row["until"] else None
    except ValueError as error:
        raise ProfileError(f"{where}: a number or a date cannot be read") from error
    if (rank is None) == (kind in _RANKED):
        raise failed("rank", f"must be given for {sorted(_RANKED)} and for no other kind")
    if rank is not None and (rank > 0) != (kind in NEGATIVE_KINDS):
        raise failed("rank", "must be 0 unless the kind is late or loss")
    if low is not None and high is not None and low > high:
        raise failed("days_max", "is below days_min")
    if until is not None and until <= start:
        raise failed("until", "ends before it starts")
    return Bucket(
        code=code, rank=rank, kind=cast(BucketKind, kind), days_min=low, days_max=high,
        title_en=row["title_en"], title_zh=row["title_zh"], start=start, until=until,
        cite=row["cite"],
    )  # fmt: skip


def _whole(text: str) -> int | None:
    if not text:
        return None
    value = int(text)
    if value < 0 or str(value) != text:
        raise ValueError(text)
    return value
