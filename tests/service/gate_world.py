"""A small bureau with one person on file, reached through the front door: for the gate's tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

from tallystick.adapters.clock import FakeClock
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import Database, set_mint_key
from tallystick.adapters.vault import Vault
from tallystick.entry.compose import make_deps, new_id
from tallystick.model.canonical import canonical
from tallystick.model.instant import instant_text
from tallystick.service.consents import register
from tallystick.service.inquire import Ask
from tallystick.service.members import Member, add_member, members
from tallystick.service.port import Deps
from tallystick.service.submit import submit_records

SCHEME = "cn_resident_id"
NAME, BORN = "龚测试", "1990-03-07"
PURPOSE = "credit_application"
Run = Callable[[Coroutine[Any, Any, Any]], Any]


def resident_id(serial: int, born: str = BORN) -> str:
    """A number of the test area with its check character."""
    body = f"990101{born.replace('-', '')}{serial:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return body + "10X98765432"[total % 11]


def _text64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(kw_only=True)
class World:
    """Open adapters, two banks and a platform; helpers to furnish, consent and ask."""

    deps: Deps
    clock: FakeClock
    url: str
    bank: Member
    other: Member
    platform: Member
    signing: dict[str, Ed25519PrivateKey] = field(default_factory=dict)

    def ask(self, consent_id: UUID | None = None, **changes: Any) -> Ask:
        values: dict[str, Any] = {
            "member": self.bank,
            "identifiers": ((SCHEME, resident_id(1)),),
            "name": NAME,
            "birth_date": BORN,
            "purpose": PURPOSE,
            "permit": "consent",
            "consent_id": consent_id,
            "idempotency_key": new_id().hex,
        }
        values |= changes
        shown = repr(sorted((key, str(value)) for key, value in values.items()))
        values.setdefault("request_digest", hashlib.sha256(shown.encode()).digest())
        return Ask(**values)

    def consent(
        self,
        *,
        number: str | None = None,
        recipient: str = "bank",
        purpose: str = PURPOSE,
        days: int = 30,
        starts: timedelta = timedelta(0),
        uses: int | None = None,
        classes: tuple[str, ...] = ("identity", "accounts", "summary", "looks", "consents"),
    ) -> UUID:
        """Register a consent captured by the bank; gives its id."""
        number = number or resident_id(1)
        salt, consent_id, now = b"s" * 16, new_id(), self.clock()
        payload = {
            "version": "1",
            "consent_id": str(consent_id),
            "subject_hash": _text64(hmac.digest(salt, f"{SCHEME}\x1f{number}".encode(), "sha256")),
            "captured_by": "bank",
            "recipient": recipient,
            "purpose": purpose,
            "data_classes": list(classes),
            "valid_from": instant_text(now + starts),
            "valid_to": instant_text(now + starts + timedelta(days=days)),
            "given_at": instant_text(now + min(starts, timedelta(0))),
            "uses_allowed": uses,
            "evidence": {"text_sha256": "0" * 64, "locale": "zh"},
        }
        key = OKPKey.import_key(_jwk(self.signing["bank"], private=True))
        artefact = jws.serialize_compact(
            {"alg": "Ed25519", "kid": "bank:1"}, canonical(payload), key, algorithms=["Ed25519"]
        )
        register(
            self.deps, self.bank, artefact=artefact, salt=_text64(salt), scheme=SCHEME,
            number=number,
        )  # fmt: skip
        return consent_id

    def rows(self, query: str, *given: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query, given).fetchall()  # type: ignore[arg-type]

    def looks(self) -> int:
        return int(self.rows("select count(*) from log.look")[0][0])


def _jwk(key: Ed25519PrivateKey, *, private: bool = False) -> dict[str, str]:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": _text64(key.public_key().public_bytes_raw())}
    return jwk | ({"d": _text64(key.private_bytes_raw())} if private else {})


def build(
    database: Any,
    keys: BureauKeys,
    clock: FakeClock,
    folder: Path,
    make: Callable[..., Deps] = make_deps,
) -> World:
    """A bureau with three members: those who are there already, else made, with nobody on file."""
    set_mint_key(database.url, keys.mint_key)
    folder.mkdir(parents=True, exist_ok=True)
    deps = make(
        database=Database(database.url, size=8),
        vault=Vault(database.vault_url, keys.wrapping_key),
        keys=keys,
        work_folder=folder,
        clock=clock,
    )
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)

    there = {one.code: one for one in members(deps)}

    def member(code: str, member_class: str) -> Member:
        return there.get(code) or add_member(
            deps, code=code, name_en=code.title(), name_zh=code, member_class=member_class,
            jwk=_jwk(key) if code == "bank" else None,
        )  # fmt: skip

    return World(
        deps=deps,
        clock=clock,
        url=database.url,
        bank=member("bank", "commercial_bank"),
        other=member("other", "commercial_bank"),
        platform=member("platform", "platform"),
        signing={"bank": key},
    )


def close(world: World) -> None:
    world.deps.database.close()  # type: ignore[attr-defined]
    world.deps.vault.close()  # type: ignore[attr-defined]


def furnish(
    world: World,
    member: Member,
    *,
    serial: int = 1,
    name: str = NAME,
    born: str = BORN,
    account: str = "A-1",
    months: int = 3,
    **terms: Any,
) -> None:
    """One person with one account and its newest months, as one member knows them."""
    number = resident_id(serial)
    person = f"P-{serial}"
    identity = {
        "person_number": person, "valid_from": "2024-01-01", "identifier_scheme": SCHEME,
        "identifier_number": number, "name": name, "birth_date": born,
    }  # fmt: skip
    send(world, member, "subject", identity)
    loan = {
        "account_number": account, "valid_from": "2024-01-01", "person_number": person,
        "product": "instalment_loan", "currency": "CNY", "opened_on": "2024-01-01",
        "principal": "12000.00", "basis": "legal_duty", **terms,
    }  # fmt: skip
    send(world, member, "account", loan)
    ends = ("2024-10-31", "2024-11-30", "2024-12-31")[3 - months :]
    if ends:
        send(world, member, "snapshot", *(month(account, period_end) for period_end in ends))


def month(account: str, period_end: str, **changes: Any) -> dict[str, Any]:
    return {
        "account_number": account, "period_end": period_end, "bucket": "0",
        "days_past_due": 0, "currency": "CNY", "balance": "9000.00", "payment_due": "500.00",
        "amount_paid": "500.00", "amount_past_due": "0.00", "status": "open", **changes,
    }  # fmt: skip


def send(world: World, member: Member, dataset: str, *records: dict[str, Any]) -> None:
    """Records through the front door; all must be accepted."""
    view = submit_records(world.deps, member, dataset, records)
    if view.accepted != len(records):
        rules = [(one.rule_id, one.count) for one in view.by_rule]
        raise AssertionError(f"{dataset}: {view.state}, {rules}")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
