"""Native records with honest defaults: synthetic, passing every rule, changed by keyword.

    account(1, principal="500.00")    snapshot(1, "2024-12", balance="0")

Numbers name things: person 1 borrows account 1. A value of None leaves the field out.
"""

from __future__ import annotations

import base64
import calendar
import hashlib
import hmac
import io
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

from tallystick.entry.cli.digest import digests
from tallystick.model.canonical import canonical
from tallystick.model.instant import instant_text
from tallystick.service import intake_store
from tallystick.service.inquire import Ask
from tallystick.service.members import Member, add_member
from tallystick.service.port import Deps
from tallystick.service.submissions import SubmissionView
from tallystick.service.submit import process, receive, register_consent, submit_records

Native = dict[str, Any]
SCHEME = "soc_sec_id"
NAMES = ("Ada Adler", "Ben Brook", "Cleo Cole", "Dan Dale", "Eve Ellis", "Finn Ford")


def _without_none(record: Mapping[str, Any]) -> Native:
    return {name: value for name, value in record.items() if value is not None}


#: Every member of the tests signs consents with the same made-up key, under a name of its own.
SIGNING = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PURPOSE = "credit_application"


def member(deps: Deps, code: str = "bank1", member_class: str = "commercial_bank") -> Member:
    """A member of the bureau, with a signing key."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": _text64(SIGNING.public_key().public_bytes_raw())}
    return add_member(
        deps, code=code, name_en=code.title(), name_zh="测试机构", member_class=member_class,
        jwk=jwk,
    )  # fmt: skip


def _text64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


#: Records of datasets that few tests send, about the person and the account numbered 1 and 2.
GUARANTEE: Final = {
    "guarantee_number": "U1", "person_number": "P2", "account_number": "A1",
    "valid_from": "2024-01-01", "currency": "CNY", "amount": "1000", "basis": "legal_duty",
}  # fmt: skip
PAYMENT: Final = {
    "payer_account_number": "R1", "person_number": "P1", "payment_kind": "rent",
    "period_end": "2024-12-31", "bucket": "0", "days_past_due": "0", "currency": "CNY",
    "amount_due": "10", "amount_paid": {"absent": "not_held"}, "basis": "legal_duty",
}  # fmt: skip
REMARK: Final = {
    "object_type": "account", "account_number": "A1", "kind": "statement",
    "valid_from": "2024-06-01", "text": "Paid in cash, 收据在手",
}  # fmt: skip


def consent(deps: Deps, captor: Member, person: int, **fields: Any) -> UUID:
    """Register a person's consent to that member for thirty days; gives its id."""
    signed = consent_record(deps, captor, person, **fields)
    register_consent(
        deps, captor, artefact=signed["artefact"], salt=signed["salt"],
        scheme=signed["identifier_scheme"], number=signed["identifier_number"],
    )  # fmt: skip
    return UUID(signed["consent_id"])


def consent_record(deps: Deps, captor: Member, person: int, **fields: Any) -> dict[str, Any]:
    """A person's signed consent to that member for thirty days, as a file has it."""
    number, salt, now = identity_number(person), b"s" * 16, deps.clock()
    hashed = hmac.digest(salt, f"{SCHEME}\x1f{number}".encode(), "sha256")
    payload = {
        "version": "1",
        "consent_id": str(deps.new_id()),
        "subject_hash": _text64(hashed),
        "captured_by": captor.code,
        "recipient": captor.code,
        "purpose": PURPOSE,
        "data_classes": ["identity", "accounts", "summary", "looks", "consents"],
        "valid_from": instant_text(now),
        "valid_to": instant_text(now + timedelta(days=30)),
        "given_at": instant_text(now),
        "uses_allowed": None,
        "evidence": {"text_sha256": "0" * 64, "locale": "zh"},
        **fields,
    }
    jwk = {
        "kty": "OKP", "crv": "Ed25519",
        "x": _text64(SIGNING.public_key().public_bytes_raw()),
        "d": _text64(SIGNING.private_bytes_raw()),
    }  # fmt: skip
    artefact = jws.serialize_compact(
        {"alg": "Ed25519", "kid": f"{captor.code}:1"}, canonical(payload), OKPKey.import_key(jwk),
        algorithms=["Ed25519"],
    )  # fmt: skip
    return {
        "consent_id": payload["consent_id"], "artefact": artefact, "salt": _text64(salt),
        "identifier_scheme": SCHEME, "identifier_number": number,
    }  # fmt: skip


def ask(deps: Deps, asker: Member, person: int, consent_id: UUID | None, **fields: Any) -> Ask:
    """An inquiry under a consent, by number, name and birth date."""
    known = subject(person)
    values: dict[str, Any] = {
        "member": asker,
        "identifiers": ((SCHEME, identity_number(person)),),
        "name": known["name"],
        "birth_date": known["birth_date"],
        "purpose": PURPOSE,
        "permit": "consent",
        "consent_id": consent_id,
        "idempotency_key": deps.new_id().hex,
        **fields,
    }
    shown = repr(sorted((name, str(value)) for name, value in values.items()))
    return Ask(**values, request_digest=hashlib.sha256(shown.encode()).digest())


def identity_number(person: int) -> str:
    """A number of the scheme of profile `zz`, a different one for each person."""
    return f"{1_000_000 + person:07d}"


def subject(person: int, **fields: Any) -> Native:
    """Identity as a furnisher knows it."""
    record: Native = {
        "person_number": f"P{person}",
        "valid_from": "2024-01-01",
        "identifier_scheme": SCHEME,
        "identifier_number": identity_number(person),
        "name": NAMES[person % len(NAMES)],
        "birth_date": f"19{70 + person % 30}-0{person % 9 + 1}-1{person % 10}",
        "phone": f"555-01{person:02d}",
    }
    return _without_none({**record, **fields})


def account(number: int, person: int | None = None, **fields: Any) -> Native:
    """An instalment loan of 1,000.00 from January 2024 on."""
    record: Native = {
        "account_number": f"A{number}",
        "valid_from": "2024-01-01",
        "person_number": f"P{number if person is None else person}",
        "product": "instalment_loan",
        "currency": "CNY",
        "opened_on": "2024-01-01",
        "principal": "1000.00",
        "basis": "legal_duty",
    }
    return _without_none({**record, **fields})


def month_end(month: str) -> str:
    """The last day of a month given as YYYY-MM."""
    year, number = (int(part) for part in month.split("-"))
    return date(year, number, calendar.monthrange(year, number)[1]).isoformat()


def snapshot(number: int, month: str, **fields: Any) -> Native:
    """One month of an account, current and open."""
    record: Native = {
        "account_number": f"A{number}",
        "period_end": month_end(month),
        "bucket": "0",
        "days_past_due": "0",
        "currency": "CNY",
        "balance": "900.00",
        "payment_due": "100.00",
        "amount_paid": "100.00",
        "amount_past_due": "0",
        "status": "open",
    }
    return _without_none({**record, **fields})


def event(number: int, event_id: str = "e1", **fields: Any) -> Native:
    """The account was opened."""
    record: Native = {
        "account_number": f"A{number}",
        "event_id": event_id,
        "event_type": "opened",
        "occurred_at": "2024-01-01T10:00:00+08:00",
    }
    return _without_none({**record, **fields})


def account_party(number: int, person: int, **fields: Any) -> Native:
    """A second borrower of an account."""
    record: Native = {
        "account_number": f"A{number}",
        "person_number": f"P{person}",
        "role": "co_borrower",
        "holder_no": "2",
        "valid_from": "2024-01-01",
    }
    return _without_none({**record, **fields})


def funding(number: int, funder: str, share: str, **fields: Any) -> Native:
    """A funder's share of an account of bank1."""
    record: Native = {
        "originator": "bank1",
        "account_number": f"A{number}",
        "funder": funder,
        "role": "funder",
        "valid_from": "2024-01-01",
        "share": share,
    }
    return _without_none({**record, **fields})


def agreement(number: int, person: int | None = None, **fields: Any) -> Native:
    """A credit line."""
    record: Native = {
        "agreement_number": f"G{number}",
        "person_number": f"P{number if person is None else person}",
        "valid_from": "2024-01-01",
        "currency": "CNY",
        "credit_limit": "5000.00",
        "is_revolving": "true",
        "status": "active",
        "basis": "legal_duty",
    }
    return _without_none({**record, **fields})


#: No record's digest.
NO_DIGEST = "0" * 64


def digest(dataset: str, record: Native) -> str:
    """The digest of a record, as its furnisher computes it from a file of his own."""
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
        file.write(orjson.dumps(record) + b"\n")
        file.flush()
        ((_, found),) = digests(Path(file.name), dataset, "zz")
    assert found is not None, record
    return found


def correction(
    dataset: str, record: Native, replaces: Native | None = None, **fields: Any
) -> Native:
    """A correction with the whole new record; without `replaces` the digest is nobody's."""
    made = {
        "record_dataset": dataset,
        "record": record,
        "replaces_digest": digest(dataset, replaces) if replaces else NO_DIGEST,
        "reason": "furnisher_error",
    }
    return _without_none({**made, **fields})


def deletion(dataset: str, key: Native, reason: str = "furnished_in_error") -> Native:
    """A deletion of one key."""
    return {"record_dataset": dataset, "record_key": key, "reason": reason}


def send(deps: Deps, furnisher: Member, dataset: str, *records: Native) -> SubmissionView:
    """Send records by the API, up to a hundred at once; published when this returns."""
    return submit_records(deps, furnisher, dataset, records)


def send_again(deps: Deps, furnisher: Member, dataset: str, *records: Native) -> SubmissionView:
    """The same as a submission of its own, though the same bytes were sent before."""
    lines = b"".join(orjson.dumps(record) + b"\n" for record in records)
    taken = receive(deps, furnisher, dataset, io.BytesIO(lines), channel="api", again=True)
    return process(deps, taken.submission_id)


def counts(view: SubmissionView) -> tuple[int, int, int, int]:
    """accepted, unchanged, rejected, pending; checks that they add up to what was sent."""
    found = (view.accepted, view.unchanged, view.rejected, view.pending)
    assert sum(found) == view.sent, view
    return found


def rules(view: SubmissionView) -> set[str]:
    """The rules that hit."""
    return {one.rule_id for one in view.by_rule}


def told(view: SubmissionView) -> tuple[tuple[int, int, int, int], set[str]]:
    """What a furnisher is told of what it sent: `counts` and `rules`."""
    return counts(view), rules(view)


def two_accounts_beside_another(deps: Deps) -> Member:
    """A furnisher with accounts 1 and 2; another member is there too."""
    made = member(deps)
    member(deps, "bank2")
    open_account(deps, made, (1, 2))
    return made


def open_account(deps: Deps, furnisher: Member, numbers: Sequence[int] = (1,)) -> None:
    """Persons with an account each, published."""
    for dataset, build in (("subject", subject), ("account", account)):
        view = send(deps, furnisher, dataset, *(build(number) for number in numbers))
        assert counts(view) == (len(numbers), 0, 0, 0), view


class Killed(BaseException):
    """Ends a job as a kill would: nothing catches it."""


def sell(deps: Deps, seller: Member, buyer: Member) -> None:
    """The seller (`bank1`) sells its account 1, which goes on at the buyer as account 7."""
    sale = event(1, "e9", event_type="sold", occurred_at="2024-12-31T10:00:00+08:00")
    send(deps, seller, "event", sale)
    send(deps, buyer, "subject", subject(1))
    bought = account(
        7, 1, valid_from="2025-01-01", formerly_furnisher="bank1", formerly_account_number="A1",
        formerly_reason="sold",
    )  # fmt: skip
    assert counts(send(deps, buyer, "account", bought)) == (1, 0, 0, 0)


def killed_before_its_end(deps: Deps, submission_id: UUID) -> None:
    """Process a submission up to where all is published, and no further."""

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake_store, "close_funnel", killed)
        with pytest.raises(Killed):
            process(deps, submission_id)
