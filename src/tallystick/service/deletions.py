"""Deletions: each names a key and hides it, with what hangs on it, from its position on.

A deletion sent again while it stands is unchanged; one for another reason has nothing left to hide.
Of several of one key in a file the first counts, as of any record's (`service/duplicates.py`); two
keys may name one record too: an account goes whole, by whichever of its terms.
A run after a crash meets what this submission deleted before, which its funnel counts already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tallystick.furnish import read_json
from tallystick.ledger import append, publish
from tallystick.ledger.fold import CONTINUED
from tallystick.service import domains, former, hidden, intake_store, locate, record_keys
from tallystick.service.port import Deps
from tallystick.service.references import Job
from tallystick.validate import judge_record, load_rules

#: Deletions published together.
CHUNK = 100


#: Which record a deletion hides: party, object, dataset and item key.
_Key = tuple[UUID, UUID, str, str]


class _First(NamedTuple):
    """The first line of a file that has a key: why, and whether the record was there."""

    line_no: int
    reason: str
    target_exists: bool


class _Before(NamedTuple):
    """What the lines before say: the first of each key as sent, why each record is hidden."""

    first: dict[tuple[Any, ...], _First]
    reasons: dict[_Key, str]


class _Read(NamedTuple):
    """A deletion that was read: what it names and why; whether another says the same.

    `stands`: it stands on file; `is_repeated`: an earlier line of the file says it.
    """

    key: _Key
    reason: str
    target: locate.Target
    stands: bool
    is_repeated: bool


def run(deps: Deps, job: Job, key: bytes, chunks: Iterable[Sequence[Mapping[str, Any]]]) -> int:
    """Judge and publish deletions, chunk by chunk; gives how many were unchanged."""
    before = _of_earlier_runs(deps, job)
    earlier = _Before({}, {})
    unchanged = 0
    for rows in chunks:
        fresh: list[_Read] = []
        for one in _accepted(deps, job, key, rows, earlier=earlier):
            is_done = (*one.key, one.reason) in before
            if one.is_repeated or (one.stands and not is_done):
                unchanged += 1
            elif not is_done:
                fresh.append(one)
        if fresh:
            _publish(deps, job, fresh)
    return unchanged


def _of_earlier_runs(deps: Deps, job: Job) -> set[tuple[Any, ...]]:
    """What this submission deleted before a crash, and why."""
    with deps.database.connect("intake") as connection:
        rows = connection.execute(
            "select d.party_id, d.object_id, d.dataset, d.item_key, d.reason"
            " from ledger.chunk c join ledger.publication using (chunk_id)"
            " join ledger.deletion d using (chunk_id) where c.submission_id = %s",
            (job.submission_id,),
        ).fetchall()
    return {(*key, hidden.said_reason(reason)) for *key, reason in rows}


def _accepted(
    deps: Deps, job: Job, key: bytes, rows: Sequence[Mapping[str, Any]], *, earlier: _Before
) -> list[_Read]:
    """Judge some deletions, store what is found, and give those that no rule rejects.

    Takes: `earlier`: what the lines before them say; theirs is added
    """
    day = deps.profile.day_of(deps.clock())
    rules = load_rules().in_force("deletion", None, day)
    found: list[intake_store.FindingRow] = []
    accepted: list[_Read] = []
    with deps.database.connect("intake") as connection:
        meant = _named(deps, connection, job, rows)
        targets = [target for _, target in meant]
        sold = _held_by_others(connection, job, rows, targets)
        twice = _with_another_number(connection, rows, targets)
        for row, told in zip(rows, meant, strict=True):
            read, beside = _read(job, row, told, earlier=earlier)
            beside |= {
                "judged_on": day,
                "is_test_mode": deps.is_test_mode,
                "account_is_anothers": read is not None
                and row["record_dataset"] == "account"
                and read.target.object_id in sold
                and not read.stands,  # else it hides nothing more
                "another_number_stands": read is not None
                and row["record_dataset"] == "subject"
                and read.target.party_id in twice,
            }
            hits = judge_record("deletion", beside, rules)
            found += [_finding(job, row, one) for one in hits]
            if read and not any(one.severity == "reject" for one in hits):
                accepted.append(read)
                earlier.reasons.setdefault(read.key, read.reason)
        intake_store.write_findings(connection, job.submission_id, key, found)
    return accepted


def _named(
    deps: Deps,
    connection: psycopg.Connection[Any],
    job: Job,
    rows: Sequence[Mapping[str, Any]],
) -> list[tuple[record_keys.RecordKey, locate.Target | None]]:
    """The keys of some deletions as read, each with the record it names, if there is one."""
    lists = domains.of(deps.profile_today)
    told = [
        record_keys.read(deps.registry[row["record_dataset"]], read_json(row["record_key"]), lists)
        for row in rows
    ]
    of_dataset: dict[str, dict[int, Mapping[str, str]]] = {}
    for at, (row, one) in enumerate(zip(rows, told, strict=True)):
        if one.values is not None:
            of_dataset.setdefault(row["record_dataset"], {})[at] = one.values
    target: dict[int, locate.Target | None] = {}
    for dataset, keys in of_dataset.items():
        found = locate.targets(
            deps, connection, job.furnisher_id, dataset, keys=list(keys.values())
        )
        target |= zip(keys, found, strict=True)
    return [(one, target.get(at)) for at, one in enumerate(told)]


def _held_by_others(
    connection: psycopg.Connection[Any],
    job: Job,
    rows: Sequence[Mapping[str, Any]],
    targets: Sequence[locate.Target | None],
) -> set[UUID]:
    """The accounts to be hidden whole that were the sender's and are another's now."""
    accounts = {
        target.object_id: target.party_id
        for row, target in zip(rows, targets, strict=True)
        if row["record_dataset"] == "account"
        and target is not None and target.furnisher_id == job.furnisher_id
    }  # fmt: skip
    known = former.told(connection, accounts) if accounts else {}
    return {account for account, one in known.items() if one.held_by != job.furnisher_id}


def _with_another_number(
    connection: psycopg.Connection[Any],
    rows: Sequence[Mapping[str, Any]],
    targets: Sequence[locate.Target | None],
) -> set[UUID]:
    """The persons named of whom the sender has another number on file."""
    named = {
        target.party_id
        for row, target in zip(rows, targets, strict=True)
        if target is not None and row["record_dataset"] == "subject"
    }
    return hidden.continued(connection, named)


def _read(
    job: Job,
    row: Mapping[str, Any],
    told: tuple[record_keys.RecordKey, locate.Target | None],
    *,
    earlier: _Before,
) -> tuple[_Read | None, dict[str, Any]]:
    """What a deletion says, and the row with what its rules read; a faulty key names nothing."""
    dataset, reason, (key_read, target) = row["record_dataset"], row["reason"], told
    if key_read.values is None:
        return None, {
            **row,
            "key_missing": key_read.missing,
            "key_unknown": key_read.unknown,
            "key_unreadable": key_read.unreadable,
        }
    as_sent = (dataset, *sorted(key_read.values.items()))
    if target is None:
        beside = _beside_first(row, as_sent, first=earlier.first, target_exists=False)
        return None, {**row, **beside, "target_is_own": False}
    key = (target.party_id, target.object_id, dataset, target.item_key)
    itself = locate.Hidden(dataset, target.item_key, job.furnisher_id, reason)
    stands = itself in target.hidden_by
    is_hidden = bool(target.hidden_by) or earlier.reasons.get(key, reason) != reason
    exists = stands or not is_hidden
    beside = _beside_first(row, as_sent, first=earlier.first, target_exists=exists)
    return _Read(key, reason, target, stands, key in earlier.reasons), {
        **row,
        **beside,
        "target_is_own": target.furnisher_id == job.furnisher_id,
    }


def _beside_first(
    row: Mapping[str, Any],
    key: tuple[Any, ...],
    *,
    first: dict[tuple[Any, ...], _First],
    target_exists: bool,
) -> dict[str, Any]:
    """What the rules read of the first line of a key: this one, if none came before.

    What the first one hides is still there for those after it: they are held against that line.
    """
    one = first.setdefault(key, _First(row["line_no"], row["reason"], target_exists))
    if one.line_no == row["line_no"]:
        return {"target_exists": target_exists}
    return {
        "target_exists": one.target_exists,
        "duplicate_line_no": one.line_no,
        "duplicate_is_equal": one.reason == row["reason"],
    }


def _finding(job: Job, row: Mapping[str, Any], one: Any) -> intake_store.FindingRow:
    return intake_store.FindingRow(
        line_no=row["line_no"],
        column_no=job.places.get(one.field),
        byte_offset=row["byte_offset"],
        field=one.field,
        rule_id=one.rule_id,
        severity=one.severity,
        seen=one.seen,
        other_line_no=one.other_line_no,
    )


def _reasons(deps: Deps, read: Sequence[_Read]) -> list[str]:
    """The reasons as the ledger keeps them: which duplicate numbers another continues."""
    said = ("subject", "duplicate")
    asked = {one.target.party_id for one in read if (one.key[2], one.reason) == said}
    if not asked:  # nearly always
        return [one.reason for one in read]
    with deps.database.connect("intake") as connection:
        found = hidden.continued(connection, asked)
    return [
        CONTINUED
        if (one.key[2], one.reason) == said and one.target.party_id in found
        else one.reason
        for one in read
    ]


def _publish(deps: Deps, job: Job, read: Sequence[_Read]) -> None:
    rows: list[append.Row] = []
    accounts: set[UUID] = set()
    parties: set[UUID] = set()
    for one, reason in zip(read, _reasons(deps, read), strict=True):
        target = one.target
        values = {
            "party_id": target.party_id, "object_id": target.object_id, "dataset": one.key[2],
            "item_key": target.item_key, "furnisher_id": job.furnisher_id, "reason": reason,
        }  # fmt: skip
        rows.append(append.Row(table="deletion", values=values))
        (accounts if target.is_account else parties).add(
            target.object_id if target.is_account else target.party_id
        )
    touched = publish.Touched(
        accounts=frozenset(accounts), parties=frozenset(parties), months_too=True
    )
    while True:
        try:
            with deps.database.connect("intake") as connection:
                number = intake_store.next_chunk_no(connection, job.submission_id)
                head = append.ChunkHead(
                    submission_id=job.submission_id, chunk_no=number,
                    furnisher_id=job.furnisher_id, dataset="deletion",
                )  # fmt: skip
                chunk_id = append.append(connection, head, rows, deps.clock())
                place = publish.publish(
                    connection, chunk_id, touched, judged_at=None, now=deps.clock()
                )
                intake_store.add_funnel(
                    connection, job.submission_id, number + 1,
                    position=place.position, accepted=len(rows),
                )  # fmt: skip
            return
        except publish.Moved:
            continue
