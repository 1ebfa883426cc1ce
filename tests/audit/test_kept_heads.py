"""A head somebody kept holds the bureau to its log, whatever the log's own heads say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tallystick.adapters.keys import BureauKeys
from tallystick.audit import LogReport, TreeHead
from tallystick.audit.tree import head_message

from .conftest import NOON, Log

#: What the log holds at sizes 10, 15 and 23: the heads of the three batches.
HEADS = "SELECT size, root, signed_at, key_id, signature FROM log.tree_head ORDER BY size"


def kept(log: Log) -> dict[int, TreeHead]:
    """The log's heads by size, as somebody keeps them."""
    found = [
        TreeHead(size=size, root=root, signed_at=signed_at, key_id=key_id, signature=signature)
        for size, root, signed_at, key_id, signature in log.admin.execute(HEADS).fetchall()
    ]
    return {head.size: head for head in found}


def signed(keys: BureauKeys, size: int, root: bytes) -> TreeHead:
    """A head the bureau signs over whatever root."""
    signed_at = NOON + timedelta(seconds=2)
    return TreeHead(
        size=size,
        root=root,
        signed_at=signed_at,
        key_id=keys.key_id,
        signature=keys.sign(head_message(size, root, signed_at)),
    )


def cut(log: Log, size: int) -> None:
    """Cut the log off after so many entries, with their looks and heads, as its owner can."""
    log.admin.execute(
        "DELETE FROM log.look WHERE look_id IN (SELECT look_id FROM log.entry WHERE number >= %s)",
        (size,),
    )
    log.admin.execute("DELETE FROM log.entry WHERE number >= %s", (size,))
    log.admin.execute("DELETE FROM log.tree_head WHERE size > %s", (size,))


def faults(report: LogReport) -> list[str]:
    return [str(fault) for fault in report.faults]


def test_a_log_that_grew_still_begins_with_every_kept_head(filled: Callable[[], Log]) -> None:
    log = filled()
    heads = kept(log)
    assert sorted(heads) == [10, 15, 23]
    log.look(2)
    log.sequence()
    report = log.verify(heads[23], heads[10], heads[15], heads[10])
    assert (faults(report), report.kept_heads, report.heads) == ([], 4, 4)


@pytest.mark.parametrize(
    ("size", "named"),
    [
        (23, []),
        (15, ["missing: numbers 15 to 22, kept head of size 23"]),
        (10, ["missing: numbers 10 to 22, kept head of size 23"]),
        (0, ["missing: numbers 0 to 22, kept head of size 23"]),
    ],
)
def test_a_log_cut_short_with_its_heads_is_seen_by_a_kept_head(
    filled: Callable[[], Log], size: int, named: list[str]
) -> None:
    log = filled()
    heads = kept(log)
    cut(log, size)
    assert log.verify().ok
    assert faults(log.verify(heads[10], heads[23])) == named
    assert log.verify(*(head for head in heads.values() if head.size <= size)).ok


def test_a_log_cut_short_by_one_number_is_named_by_it(filled: Callable[[], Log]) -> None:
    log = filled()
    log.look()
    one_more = log.sequence().head
    assert one_more is not None
    cut(log, 23)
    assert faults(log.verify(one_more)) == ["missing: number 23, kept head of size 24"]


def test_the_missing_is_said_once_where_the_logs_own_heads_say_it(
    filled: Callable[[], Log],
) -> None:
    log = filled()
    head = kept(log)[23]
    log.admin.execute("DELETE FROM log.entry WHERE number = 22")
    alone = log.verify().faults
    assert [(fault.what, fault.number) for fault in alone] == [("missing", 22), ("unlogged", None)]
    assert log.verify(head).faults == alone


def test_a_second_history_under_the_right_key_is_seen_by_a_kept_head(
    filled: Callable[[], Log], keys: BureauKeys
) -> None:
    """At a size with a head and at one without; from the last kept head that holds."""
    log = filled()
    heads = kept(log)
    other = bytes(32)
    for size in (15, 16):
        named = [f"altered: numbers 0 to {size - 1}, kept head of size {size}"]
        assert faults(log.verify(signed(keys, size, other))) == named
    named = ["altered: numbers 10 to 14, kept head of size 15"]
    assert faults(log.verify(signed(keys, 15, other), *heads.values())) == named
    assert log.verify(signed(keys, 15, heads[15].root)).ok


def test_a_kept_head_the_bureau_did_not_sign_is_named(filled: Callable[[], Log]) -> None:
    log = filled()
    head = kept(log)[15]
    for forged in (
        replace(head, root=bytes(32)),
        replace(head, size=14),
        replace(head, size=400),
        replace(head, signed_at=head.signed_at + timedelta(microseconds=1)),
        replace(head, key_id="another"),
        replace(head, signature=bytes(64)),
        replace(head, signature=head.signature[:-1]),
    ):
        named = [f"head_forged: kept head of size {forged.size}"]
        assert faults(log.verify(forged)) == named
        assert faults(log.verify(forged, head)) == named


@pytest.mark.parametrize("size", [15, 23])
def test_a_kept_head_stands_in_for_none_of_the_logs_own(
    filled: Callable[[], Log], size: int
) -> None:
    log = filled()
    head = kept(log)[size]
    log.admin.execute("DELETE FROM log.tree_head WHERE size = %s", (size,))
    alone = log.verify().faults
    assert [fault.what for fault in alone] == ["head_missing"]
    assert log.verify(head).faults == alone
