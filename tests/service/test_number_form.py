"""An identity number of the wrong form is rejected: no placeholder makes two persons one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import gate_world as gw
import orjson
import psycopg
import pytest

import factory
from tallystick.entry.cli.offline import check_file
from tallystick.service.submissions import findings
from tallystick.service.submit import process, receive

RESIDENT, FORM = "cn_resident_id", {"SUB-ID-007"}
NOT_HELD = {"absent": "not_held"}
WRONG = (
    (RESIDENT, gw.resident_id(1)[:-1]),  # a sign lost
    (RESIDENT, gw.resident_id(1) + "1"),  # a sign too many
    (RESIDENT, "ABC"),
    (RESIDENT, "１"),
    (RESIDENT, "无"),
    (RESIDENT, "-"),
    ("soc_sec_id", "123456"),
    ("zz_person_number", "N/A"),
)


def numbered(scheme: Any, number: Any, **fields: Any) -> factory.Native:
    """Person 1 with that number, and no day of birth that could differ from the number's."""
    return factory.subject(
        1, identifier_scheme=scheme, identifier_number=number, birth_date=NOT_HELD, **fields
    )


def by_record(bureau: Any, bank: Any, record: factory.Native) -> Any:
    return factory.send(bureau.deps, bank, "subject", record)


def by_file(bureau: Any, bank: Any, record: factory.Native) -> Any:
    stream = io.BytesIO(orjson.dumps(record) + b"\n")
    return process(bureau.deps, receive(bureau.deps, bank, "subject", stream).submission_id)


def persons(bureau: Any) -> tuple[int, int]:
    """How many parties are known, and how many persons they are."""
    with psycopg.connect(bureau.url) as connection:
        row = connection.execute(
            "select count(*), count(distinct subject_id) from directory.party_subject"
        ).fetchone()
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize("send", [by_record, by_file])
def test_a_number_of_the_wrong_form_is_rejected_and_not_shown(bureau: Any, send: Any) -> None:
    bank = factory.member(bureau.deps)
    for scheme, number in WRONG:
        view = send(bureau, bank, numbered(scheme, number))
        assert factory.told(view) == ((0, 0, 1, 0), FORM), number
        (found,) = findings(bureau.deps, bank, view.submission_id)
        assert (found.field, found.seen) == ("identifier_number", None)
    assert persons(bureau) == (0, 0)


@pytest.mark.parametrize("send", [by_record, by_file])
@pytest.mark.parametrize(
    ("scheme", "number"),
    [
        (RESIDENT, gw.resident_id(1)),
        (RESIDENT, f"{gw.resident_id(1)[:6]} {gw.resident_id(1)[6:14]}-{gw.resident_id(1)[14:]}"),
        ("soc_sec_id", "1234567"),
        ("zz_person_number", "0000000195"),
        (NOT_HELD, NOT_HELD),
    ],
    ids=["resident", "with a blank and a hyphen", "no check digit", "person", "not held"],
)
def test_a_number_of_the_right_form_and_none_are_accepted(
    bureau: Any, send: Any, scheme: Any, number: Any
) -> None:
    view = send(bureau, factory.member(bureau.deps), numbered(scheme, number))
    assert factory.told(view) == ((1, 0, 0, 0), set())


def test_strangers_of_one_name_no_longer_meet_by_a_placeholder(bureau: Any) -> None:
    banks = [factory.member(bureau.deps, code) for code in ("bank1", "bank2")]
    for bank in banks:
        told = factory.told(by_record(bureau, bank, numbered(RESIDENT, "无", phone=None)))
        assert told == ((0, 0, 1, 0), FORM)
    assert persons(bureau) == (0, 0)
    for bank in banks:  # what the finding says to send instead
        told = factory.told(by_record(bureau, bank, numbered(NOT_HELD, NOT_HELD, phone=None)))
        assert told == ((1, 0, 0, 0), set())
    assert persons(bureau) == (2, 2)


def test_a_correction_does_not_bring_a_placeholder_in(bureau: Any) -> None:
    bank = factory.member(bureau.deps)
    sent = factory.subject(1)
    assert factory.told(by_record(bureau, bank, sent)) == ((1, 0, 0, 0), set())
    mended = factory.correction("subject", {**sent, "identifier_number": "1"}, sent)
    told = factory.told(factory.send(bureau.deps, bank, "correction", mended))
    assert told == ((0, 0, 1, 0), FORM)


@pytest.mark.parametrize(
    ("scheme", "number", "is_told"),
    [
        ("soc_sec_id", "0000000", True),
        ("soc_sec_id", "1111111", True),
        ("soc_sec_id", "111-1111", True),
        ("soc_sec_id", "1111112", False),
        ("soc_sec_id", "0111111", False),
    ],
)
def test_one_digit_over_and_over_is_warned_of(
    bureau: Any, tmp_path: Path, scheme: str, number: str, is_told: bool
) -> None:
    bank = factory.member(bureau.deps)
    record = numbered(scheme, number)
    wanted = {("SUB-ID-008", "warn", "identifier_number", None)} if is_told else set()
    view = by_record(bureau, bank, record)
    assert factory.counts(view) == (1, 0, 0, 0)
    path = tmp_path / "sent.ndjson"
    path.write_bytes(orjson.dumps(record) + b"\n")
    checked = check_file(path, dataset="subject", profile_id="zz", progress=lambda *_: None)
    for found in (findings(bureau.deps, bank, view.submission_id), checked.findings):
        assert {(one.rule_id, one.severity, one.field, one.seen) for one in found} == wanted
