"""What was deleted stays away under any key: an account, a person, and what hangs on either."""

from __future__ import annotations

from typing import Any

import pytest

import factory
from beginnings import beginning
from tallystick.service import process_rows, submissions, submit
from tallystick.service.members import member_by_code
from tallystick.service.state import bureau_state
from tallystick.service.verify import ledger_verify

ACCEPTED, REJECTED, WAITING = (1, 0, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)
TAKEN, AGAIN, PARENT = (ACCEPTED, set()), (REJECTED, {"ANY-DELETED-001"}), {"ANY-PARENT-001"}
CERTIFIED = "reinsertion_certified"
OLD = [factory.snapshot(1, month) for month in ("2024-10", "2024-11")]
NEW = factory.snapshot(1, "2024-12")
NOTE = {**factory.REMARK, "kind": "disputed"}
#: What hangs on account 1, as it was sent before anything was deleted.
HUNG = [
    *(("snapshot", one) for one in OLD),
    ("event", factory.event(1)),
    ("account_party", factory.account_party(1, 2)),
    ("funding", factory.funding(1, "bank2", "0.6")),
    ("remark", factory.REMARK),
]
#: And of keys that were never sent before.
FRESH = [
    ("snapshot", NEW),
    ("event", factory.event(1, "e2")),
    ("account_party", factory.account_party(1, 2, valid_from="2024-02-01")),
    ("funding", factory.funding(1, "bank2", "0.6", valid_from="2024-02-01")),
    ("remark", NOTE),
    ("guarantee", factory.GUARANTEE),
]
OF_PERSON = [
    ("account", factory.account(3, 1)),
    ("agreement", factory.agreement(1)),
    ("payment", factory.PAYMENT),
    ("remark", {"object_type": "party", "person_number": "P1", "kind": "statement",
                "valid_from": "2024-06-01", "text": "Abroad until May."}),
    ("guarantee", {**factory.GUARANTEE, "person_number": "P1", "account_number": "A2"}),
    ("snapshot", factory.snapshot(4, "2024-12")),
    ("event", factory.event(4, "e2")),
    ("account", factory.account(4, 1, valid_from="2024-02-01")),
    ("account_party", factory.account_party(2, 1)),
]  # fmt: skip
ACCOUNT_GONE = factory.deletion(
    "account", {"account_number": "A1", "valid_from": "2024-01-01"}, reason="not_his"
)
PERSON_GONE = factory.deletion(
    "subject", {"person_number": "P1", "valid_from": "2024-01-01"}, reason="not_his"
)


def _begin(bureau: Any) -> None:
    made = factory.two_accounts_beside_another(bureau.deps)
    for dataset, record in HUNG:
        told = send(bureau, made, dataset, record)
        assert told[0] == ACCEPTED, (dataset, told)


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    """A furnisher with months, an event, a holder, a share and a remark of account 1."""
    return member_by_code(bureau.deps, "bank1")


@pytest.fixture(params=["record", "file"])
def size(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge as a single record, or as a file of many is judged."""
    if request.param == "file":
        monkeypatch.setattr(submit, "PLAIN_PLAN_BYTES", 0)
        monkeypatch.setattr(process_rows, "SCAN_FROM", 1)


def send(bureau: Any, bank: Any, dataset: str, *records: Any) -> tuple[Any, set[str]]:
    return factory.told(factory.send_again(bureau.deps, bank, dataset, *records))


def certify(bureau: Any, bank: Any, dataset: str, record: Any) -> tuple[Any, set[str]]:
    return send(
        bureau, bank, "correction", factory.correction(dataset, record, record, reason=CERTIFIED)
    )


def months(bureau: Any) -> list[tuple[Any, ...]]:
    query = (
        "select distinct length(months) / 21 from file.account_now a join directory.object o"
        " on o.object_id = a.account_id and o.furnisher_id = %s and o.number_token = %s"
    )
    bank = member_by_code(bureau.deps, "bank1")
    token = bureau.deps.keys.number_token(bank.member_id, "account", "A1")
    with bureau.deps.database.connect("intake") as connection:
        return list(connection.execute(query, (bank.member_id, token)).fetchall())


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("is_gone", [True, False])
@pytest.mark.parametrize("day", ["2024-01-01", "2024-01-02", "2025-01-15"])
def test_a_deleted_account_comes_back_under_no_day(
    bureau: Any, bank: Any, day: str, is_gone: bool
) -> None:
    again = factory.account(1, valid_from=day)
    if is_gone:
        assert send(bureau, bank, "deletion", ACCOUNT_GONE) == TAKEN
        assert send(bureau, bank, "account", again) == AGAIN
        plain = factory.correction("account", again, again)
        assert send(bureau, bank, "correction", plain)[0] == REJECTED
        assert months(bureau) == []
    else:
        unchanged = (0, 1, 0, 0)
        wanted = unchanged if day == "2024-01-01" else ACCEPTED
        assert send(bureau, bank, "account", again) == (wanted, set())
        assert months(bureau) == [(2,)]


@pytest.mark.usefixtures("size")
def test_what_hung_on_a_deleted_account_needs_certificates_of_its_own(
    bureau: Any, bank: Any
) -> None:
    assert send(bureau, bank, "deletion", ACCOUNT_GONE) == TAKEN
    for dataset, record in HUNG:
        counts, rules = send(bureau, bank, dataset, record)
        assert (counts, rules) == (REJECTED, {"ANY-DELETED-001"} | PARENT), dataset
    assert certify(bureau, bank, "account", factory.account(1)) == TAKEN
    assert months(bureau) == [(0,)]
    for dataset, record in HUNG:
        assert send(bureau, bank, dataset, record) == AGAIN, dataset
        plain = factory.correction(dataset, record, record)
        assert send(bureau, bank, "correction", plain) == AGAIN, dataset
        assert certify(bureau, bank, dataset, record) == TAKEN, dataset
    assert send(bureau, bank, "account", factory.account(1, valid_from="2024-02-01")) == TAKEN
    assert months(bureau) == [(2,)]
    assert ledger_verify(bureau.deps).ok


@pytest.mark.usefixtures("size")
def test_what_was_never_sent_of_a_deleted_account_waits_until_it_is_certified_back(
    bureau: Any, bank: Any
) -> None:
    assert send(bureau, bank, "deletion", ACCOUNT_GONE) == TAKEN
    sent = [factory.send_again(bureau.deps, bank, dataset, record) for dataset, record in FRESH]
    for (dataset, _), one in zip(FRESH, sent, strict=True):
        assert factory.counts(one) == WAITING, dataset
    assert send(bureau, bank, "account", factory.account(1, valid_from="2024-01-02")) == AGAIN
    assert certify(bureau, bank, "account", factory.account(1)) == TAKEN
    for (dataset, _), one in zip(FRESH, sent, strict=True):
        now = submissions.show(bureau.deps, bank, one.submission_id)
        assert factory.counts(now) == ACCEPTED, dataset
    assert months(bureau) == [(1,)]
    assert bureau_state(bureau.deps, most_cases=1).rows_waiting == 0
    assert ledger_verify(bureau.deps).ok


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("gone", [ACCOUNT_GONE, PERSON_GONE])
def test_a_deletion_touches_no_other_account_and_no_other_furnisher(
    bureau: Any, bank: Any, gone: Any
) -> None:
    other = member_by_code(bureau.deps, "bank2")
    factory.open_account(bureau.deps, other)
    assert send(bureau, bank, "account", factory.account(3, 1)) == TAKEN
    assert send(bureau, bank, "deletion", gone) == TAKEN
    is_account = gone is ACCOUNT_GONE
    for dataset, number, person in (("snapshot", 3, 1), ("snapshot", 2, 2)):
        waits = not is_account and person == 1
        wanted = (WAITING, PARENT) if waits else TAKEN
        assert send(bureau, bank, dataset, factory.snapshot(number, "2024-12")) == wanted
    assert send(bureau, bank, "account", factory.account(2, valid_from="2024-01-02")) == TAKEN
    assert send(bureau, bank, "subject", factory.subject(2, valid_from="2024-01-02")) == TAKEN
    assert send(bureau, other, "subject", factory.subject(1, valid_from="2024-01-02")) == TAKEN
    assert send(bureau, other, "account", factory.account(1, valid_from="2024-01-02")) == TAKEN
    assert send(bureau, other, "snapshot", *OLD)[0] == (2, 0, 0, 0)


@pytest.mark.usefixtures("size")
def test_a_deleted_person_comes_back_by_a_certificate_alone(bureau: Any, bank: Any) -> None:
    assert send(bureau, bank, "account", factory.account(4, 1)) == TAKEN  # hers alone
    assert send(bureau, bank, "deletion", PERSON_GONE) == TAKEN
    for day in ("2024-01-01", "2024-01-02"):
        again = factory.subject(1, valid_from=day)
        assert send(bureau, bank, "subject", again) == AGAIN
        assert send(bureau, bank, "correction", factory.correction("subject", again, again))[0] == (
            REJECTED
        )
    sent = [factory.send_again(bureau.deps, bank, dataset, record) for dataset, record in OF_PERSON]
    for (dataset, _), one in zip(OF_PERSON, sent, strict=True):
        assert factory.counts(one) == WAITING, dataset
    assert certify(bureau, bank, "subject", factory.subject(1)) == TAKEN
    for (dataset, _), one in zip(OF_PERSON, sent, strict=True):
        now = submissions.show(bureau.deps, bank, one.submission_id)
        assert factory.counts(now) == ACCEPTED, dataset
    assert send(bureau, bank, "subject", factory.subject(1, valid_from="2024-01-02")) == TAKEN
    assert bureau_state(bureau.deps, most_cases=1).rows_waiting == 0
    assert ledger_verify(bureau.deps).ok


@pytest.mark.usefixtures("size")
def test_a_person_of_whom_one_record_is_left_is_not_deleted(bureau: Any, bank: Any) -> None:
    later = factory.subject(1, valid_from="2024-02-01")
    assert send(bureau, bank, "subject", later) == TAKEN
    assert send(bureau, bank, "deletion", PERSON_GONE) == TAKEN
    assert send(bureau, bank, "snapshot", NEW) == TAKEN
    assert send(bureau, bank, "subject", factory.subject(1)) == AGAIN
    assert send(bureau, bank, "subject", factory.subject(1, valid_from="2024-03-01")) == TAKEN
    for day in ("2024-02-01", "2024-03-01"):
        gone = factory.deletion("subject", {"person_number": "P1", "valid_from": day})
        assert send(bureau, bank, "deletion", gone) == TAKEN
    again = factory.subject(1, valid_from="2024-04-01")
    assert send(bureau, bank, "subject", again) == AGAIN
    assert certify(bureau, bank, "subject", later) == TAKEN
    assert send(bureau, bank, "subject", again) == TAKEN
