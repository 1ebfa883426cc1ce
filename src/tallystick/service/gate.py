"""The gate's transaction: lock, read everything in one statement, write the look, commit.

One READ COMMITTED transaction on a connection of the answering role, in pipelines: two round trips
to read, one to write.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson

from tallystick.audit import OLDEST_UNNUMBERED, Look, look_parameters
from tallystick.consent import permit_text
from tallystick.model.file import LookLine
from tallystick.report import MemberView
from tallystick.service import gate_sql as sql
from tallystick.service.log import require_in_time
from tallystick.service.members import members
from tallystick.service.port import Deps, Line, Rows, Statement
from tallystick.service.read_file import BUREAU, AccountRow, ConsentRow, Material, utc_text
from tallystick.service.rounds import BEGIN, COMMIT, Alone, Rounds, Seat

NOBODY = UUID(int=0)
_FRESH = timedelta(milliseconds=250)


class Moved(Exception):
    """Who is under the tokens changed while locking; start over."""


class StrangeMember(Exception):
    """A member registered after the list was read."""


@dataclass(slots=True)
class Desk:
    """What one process remembers between inquiries; nothing of it is about a person."""

    members: dict[str, MemberView] = field(default_factory=dict)
    id_keys: dict[UUID, bytes] = field(default_factory=dict)
    rounds: Rounds | None = None
    oldest: datetime | None = None
    checked_at: datetime | None = None

    def member_view(self, member_id: str) -> MemberView:
        """What a report may say of a member. Raises: StrangeMember."""
        try:
            return self.members[member_id]
        except KeyError:
            raise StrangeMember from None

    async def learn_members(self, deps: Deps) -> None:
        """Read the members again."""
        known = await asyncio.to_thread(members, deps)
        self.members = {str(one.member_id): _view(one) for one in known}
        self.members[BUREAU] = MemberView(
            code=BUREAU, name_en="The bureau", name_zh="征信机构", member_class=BUREAU
        )

    def id_key(self, deps: Deps, member_id: UUID) -> bytes:
        """The key of the ids a member sees."""
        key = self.id_keys.get(member_id)
        if key is None:
            key = self.id_keys[member_id] = deps.keys.member_id_key(member_id)
        return key


def _view(one: Any) -> MemberView:
    return MemberView(
        code=one.code, name_en=one.name_en, name_zh=one.name_zh, member_class=one.member_class
    )


_desks: WeakKeyDictionary[Any, Desk] = WeakKeyDictionary()


def rounds_of(deps: Deps) -> Rounds:
    """The rounds that inquiries on the running loop sit in."""
    desk = desk_of(deps)
    if desk.rounds is None or not desk.rounds.is_of_this_loop:
        desk.rounds = Rounds(deps)
    return desk.rounds


def desk_of(deps: Deps) -> Desk:
    """The desk of a bureau in this process."""
    desk = _desks.get(deps.database)
    if desk is None:
        desk = _desks[deps.database] = Desk()
    return desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The key under which a member's request is answered once.

    `request_keys`: how it is kept, and how else it may have been (`idempotency.kept_keys`);
    `client_key`: how the member is named where other acts' keys are kept.
    """

    member_key: str = ""
    client_key: str = ""
    request_keys: tuple[str, ...] = ()
    request_digest: bytes = b""


@dataclass(slots=True, kw_only=True)
class Opened:
    """A transaction with the heads locked: who is under the tokens, and the request if known.

    `seat`: the line is a round's, and so is the transaction; `is_key_taken`: the request's key was
    used for another act than an inquiry.
    """

    line: Line
    seat: Seat | None
    transaction: str
    locked: list[str]
    earlier: tuple[bytes, UUID, bytes] | None
    is_key_taken: bool

    def require_own(self) -> None:
        """Go on only where nobody else's answer hangs on it. Raises: Alone"""
        if self.seat is not None:
            raise Alone

    async def keys_of(self, deps: Deps, parties: Collection[str]) -> dict[str, bytes]:
        """The keys of parties that still have one."""
        return await (deps.vault if self.seat is None else self.seat).keys_of(parties)


@asynccontextmanager
async def opened(
    deps: Deps,
    tokens: Sequence[bytes],
    request: Request,
    *,
    subject_id: UUID | None = None,
    seat: Seat | None = None,
) -> AsyncIterator[Opened]:
    """Begin, and lock the heads of everybody under the tokens (and of `subject_id`).

    The caller commits with `commit` or by `write_look`; leaving it open rolls back. On a `seat` of
    a round no head is waited for: one that is locked is as if nobody were there, and `read` sees
    that somebody is.
    Raises: Unavailable `log_delayed`; Alone
    """
    if seat is not None:
        yield await _begin(deps, seat, tokens, request, subject_id=subject_id)
        return
    lines = deps.database.lines()
    line = await lines.take()
    try:
        yield await _begin(deps, line, tokens, request, subject_id=subject_id)
    finally:
        await lines.give(line)


async def _begin(
    deps: Deps,
    line: Line | Seat,
    tokens: Sequence[bytes],
    request: Request,
    *,
    subject_id: UUID | None,
) -> Opened:
    desk, now = desk_of(deps), deps.clock()
    is_due = desk.checked_at is None or not timedelta(0) <= now - desk.checked_at < _FRESH
    given = {
        "tokens": list(tokens),
        "subjects": [] if subject_id is None else [subject_id],
        "member_key": request.member_key,
        "client_key": request.client_key,
        "request_keys": list(request.request_keys),
    }
    seat = line if isinstance(line, Seat) else None
    statements = [BEGIN, (sql.LOCK if seat is None else sql.LOCK_FREE, given)]
    if is_due:
        statements.append((OLDEST_UNNUMBERED, {}))
    _, rows, *waiting = await line.run(*statements)
    if waiting:
        desk.oldest, desk.checked_at = waiting[0][0][0], now
    require_in_time(deps, desk.oldest)
    transaction, locked, digest, look_id, token, is_key_taken = rows[0]
    return Opened(
        line=line,
        seat=seat,
        transaction=transaction,
        locked=locked.split(",") if locked else [],
        earlier=None if look_id is None else (digest, look_id, token),
        is_key_taken=is_key_taken,
    )


async def read(deps: Deps, gate: Opened, tokens: Sequence[bytes]) -> list[Material]:
    """Read everything about each locked subject, each in one statement under its permit.

    Gives:  one entry a candidate; one with an empty document where there is nobody
    Raises: Moved when the subjects under the tokens are no longer those that were locked; Alone
    """
    statements: list[Statement] = []
    subjects = gate.locked or [str(NOBODY)]
    for subject in subjects:
        permit = permit_text(deps.keys.mint_key, UUID(subject), gate.transaction)
        statements.append((sql.PERMIT, {"permit": permit}))
        statements.append((sql.READ, {"subject": subject, "tokens": list(tokens)}))
    results = await gate.line.run(*statements)
    found = []
    for subject, rows in zip(subjects, results[1::2], strict=True):
        one = _material(subject, rows)
        if _was_anothers(rows):
            one[0].looks += await _looks_elsewhere(gate, one[0])
        found.append(one)
    under = {subject for _, candidates in found for subject in candidates}
    if not under <= set(gate.locked):
        gate.require_own()
        await gate.line.run((sql.MAKE_HEADS, {"subjects": sorted(under)}), COMMIT)
        raise Moved
    return [material for material, _ in found]


async def _looks_elsewhere(gate: Opened, material: Material) -> list[LookLine]:
    """Looks from when a party of hers was another's: her head is locked, so they stand."""
    given = {"subject": material.subject_id, "log_size": material.log_size}
    (rows,) = await gate.line.run((sql.ELSEWHERE, given))
    known = {one.look_id for one in material.looks}
    # Two parties of hers that were another's together bring each look at him twice.
    found = {row[1]: look_line(row) for row in rows if row[1] not in known}
    return list(found.values())


def _was_anothers(rows: Rows) -> bool:
    return any(row[0] == _PLACE and row[4] is not None for row in rows)


def _material(subject_id: str, rows: Rows) -> tuple[Material, set[str]]:
    """Sort the rows of `sql.READ` by kind."""
    accounts, consents, candidates, tokens = [], [], set(), []
    looks: dict[str, LookLine] = {}
    material = Material(subject_id=subject_id, position=0, log_size=0, head_version=0, document={})
    for row in rows:
        kind = row[0]
        if kind == _ACCOUNT:
            accounts.append(AccountRow(*row[1:9]))
        elif kind == _LOOK:
            looks[row[1]] = look_line(row)
        elif kind == _CONSENT:
            consents.append(_consent(row))
        elif kind == _TOKEN:
            tokens.append(row[8])
        elif kind == _CANDIDATE:
            candidates.add(row[1])
        else:
            material.document = orjson.loads(row[1]) if row[1] else {}
            material.log_size, material.head_version = int(row[2] or 0), int(row[3] or 0)
            material.position = row[9]
    material.tokens = frozenset(tokens)
    material.accounts, material.consents, material.looks = accounts, consents, list(looks.values())
    return material, candidates


_PLACE, _CANDIDATE, _TOKEN, _ACCOUNT, _CONSENT, _LOOK = range(6)


def look_line(row: Sequence[Any]) -> LookLine:
    """A row of the kind "look" as a report shows it."""
    return LookLine(
        look_id=row[1],
        number=row[9],
        occurred_at=utc_text(row[10]),
        member_id=row[2],
        permit=row[3],
        purpose=row[4],
        outcome=row[5],
    )


def _consent(row: Sequence[Any]) -> ConsentRow:
    return ConsentRow(
        consent_id=row[1],
        captured_by=row[2],
        recipient_id=row[3],
        purpose=row[4],
        data_classes=tuple(row[5].split(" ")),
        valid_from=row[10],
        valid_to=row[11],
        given_at=row[12],
        withdrawn_at=row[13],
        uses_allowed=row[9],
        token=row[8],
    )


async def write_look(
    gate: Opened,
    look: Look,
    *others: Look,
    request: Request | None = None,
    body: dict[str, Any] | None = None,
) -> bytes:
    """Write the look (with its body and its request) and commit; only then may anything leave.

    Takes:  `others`: the same question's looks at others, without body or request
    Gives:  the look's commitment, for its receipt
    Raises: psycopg.errors.UniqueViolation when the same request was answered meanwhile
    """
    given = look_parameters(look) | (body or {})
    if request is not None:
        given |= {
            "member_key": request.member_key,
            "request_key": request.request_keys[0],
            "request_digest": request.request_digest,
        }
    text = sql.WRITE[body is not None, request is not None]
    beside = [(sql.WRITE[False, False], look_parameters(one)) for one in others]
    await gate.line.run((text, given), *beside, COMMIT)
    promised: bytes = given["commitment"]
    return promised


async def commit(gate: Opened) -> None:
    """End the transaction without a look: nothing was handed out."""
    await gate.line.run(COMMIT)
