"""Lists of ids and of tokens as PostgreSQL reads them fastest: in binary, put together at once.

psycopg writes a list value by value, as text that the server reads back; a file asks for hundreds
of ids a dozen times over.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import AdaptersMap, Dumper, PyFormat
from psycopg.types.array import BaseListDumper, ListBinaryDumper, ListDumper
from psycopg.types.string import BytesBinaryDumper
from psycopg.types.uuid import UUIDBinaryDumper

_HEAD = struct.Struct("!IIIII")  # dimensions, holds NULL, type, length, first index
_LENGTH = struct.Struct("!I")


class _Known(ListBinaryDumper):
    """A list of one type whose values are joined at once; any other is left to psycopg."""

    of: type
    of_dumper: type[Dumper]

    def __init__(self, cls: type, context: AdaptContext | None = None):
        super().__init__(cls, context)
        self.sub_dumper = self.of_dumper(self.of, context)
        self.oid = psycopg.adapters.types[self.sub_dumper.oid].array_oid

    def dump(self, obj: list[Any]) -> Buffer | None:
        """The list's binary form."""
        if set(map(type, obj)) != {self.of}:
            return super().dump(obj)  # none, NULLs or lists among them
        of = self.sub_dumper.oid if self.sub_dumper else 0
        return _HEAD.pack(1, 0, of, len(obj), 1) + self.joined(obj)

    def joined(self, values: Sequence[Any]) -> bytes:
        """The values, each behind its length."""
        raise NotImplementedError


class _Ids(_Known):
    of = UUID
    of_dumper = UUIDBinaryDumper

    def joined(self, values: Sequence[UUID]) -> bytes:
        length = _LENGTH.pack(16)
        return length + length.join([one.int.to_bytes(16) for one in values])


class _Tokens(_Known):
    of = bytes
    of_dumper = BytesBinaryDumper

    def joined(self, values: Sequence[bytes]) -> bytes:
        sizes = set(map(len, values))
        if len(sizes) == 1:
            length = _LENGTH.pack(*sizes)
            return length + length.join(values)
        return b"".join([part for one in values for part in (_LENGTH.pack(len(one)), one)])


class _Lists(ListDumper):
    """Any list, where the statement leaves its form to us: ids and tokens in binary."""

    def upgrade(self, obj: list[Any], format: PyFormat) -> BaseListDumper:  # noqa: A002
        """The dumper of such a list."""
        known = None if self.oid or format != PyFormat.AUTO else _known(obj)
        return known(self.cls, self._tx) if known else super().upgrade(obj, format)


class _BinaryLists(ListBinaryDumper):
    """Any list a statement wants in binary."""

    def upgrade(self, obj: list[Any], format: PyFormat) -> BaseListDumper:  # noqa: A002
        """The dumper of such a list."""
        known = None if self.oid else _known(obj)
        return known(self.cls, self._tx) if known else super().upgrade(obj, format)


def _known(values: list[Any]) -> type[_Known] | None:
    types = set(map(type, values)) - {type(None)}
    return next((one for one in (_Ids, _Tokens) if types == {one.of}), None)


def _with_lists() -> AdaptersMap:
    adapters = AdaptersMap(psycopg.adapters)
    adapters.register_dumper(list, _BinaryLists)
    adapters.register_dumper(list, _Lists)  # the last one, as it is psycopg's own way by default
    return adapters


#: To be given as `context` to connections that ask for many ids at once.
CONTEXT: Final[AdaptContext] = _with_lists()
