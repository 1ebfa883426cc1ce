"""Whether the gate still obeys what was signed: consents, their withdrawals, the events of heads.

No role of ours may change or delete these rows; this finds what somebody with the database's own
rights changed. Each consent must say what its artefact says, which its captor signed and we signed
with its token and its time; a consent for so many uses has no more looks than uses were counted,
and no more than it allows; each withdrawal must have moved the head of everybody the consent is
tied to, and each such step must have its consent or withdrawal; a head's steps leave none out, and
no look saw a later one.

What it cannot see, as a withdrawal is not signed: one taken out whole, before anybody was tied to
its token, or with its step and all later steps renumbered while no look had seen them. Nor uses
counted that no look made, up to those allowed: while members ask, more are counted than were seen.

Runs as `intake` and `sequencer`, which cannot answer. An erased person's consents and steps are
gone with her keys, and a signed statement says so.

Source: spine 7
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg

from tallystick.audit import Fault, PublicKeys
from tallystick.audit.fault import KEPT_FAULTS, What
from tallystick.audit.tree import is_signed
from tallystick.consent import Artefact, read_kept
from tallystick.consent.artefact import BUREAU, kid_of
from tallystick.errors import BadRequest
from tallystick.model.canonical import canonical
from tallystick.model.instant import instant_text
from tallystick.service import consents_sql as sql
from tallystick.service.erasures import signed_content
from tallystick.service.port import Deps

Connection = psycopg.Connection[Any]
_BATCH: Final = 1000


def check(deps: Deps, keys: PublicKeys) -> tuple[int, list[Fault]]:
    """Compare all of it, streamed, in one snapshot of the gate.

    Takes:   `keys`: the bureau's verifying keys
    Gives:   how many consents were read; faults, a thousand at most, those of consents first
    Raises:  psycopg errors
    """
    with (
        deps.database.connect("sequencer") as log,
        log.cursor("looks_at_heads") as looks,
        log.cursor("looks_by_consent") as uses,
        deps.database.connect("intake") as gate,
    ):
        # The looks' snapshots first: no look in them saw a step, or was counted as a use, that
        # the gate's does not hold.
        looks.execute(sql.LOOKS)
        uses.execute(sql.USES)
        gate.execute("set transaction isolation level repeatable read, read only")
        walk = _Walk(deps, gate, log, keys=keys)
        found = list(islice(walk.faults(looks, uses), KEPT_FAULTS))
    return walk.consents, found


class _Walk:
    """One check: the gate's snapshot, and the log to ask who was erased."""

    def __init__(self, deps: Deps, gate: Connection, log: Connection, *, keys: PublicKeys):
        self._deps = deps
        self._gate = gate
        self._log = log
        self._keys = keys
        self.consents = 0

    def faults(
        self, looks: Iterable[tuple[Any, ...]], uses: Iterable[tuple[Any, ...]]
    ) -> Iterator[Fault]:
        """Faults as they are found: of consents, of their uses, of withdrawals, of heads."""
        yield from self._altered_consents()
        for what, consent_id in self._rows(sql.LONELY):
            yield Fault(what=what, consent_id=consent_id)
        for what, consent_id in self._rows(sql.MISCOUNTED):
            yield Fault(what=what, consent_id=consent_id)
        for rows in _batches(uses):
            for (consent_id,) in self._gate.execute(sql.OVERUSED, _columns(rows)).fetchall():
                yield Fault(what="altered", consent_id=consent_id)
        for consent_id, subject_id in self._rows(sql.WITHOUT_STEP):
            yield Fault(what="missing", consent_id=consent_id, subject_id=subject_id)
        for rows in _batches(self._rows(sql.STEPS_WITHOUT)):
            yield from self._not_erased_steps(rows)
        for rows in _batches(self._rows(sql.BROKEN_HEADS)):
            yield from self._not_erased_heads(rows)
        for rows in _batches(looks):
            behind = self._gate.execute(sql.BEHIND_LOOKS, _columns(rows)).fetchall()
            yield from self._not_erased_heads(behind)

    def _altered_consents(self) -> Iterator[Fault]:
        found = self._gate.execute(sql.SIGNERS).fetchall()
        signers = {kid: (code, jwk) for kid, code, jwk in found}
        for row in self._rows(sql.CONSENTS):
            self.consents += 1
            one = sql.Kept(*row)
            what = self._fault_of(one, signers)
            if what is not None:
                yield Fault(what=what, consent_id=one.consent_id)

    def _fault_of(self, one: sql.Kept, signers: Mapping[str, tuple[str, str]]) -> What | None:
        statement = {
            "artefact": one.artefact,
            "registered_at": instant_text(one.registered_at),
            "token": one.token.hex(),
        }
        if not is_signed(
            canonical(statement), one.countersignature, self._deps.keys.key_id, keys=self._keys
        ):
            return "altered"
        try:
            captured_by, jwk = signers[kid_of(one.artefact)]
            said = read_kept(one.artefact, orjson.loads(jwk))
        except (BadRequest, KeyError, ValueError, TypeError):
            return "altered"  # by nobody's key, or by a key that is none
        is_as_said = captured_by == said.captured_by and _terms(one) == _said(said)
        if not is_as_said:
            return "altered"
        return None if one.found_under == one.token else "moved"

    def _not_erased_steps(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[Fault]:
        """A step whose consent is gone is none of ours where the consent's key was destroyed."""
        gone = [consent_id for *_, consent_id, has_consent, _ in rows if not has_consent]
        kept = self._deps.vault.get(gone) if gone else {}
        for subject_id, version, consent_id, has_consent, is_there in rows:
            if has_consent or consent_id in kept:
                yield Fault(
                    what="altered" if is_there else "missing",
                    consent_id=consent_id,
                    subject_id=subject_id,
                    head_version=version,
                )

    def _not_erased_heads(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[Fault]:
        erased = self._erased([row[0] for row in rows]) if rows else frozenset()
        for subject_id, version, is_there in rows:
            if subject_id not in erased:
                yield Fault(
                    what="altered" if is_there else "missing",
                    subject_id=subject_id,
                    head_version=version,
                )

    def _erased(self, subjects: Sequence[UUID]) -> frozenset[UUID]:
        """Those of some subjects for whom a statement we signed says that they were erased."""
        found = self._log.execute(sql.ERASURES, (list(subjects),)).fetchall()
        return frozenset(
            one for one, statement in found if signed_content(one, statement, self._keys)
        )

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        with self._gate.cursor("gate_rows") as cursor:
            cursor.itersize = _BATCH
            yield from cursor.execute(query)


def _terms(one: sql.Kept) -> tuple[Any, ...]:
    """A row's terms in the order of `_said`."""
    recipient = one.recipient if one.has_recipient else BUREAU
    terms = (one.consent_id, one.captured_by, recipient, one.purpose, tuple(one.data_classes))
    times = (one.valid_from, one.valid_to, one.given_at)
    return (*terms, *times, one.uses_allowed, one.text_sha256, one.locale)


def _said(said: Artefact) -> tuple[Any, ...]:
    terms = (said.consent_id, said.captured_by, said.recipient, said.purpose, said.data_classes)
    times = (said.valid_from, said.valid_to, said.given_at)
    return (*terms, *times, said.uses_allowed, said.text_sha256, said.locale)


def _batches(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    left = iter(rows)
    while batch := list(islice(left, _BATCH)):
        yield batch


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
