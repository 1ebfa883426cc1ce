"""Finds each rare thing the simulator planted: cases, new numbers, deletions, restatements."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from tallystick.entry.demo import welcome
from tallystick.entry.demo.building import Built
from tallystick.entry.demo.tally import Tally
from tallystick.errors import InvariantBroken
from tallystick.model import months as grid
from tallystick.model.money import format_minor
from tallystick.service.identity import cases
from tallystick.service.members import members
from tallystick.service.person import own_report
from tallystick.service.port import Deps
from tallystick.service.references import HOLDER
from tallystick.service.replay import replay
from tallystick.service.sessions import session
from tallystick.synth.plan import read_plan

_STEP = "rare"
_KINDS = ("clash", "weak")
_FILE = (
    "select months, first_delinquency_on, furnisher_id from file.account_now where account_id = %s"
)
_SAID = (
    "select count(*) from ledger.snapshot join ledger.publication using (chunk_id)"
    " where account_id = %s and period_end = %s"
)


class OnFile(NamedTuple):
    """An account as the files of its subjects have it."""

    months: bytes
    first_delinquency_on: date | None
    furnisher_id: UUID


class Rare:
    """The checks of what was planted; `runner` is the loop reports are made on."""

    def __init__(self, tally: Tally, deps: Deps, runner: asyncio.Runner, synth: Path):
        self._tally = tally
        self._deps = deps
        self._runner = runner
        self._truth: dict[str, list[dict[str, Any]]] = json.loads(
            (synth / "truth" / "rare.json").read_text(encoding="utf-8")
        )
        self._members = {one.code: one.member_id for one in members(deps)}

    def check(self, built: Built) -> None:
        """All of them; the look at a deleted account is found among what was asked."""
        self._cases()
        self._going_on()
        self._restated()
        self._deleted(built)

    def _expect_all(self, what: str, right: list[bool]) -> None:
        self._tally.expect(_STEP, what, wanted=len(right), found=sum(right))

    def _cases(self) -> None:
        """Each planted case is open, and its party stands apart from everybody."""
        planted = self._truth.get("cases", [])
        waiting = {one.party_id: one for one in cases(self._deps)}
        found: Counter[str] = Counter()
        for one in planted:
            party = self._party(one["member"], one["person_number"])
            case = None if party is None else waiting.get(party)
            found[one["kind"]] += (
                case is not None
                and case.kind == one["kind"]
                and case.subject_id not in (None, *case.candidates)
            )
        for kind in _KINDS:
            wanted = sum(one["kind"] == kind for one in planted)
            self._tally.expect(_STEP, f"cases of {kind} that wait", wanted=wanted,
                               found=found[kind])  # fmt: skip

    def _going_on(self) -> None:
        """The new number is the old account: one grid, its first delinquency, its new furnisher."""
        right = []
        for one in self._truth.get("going_on", []):
            account = self._account(one["member"], one["account_number"])
            former = self._account(one["former_member"], one["former_account_number"])
            wanted = date.fromisoformat(first) if (first := one["first_delinquency_on"]) else None
            shown = {
                (sum(1 for _ in grid.unpack(months)), first_late, furnisher)
                for months, first_late, furnisher in self._on_file(account)
            }
            said = {(one["months"], wanted, self._members[one["member"]])}
            right.append(account is not None and account == former and shown == said)
        self._expect_all("accounts that go on under another number", right)

    def _restated(self) -> None:
        """The month says what was sent last, and the ledger holds both."""
        right = []
        for one in self._truth.get("restated", []):
            account = self._account(one["member"], one["account_number"])
            period = grid.period_of(date.fromisoformat(one["period_end"]))
            balances = {
                format_minor(month.balance_minor, "CNY")
                for on_file in self._on_file(account) for month in grid.unpack(on_file.months)
                if month.period == period and month.balance_minor is not None
            }  # fmt: skip
            said = self._rows(_SAID, account, one["period_end"])
            right.append(balances == {one["balance"]} and said == [(2,)])
        self._expect_all("months sent again with another amount", right)

    def _deleted(self, built: Built) -> None:
        """Gone from her report of today; still in the answer given while it stood, folded anew."""
        hidden, kept = [], []
        steps = [step for step in read_plan(built.plan.folder) if step["kind"] == "inquiry"]
        looks = {
            (step["member"], step["at"]): asked.look_id
            for step, asked in zip(steps, built.history.asked, strict=True)
        }
        for one in self._truth.get("deleted", []):
            then = self._own_report(one, known_at=datetime.fromisoformat(one["looked_at"]))
            now = self._own_report(one)
            hidden.append(one["account_number"] in then - now)
            look_id = looks.get((one["member"], one["looked_at"]))
            kept.append(look_id is not None and one["account_number"] in _numbers(
                self._runner.run(replay(self._deps, look_id, fold=True))
            ))  # fmt: skip
        self._expect_all("deleted accounts hidden now, not from what was known before", hidden)
        self._expect_all("deleted accounts in a replay of before", kept)

    def _own_report(
        self, persona: Mapping[str, str], *, known_at: datetime | None = None
    ) -> set[str]:
        """The account numbers in a person's own report."""
        who = session(self._deps, welcome.sign_in_person(self._deps, persona))
        if who is None:
            raise InvariantBroken("a session just opened is known")
        answer = self._runner.run(own_report(self._deps, who, known_at=known_at))
        return _numbers(answer.body or b"{}")

    def _party(self, code: str, person_number: str) -> UUID | None:
        token = self._deps.keys.number_token(
            self._members[code], "person", f"p{HOLDER}{person_number}"
        )
        rows = self._rows("select party_id from directory.party where person_token = %s", token)
        return rows[0][0] if rows else None

    def _account(self, code: str, number: str) -> UUID | None:
        token = self._deps.keys.number_token(self._members[code], "account", number)
        rows = self._rows("select object_id from directory.object where number_token = %s", token)
        return rows[0][0] if rows else None

    def _on_file(self, account: UUID | None) -> list[OnFile]:
        return [OnFile(bytes(months), *rest) for months, *rest in self._rows(_FILE, account)]

    def _rows(self, query: str, *given: Any) -> list[tuple[Any, ...]]:
        with self._deps.database.connect("intake") as connection:
            return connection.execute(query, given).fetchall()


def _numbers(report: bytes) -> set[str]:
    return {account.get("account_number", "") for account in json.loads(report)["accounts"]}
