"""A deletion names one record by its whole key; any other key is told and hides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.entry.cli.offline import check_file
from tallystick.formats import load
from tallystick.service import record_keys
from tallystick.service.keys_of_rows import SHAPES
from tallystick.service.members import member_by_code
from tallystick.service.submissions import findings
from tallystick.service.verify import ledger_verify

ACCEPTED, UNCHANGED, REJECTED = (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0)
MONTHS = [factory.snapshot(1, month) for month in ("2024-11", "2024-12")]
STANDS = "select last_period_end::text, length(months) from file.account_now"
GUARANTEE, PAYMENT, REMARK = factory.GUARANTEE, factory.PAYMENT, factory.REMARK
ABOUT_PERSON = {
    "object_type": "party", "person_number": "P1", "kind": "statement",
    "valid_from": "2024-06-01", "text": "Abroad until May.",
}  # fmt: skip
MEMBER = {
    "member": "bank1", "valid_from": "2024-01-01", "member_class": "commercial_bank",
    "currency": "CNY", "total_loans": "10.00",
}  # fmt: skip
RECORDS = [
    ("subject", factory.subject(1, valid_from="2024-02-01")),
    ("account", factory.account(1, valid_from="2024-02-01")),
    ("account_party", factory.account_party(1, 2)),
    ("snapshot", factory.snapshot(1, "2024-12")),
    ("event", factory.event(1)),
    ("agreement", factory.agreement(1)),
    ("guarantee", GUARANTEE),
    ("funding", factory.funding(1, "bank2", "0.6")),
    ("payment", PAYMENT),
    ("remark", REMARK),
    ("remark", ABOUT_PERSON),
    ("member", MEMBER),
]
EVENT = "; key: account_number, event_id"
MONTH = "; key: account_number, period_end"
TERMS = "; key: account_number, valid_from"
NOTE = "; key: object_type, account_number, kind, valid_from"
PARTY_NOTE = "; key: object_type, person_number, kind, valid_from"
LAST = "2024-12-31"
WRONG: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("snapshot", {}, {"001": f"account_number, period_end{MONTH}"}),
    ("snapshot", {"account_number": "A1"}, {"001": f"period_end{MONTH}"}),
    ("snapshot", {"account_number": "A1", "period_end": None}, {"001": f"period_end{MONTH}"}),
    ("snapshot", {"account_number": "A1", "period_end": ""}, {"001": f"period_end{MONTH}"}),
    ("snapshot", {"account_number": "A1", "period_end": "x"},
     {"003": f'period_end = "x"{MONTH}'}),
    ("snapshot", {"account_number": "A1", "period_end": "2024-02-30"},
     {"003": f'period_end = "2024-02-30"{MONTH}'}),
    ("snapshot", {"account_number": 1, "period_end": LAST}, {"003": f"account_number = …{MONTH}"}),
    ("snapshot", {"account_number": "A1", "period_end": LAST, "status": "open"},
     {"002": f'"status"{MONTH}'}),
    ("snapshot", {"account_number": "A1", "period": LAST},
     {"001": f"period_end{MONTH}", "002": f'"period"{MONTH}'}),
    ("snapshot", {"account_number": "A1", "period_end": LAST, **dict.fromkeys("dabc", 1)},
     {"002": f'"d", "a", "b", …{MONTH}'}),
    ("event", {"account_number": "A1"}, {"001": f"event_id{EVENT}"}),
    ("account", {}, {"001": f"account_number, valid_from{TERMS}"}),
    ("account", {"account_number": "A1"}, {"001": f"valid_from{TERMS}"}),
    ("account", {"account_number": "A1", "valid_from": "x"},
     {"003": f'valid_from = "x"{TERMS}'}),
    ("account", {"account_number": "A1", "period_end": LAST},
     {"001": f"valid_from{TERMS}", "002": f'"period_end"{TERMS}'}),
    ("subject", {"person_number": "P1"}, {"001": "valid_from; key: person_number, valid_from"}),
    ("subject", {"account_number": "A1", "role": "boss", "valid_from": "2024-01-01"},
     {"001": "holder_no; key: account_number, role, holder_no, valid_from",
      "003": 'role = "boss"; key: account_number, role, holder_no, valid_from'}),
    ("account_party", {"account_number": "A1", "role": "co_borrower", "valid_from": "2024-01-01"},
     {"001": "holder_no; key: account_number, role, holder_no, valid_from"}),
    ("agreement", {"agreement_number": "C1"},
     {"001": "valid_from; key: agreement_number, valid_from"}),
    ("guarantee", {"guarantee_number": "U1"},
     {"001": "valid_from; key: guarantee_number, valid_from"}),
    ("payment", {"payer_account_number": "R1"},
     {"001": "period_end; key: payer_account_number, period_end"}),
    ("funding", {"account_number": "A1", "originator": "bank1"},
     {"001": "funder, valid_from; key: originator, account_number, funder, valid_from"}),
    ("remark", {"object_type": "account", "account_number": "A1"},
     {"001": f"kind, valid_from{NOTE}"}),
    ("remark", {"object_type": "party", "account_number": "A1", "kind": "statement",
                "valid_from": "2024-06-01"},
     {"001": f"person_number{PARTY_NOTE}", "002": f'"account_number"{PARTY_NOTE}'}),
    ("member", {"member": "bank1"}, {"001": "valid_from; key: member, valid_from"}),
]  # fmt: skip


def _begin(bureau: Any) -> None:
    factory.two_accounts_beside_another(bureau.deps)


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank1")


def send(bureau: Any, bank: Any, dataset: str, *records: Any) -> tuple[Any, set[str]]:
    return factory.told(factory.send_again(bureau.deps, bank, dataset, *records))


def rows(bureau: Any, query: str) -> list[tuple[Any, ...]]:
    with bureau.deps.database.connect("intake") as connection:
        return list(connection.execute(query).fetchall())


@pytest.mark.parametrize(("dataset", "key", "seen"), WRONG)
def test_a_key_that_is_not_whole_is_told_and_hides_nothing(
    bureau: Any, bank: Any, dataset: str, key: dict[str, Any], seen: dict[str, str]
) -> None:
    assert send(bureau, bank, "snapshot", *MONTHS)[0] == (2, 0, 0, 0)
    stood = rows(bureau, STANDS)
    view = factory.send_again(bureau.deps, bank, "deletion", factory.deletion(dataset, key))
    assert factory.counts(view) == REJECTED
    found = findings(bureau.deps, bank, view.submission_id)
    assert {one.rule_id: one.seen for one in found} == {
        f"DEL-KEY-{number}": text for number, text in seen.items()
    }
    assert {(one.field, one.severity) for one in found} == {("record_key", "reject")}
    assert rows(bureau, "select count(*) from ledger.deletion") == [(0,)]
    assert rows(bureau, STANDS) == stood


def test_a_wrong_key_is_found_offline_as_the_bureau_finds_it(
    bureau: Any, bank: Any, tmp_path: Path
) -> None:
    sent = [factory.deletion(dataset, key) for dataset, key, _ in WRONG]
    sent += [
        factory.deletion("snapshot", {}, reason="nobody's"),
        {"record_dataset": "nothing", "record_key": {}, "reason": "other"},
        {"record_dataset": "snapshot", "reason": "other"},
        {"record_dataset": "snapshot", "record_key": [1], "reason": "other"},
        factory.deletion("snapshot", {"account_number": "A1", "period_end": LAST}),
    ]
    path = tmp_path / "deletion.ndjson"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in sent))
    checked = check_file(path, dataset="deletion", profile_id="zz", progress=lambda *_: None)
    view = factory.send(bureau.deps, bank, "deletion", *sent)
    told = findings(bureau.deps, bank, view.submission_id, limit=1000)
    assert _places(checked.findings) == _places(
        one for one in told if one.rule_id in checked.evaluated
    )
    found = {(one.line_no, one.rule_id, one.seen) for one in checked.findings}
    for line, (_, _, seen) in enumerate(WRONG, start=1):
        assert {(line, f"DEL-KEY-{number}", text) for number, text in seen.items()} <= found


def _places(found: Iterable[Any]) -> list[tuple[Any, ...]]:
    return sorted(
        (one.line_no, one.rule_id, one.severity, one.field or "", one.seen or "") for one in found
    )


@pytest.mark.parametrize(("dataset", "record"), RECORDS)
def test_the_whole_key_of_every_dataset_hides_its_record_and_no_part_of_it_does(
    bureau: Any, bank: Any, dataset: str, record: dict[str, Any]
) -> None:
    assert send(bureau, bank, dataset, record)[0] == ACCEPTED
    (form,) = [
        form for form in record_keys.forms(load()[dataset]) if set(form) <= record.keys()
    ]  # fmt: skip
    key = {name: record[name] for name in form}
    for name in form:
        part = {other: value for other, value in key.items() if other != name}
        assert send(bureau, bank, "deletion", factory.deletion(dataset, part))[0] == REJECTED
    other = {**key, form[-1]: "2024-03-31"}
    assert send(bureau, bank, "deletion", factory.deletion(dataset, other)) == (
        REJECTED, {"ANY-TARGET-001"},
    )  # fmt: skip
    gone = factory.deletion(dataset, key)
    assert send(bureau, bank, "deletion", gone) == (ACCEPTED, set())
    assert send(bureau, bank, "deletion", gone) == (UNCHANGED, set())
    assert send(bureau, bank, "deletion", {**gone, "reason": "other"}) == (
        REJECTED, {"ANY-TARGET-001"},
    )  # fmt: skip
    assert rows(bureau, "select count(*) from ledger.deletion") == [(1,)]


def test_an_account_is_hidden_whole_by_the_key_of_one_of_its_records(
    bureau: Any, bank: Any
) -> None:
    assert send(bureau, bank, "snapshot", *MONTHS)[0] == (2, 0, 0, 0)
    whole = factory.deletion("account", {"account_number": "A1", "valid_from": "2024-01-01"})
    assert send(bureau, bank, "deletion", whole) == (ACCEPTED, set())
    assert rows(bureau, STANDS) == [(None, 0)]  # account 2 alone


def test_facts_of_a_member_come_back_by_a_certified_correction_alone(
    bureau: Any, bank: Any
) -> None:
    key = {name: MEMBER[name] for name in ("member", "valid_from")}
    assert send(bureau, bank, "member", MEMBER) == (ACCEPTED, set())
    stranger = factory.member(bureau.deps, "bank3")
    gone = factory.deletion("member", key)
    assert send(bureau, stranger, "deletion", gone) == (REJECTED, {"ANY-TARGET-001"})
    assert send(bureau, bank, "deletion", gone) == (ACCEPTED, set())
    for record in (MEMBER, {**MEMBER, "total_loans": "11.00"}):
        assert send(bureau, bank, "member", record) == (REJECTED, {"ANY-DELETED-001"})
    back = factory.correction("member", MEMBER, MEMBER)
    assert send(bureau, bank, "correction", back) == (REJECTED, {"ANY-DELETED-001"})
    back = factory.correction("member", MEMBER, MEMBER, reason="reinsertion_certified")
    assert send(bureau, bank, "correction", back) == (ACCEPTED, set())
    assert send(bureau, bank, "member", MEMBER) == ((0, 1, 0, 0), set())
    assert send(bureau, bank, "deletion", gone) == (ACCEPTED, set())
    assert ledger_verify(bureau.deps).ok


def test_a_key_is_made_of_fields_of_its_dataset() -> None:
    registry = load()
    for name in SHAPES:
        for form in record_keys.forms(registry[name]):
            assert len(set(form)) == len(form)
            assert all(registry[name].field(one) for one in form)
