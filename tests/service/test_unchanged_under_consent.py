"""What says nothing new is unchanged, though the consent it was taken under stands no more."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import orjson
import pytest

import factory
from tallystick.service.consents import withdraw
from tallystick.service.submit import process, receive
from tallystick.service.verify import ledger_verify

ACCEPTED, UNCHANGED, REJECTED = (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0)
#: A record of each dataset that may rest on a consent, and what else it says when it is changed.
RECORDS = {
    "account": (factory.account(3, 1), {"principal": "1001.00"}),
    "agreement": (factory.agreement(1), {"credit_limit": "5001.00"}),
    "guarantee": (factory.GUARANTEE, {"amount": "1001"}),
    "payment": (factory.PAYMENT, {"amount_due": "11"}),
}


def by_record(bureau: Any, bank: Any, dataset: str, *records: factory.Native) -> Any:
    return factory.send(bureau.deps, bank, dataset, *records)


def by_file(bureau: Any, bank: Any, dataset: str, *records: factory.Native) -> Any:
    stream = io.BytesIO(b"".join(orjson.dumps(record) + b"\n" for record in records))
    view = receive(bureau.deps, bank, dataset, stream, again=True)
    return process(bureau.deps, view.submission_id)


def under_consent(bureau: Any, dataset: str) -> tuple[Any, Any, factory.Native]:
    """A furnisher, a consent to furnish, and a record that rests on it."""
    bank = factory.member(bureau.deps)
    factory.open_account(bureau.deps, bank, (1, 2))
    record = {**RECORDS[dataset][0], "basis": "consent"}
    person = int(str(record["person_number"]).removeprefix("P"))
    consent = factory.consent(bureau.deps, bank, person, purpose="furnishing")
    if "valid_from" in record:  # no day before the consent was given
        record["valid_from"] = "2025-01-15"
    return bank, consent, {**record, "consent_ref": str(consent)}


@pytest.mark.parametrize("send", [by_record, by_file])
@pytest.mark.parametrize("end", ["withdrawn", "expired"])
@pytest.mark.parametrize("dataset", RECORDS)
def test_the_same_again_after_a_consents_end_is_unchanged_and_more_is_rejected(
    bureau: Any, dataset: str, end: str, send: Any
) -> None:
    bank, consent, record = under_consent(bureau, dataset)
    view = send(bureau, bank, dataset, record)
    assert factory.told(view) == (ACCEPTED, set())
    if end == "withdrawn":
        withdraw(bureau.deps, consent, withdrawn_by="person")
    else:
        bureau.clock.advance(timedelta(days=30))
    assert factory.told(send(bureau, bank, dataset, record)) == (UNCHANGED, set())
    view = send(bureau, bank, dataset, {**record, **RECORDS[dataset][1]})
    assert (factory.counts(view), "ANY-CONSENT-004" in factory.rules(view)) == (REJECTED, True)
    assert factory.told(send(bureau, bank, dataset, record)) == (UNCHANGED, set())
    assert ledger_verify(bureau.deps).faults == ()


@pytest.mark.parametrize("send", [by_record, by_file])
def test_what_was_deleted_is_not_on_file_and_is_held_to_its_consent(bureau: Any, send: Any) -> None:
    bank, consent, record = under_consent(bureau, "account")
    send(bureau, bank, "account", record)
    key = {"account_number": "A3", "valid_from": record["valid_from"]}
    view = factory.send(bureau.deps, bank, "deletion", factory.deletion("account", key))
    assert factory.counts(view) == ACCEPTED
    withdraw(bureau.deps, consent, withdrawn_by="person")
    view = send(bureau, bank, "account", record)
    assert (factory.counts(view), "ANY-CONSENT-004" in factory.rules(view)) == (REJECTED, True)


def test_a_full_extract_after_a_withdrawal_says_only_what_is_new(bureau: Any) -> None:
    bank, consent, record = under_consent(bureau, "account")
    by_file(bureau, bank, "account", record)
    withdraw(bureau.deps, consent, withdrawn_by="person")
    extract = [
        factory.account(1), factory.account(2), record,
        {**record, "account_number": "A4"}, factory.account(5, 2),
    ]  # fmt: skip
    view = by_file(bureau, bank, "account", *extract)
    assert factory.told(view) == ((1, 3, 1, 0), {"ANY-CONSENT-004"})


def test_a_correction_under_a_withdrawn_consent_is_rejected_as_ever(bureau: Any) -> None:
    bank, consent, record = under_consent(bureau, "account")
    by_file(bureau, bank, "account", record)
    withdraw(bureau.deps, consent, withdrawn_by="person")
    change = factory.correction("account", {**record, "principal": "1001.00"}, record)
    view = factory.send(bureau.deps, bank, "correction", change)
    assert factory.told(view) == (REJECTED, {"ANY-CONSENT-004"})
