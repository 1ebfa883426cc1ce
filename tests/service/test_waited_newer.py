"""A row that waited takes the place of nothing newer: not of what was said of its key meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import orjson
import pytest

import factory
from beginnings import beginning
from tallystick.service import submissions
from tallystick.service.members import member_by_code
from tallystick.service.state import bureau_state
from tallystick.service.verify import ledger_verify

NEWER = "ANY-WAITED-001"
ACCEPTED, REJECTED, WAITS = (1, 0, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)
CONSENT = "018f0000-0000-7000-8000-000000000001"
UNDER = {"basis": "consent", "consent_ref": CONSENT}
Sent = tuple[str, factory.Native]


def _begin(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    factory.member(bureau.deps, "bank2")
    factory.open_account(bureau.deps, bank, (2,))
    factory.send(bureau.deps, bank, "subject", factory.subject(1), factory.subject(4))


template = beginning(_begin)


@pytest.fixture
def bank(bureau: Any) -> Any:
    return member_by_code(bureau.deps, "bank1")


def terms(principal: str, **fields: Any) -> Sent:
    return "account", factory.account(1, principal=principal, **fields)


def guaranteed(account: int, amount: str) -> Sent:
    number = f"A{account}"
    given = {"account_number": number, "person_number": "P4", "amount": amount}
    return "guarantee", {**factory.GUARANTEE, **given}


def corrected(new: Sent, old: Sent | None, reason: str = "furnisher_error") -> Sent:
    replaces = old[1] if old else None
    return "correction", factory.correction(new[0], new[1], replaces, reason=reason)


def paid(amount: str, **fields: Any) -> Sent:
    return "payment", {**factory.PAYMENT, "amount_due": amount, **fields}


def role(person: int, **fields: Any) -> Sent:
    return "account_party", factory.account_party(2, person, **fields)


def line(limit: str, **fields: Any) -> Sent:
    return "agreement", factory.agreement(1, credit_limit=limit, **fields)


GONE = "deletion", factory.deletion("account", {"account_number": "A1", "valid_from": "2024-01-01"})
UNDER_G1, UNDER_G2 = terms("1000.00", agreement_number="G1"), terms("1.00", agreement_number="G2")
G1, G2 = ("agreement", factory.agreement(1)), ("agreement", factory.agreement(2, 1))
CERTIFIED = "reinsertion_certified"
GIVEN: Sent = ("", {})


class Case(NamedTuple):
    """What waits, what is sent and taken before it and meanwhile, what it waits for."""

    waits: Sent
    before: tuple[Sent, ...]
    meanwhile: tuple[Sent, ...]
    comes: Sent
    found: tuple[tuple[int, ...], set[str]]
    stands: str


REFUSED = (REJECTED, {NEWER})
TAKEN: tuple[tuple[int, ...], set[str]] = (ACCEPTED, set())
RESTATED = (ACCEPTED, {"ANY-RESTATE-001"})
CASES = {
    "said anew": Case(UNDER_G1, (), (terms("2000.00"),), G1, REFUSED, "200000"),
    "and corrected": Case(
        UNDER_G1, (), (terms("2000.00"), corrected(terms("3000.00"), terms("2000.00"))), G1,
        REFUSED, "300000",
    ),
    "corrected, said before": Case(
        UNDER_G1, (terms("2000.00"),), (corrected(terms("3000.00"), terms("2000.00")),), G1,
        (REJECTED, {NEWER, "ANY-RESTATE-001"}), "300000",
    ),
    "deleted": Case(
        UNDER_G1, (), (terms("2000.00"), GONE), G1, (REJECTED, {"ANY-DELETED-001"}), "200000"
    ),
    "deleted and back": Case(
        UNDER_G1, (),
        (terms("2000.00"), GONE, corrected(terms("3000.00"), terms("2000.00"), CERTIFIED)), G1,
        REFUSED, "300000",
    ),
    "a loan closed": Case(
        UNDER_G1, (),
        (terms("7.00", closed_on="2024-11-20", closed_reason="paid"),
         ("snapshot", factory.snapshot(1, "2024-12", bucket="C", balance="0", payment_due="0",
                                       amount_paid="0", status="closed"))),
        G1, (REJECTED, {NEWER, "ACC-CLOSE-003"}), "700",
    ),
    "said before": Case(UNDER_G1, (terms("2000.00"),), (), G1, RESTATED, "100000"),
    "deleted and back before": Case(
        UNDER_G1,
        (terms("2000.00"), GONE, corrected(terms("3000.00"), terms("2000.00"), CERTIFIED)),
        (), G1, RESTATED, "100000",
    ),
    "nothing": Case(UNDER_G1, (), (), G1, TAKEN, "100000"),
    "other terms": Case(
        UNDER_G1, (), (terms("2000.00", valid_from="2024-02-01"),), G1, TAKEN, "100000"
    ),
    "another account": Case(
        UNDER_G1, (), (("account", factory.account(4)),), G1, TAKEN, "100000"
    ),
    "a guarantee": Case(
        guaranteed(9, "100"), (), (guaranteed(2, "200"),), ("account", factory.account(9, 1)),
        REFUSED, "20000",
    ),
    "another guarantee": Case(
        guaranteed(9, "100"), (),
        (("guarantee", {**guaranteed(2, "200")[1], "guarantee_number": "U2"}),),
        ("account", factory.account(9, 1)), TAKEN, "10000",
    ),
    "a payment": Case(paid("99", **UNDER), (), (paid("10"),), GIVEN, REFUSED, "1000"),
    "another month": Case(
        paid("99", **UNDER), (), (paid("10", period_end="2024-11-30"),), GIVEN, TAKEN, "9900"
    ),
    "an agreement": Case(line("9.00", **UNDER), (), (line("8.00"),), GIVEN, REFUSED, "800"),
    "another day's": Case(
        line("9.00", **UNDER), (), (line("8.00", valid_from="2024-02-01"),), GIVEN, TAKEN, "900"
    ),
    "a place": Case(
        role(6), (), (role(1, valid_to="2024-05-31"),), ("subject", factory.subject(6)),
        REFUSED, "2024-05-31",
    ),
    "another place": Case(
        role(6), (), (role(1, holder_no="3", valid_to="2024-05-31"),),
        ("subject", factory.subject(6)), TAKEN, "None",
    ),
    "a correction undone": Case(
        corrected(terms("5.00", **UNDER), terms("2.00")), (terms("2.00"),),
        (corrected(terms("3.00"), terms("2.00")), corrected(terms("2.00"), terms("3.00"))),
        GIVEN, REFUSED, "200",
    ),
    "a correction of another": Case(
        corrected(terms("5.00", **UNDER), terms("2.00")), (terms("2.00"),),
        (corrected(terms("3.00"), terms("2.00")),), GIVEN, (REJECTED, {"COR-DIGEST-001"}), "300",
    ),
    "a correction": Case(
        corrected(terms("5.00", **UNDER), terms("2.00")), (terms("2.00"),),
        (terms("3.00", valid_from="2024-02-01"),), GIVEN, TAKEN, "500",
    ),
    "deleted anew": Case(
        corrected(terms("2.00", **UNDER), terms("2.00"), CERTIFIED), (terms("2.00"), GONE),
        (corrected(terms("2.00"), terms("2.00"), CERTIFIED), GONE),
        GIVEN, REFUSED, "200",
    ),
    "brought back": Case(
        corrected(terms("3.00", **UNDER), terms("2.00"), CERTIFIED), (terms("2.00"), GONE), (),
        GIVEN, TAKEN, "300",
    ),
}  # fmt: skip
#: By dataset the value that tells its records apart here, whose key a case is about, and its item.
SAID = {
    "account": ("principal_minor", "account", "A1", "2024-01-01"),
    "guarantee": ("amount_minor", "guarantee", "U1", "2024-01-01"),
    "payment": ("amount_due_minor", "payer_account", "R1", "2024-12-31"),
    "agreement": ("credit_limit_minor", "agreement", "G1", "2024-01-01"),
    "account_party": ("valid_to", "account", "A2", "co_borrower|2|2024-01-01"),
}


def _stands(bureau: Any, bank: Any, sent: Sent) -> str:
    """What the newest record of a case's key says."""
    dataset = sent[1]["record_dataset"] if sent[0] == "correction" else sent[0]
    value, kind, number, item = SAID[dataset]
    with bureau.deps.database.connect("intake") as connection:
        row = connection.execute(
            f"select {value} from ledger.{dataset} t join ledger.publication using (chunk_id)"
            f" where object_id = (select object_id from directory.object"
            f" where furnisher_id = %s and kind = %s and number_token = %s) and item_key = %s"
            " order by position desc limit 1",
            (
                bank.member_id, kind, bureau.deps.keys.number_token(bank.member_id, kind, number),
                item,
            ),
        ).fetchone()  # fmt: skip
    return str(row[0])


def _take(bureau: Any, bank: Any, *sent: Sent) -> None:
    """Send what is taken."""
    for dataset, record in sent:
        if (dataset, record) == GIVEN:
            factory.consent(bureau.deps, bank, 1, consent_id=CONSENT, purpose="furnishing")
        else:
            view = factory.send_again(bureau.deps, bank, dataset, record)
            assert factory.counts(view) == ACCEPTED, (record, factory.rules(view))


def _wait(bureau: Any, bank: Any, sent: Sent) -> Any:
    view = factory.send_again(bureau.deps, bank, sent[0], sent[1])
    assert factory.counts(view) == WAITS, factory.rules(view)
    return view.submission_id


def _told(bureau: Any, bank: Any, submission_id: Any) -> tuple[tuple[int, ...], set[str]]:
    return factory.told(submissions.show(bureau.deps, bank, submission_id))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_row_that_waited_takes_the_place_of_nothing_newer(
    bureau: Any, bank: Any, case: Case
) -> None:
    _take(bureau, bank, *case.before)
    sent = _wait(bureau, bank, case.waits)
    _take(bureau, bank, *case.meanwhile)
    assert _told(bureau, bank, sent)[0] == WAITS
    _take(bureau, bank, case.comes)
    assert _told(bureau, bank, sent) == case.found
    assert _stands(bureau, bank, case.waits) == case.stands
    assert ledger_verify(bureau.deps).ok
    assert bureau_state(bureau.deps, most_cases=1).rows_waiting == 0


BOTH = [
    (UNDER_G1, G1, UNDER_G2, G2, "100"),
    (guaranteed(9, "1"), ("account", factory.account(9, 1)),
     guaranteed(7, "2"), ("account", factory.account(7, 1)), "200"),
]  # fmt: skip


@pytest.mark.parametrize("days", [0, 1])
@pytest.mark.parametrize("later_first", [True, False])
@pytest.mark.parametrize(("first", "lacks", "later", "lacks_too", "stands"), BOTH)
def test_of_two_rows_that_wait_the_one_sent_later_counts(
    bureau: Any, bank: Any, days: int, later_first: bool,
    first: Sent, lacks: Sent, later: Sent, lacks_too: Sent, stands: str,
) -> None:  # fmt: skip
    sent = _wait(bureau, bank, first)
    bureau.clock.advance(timedelta(days=days))
    sent_later = _wait(bureau, bank, later)
    _take(bureau, bank, *((lacks_too, lacks) if later_first else (lacks, lacks_too)))
    assert _told(bureau, bank, sent) == (REFUSED if later_first else TAKEN)
    assert _told(bureau, bank, sent_later)[0] == ACCEPTED
    assert _stands(bureau, bank, first) == stands


def test_another_members_record_is_not_a_newer_one(bureau: Any, bank: Any) -> None:
    other = member_by_code(bureau.deps, "bank2")
    factory.send(bureau.deps, other, "subject", factory.subject(1))
    sent = _wait(bureau, bank, UNDER_G1)
    _take(bureau, other, terms("2000.00"), G1)
    assert _told(bureau, bank, sent)[0] == WAITS
    _take(bureau, bank, G1)
    assert _told(bureau, bank, sent) == TAKEN


def test_what_is_not_taken_comes_back_with_its_reason_beside_what_is(
    bureau: Any, bank: Any
) -> None:
    other = factory.account(7, 2, agreement_number="G1")
    view = factory.send(bureau.deps, bank, "account", UNDER_G1[1], other)
    assert factory.counts(view) == (0, 0, 0, 2)
    _take(bureau, bank, terms("2000.00"), G1)
    assert _told(bureau, bank, view.submission_id)[0] == (1, 0, 1, 0)
    data = b"".join(submissions.rejects(bureau.deps, bank, view.submission_id))
    row = orjson.loads(data)
    assert (row["account_number"], row["principal"]) == ("A1", "1000.00")
    assert NEWER in data.decode()
    assert ledger_verify(bureau.deps).ok


def test_a_row_that_only_waits_is_withdrawn_by_its_key_sent_and_deleted(
    bureau: Any, bank: Any
) -> None:
    sent = _wait(bureau, bank, UNDER_G1)
    refused = factory.send_again(bureau.deps, bank, *GONE)
    assert factory.told(refused) == (REJECTED, {"ANY-TARGET-001"})
    _take(bureau, bank, terms("2000.00"), GONE, G1)
    assert _told(bureau, bank, sent) == (REJECTED, {"ANY-DELETED-001"})
    with bureau.deps.database.connect("intake") as connection:
        rows = connection.execute("select account_id from file.account").fetchall()
    assert len(rows) == 1  # account 2's
