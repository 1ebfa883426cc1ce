"""A file's consents are registered by sets, and each comes out as if it had come alone."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest

import factory
from tallystick.consent import BadSalt, Unformed
from tallystick.errors import BadRequest
from tallystick.model.instant import instant_text
from tallystick.service import refused_consents, register_rows, registering
from tallystick.service.log import log_verify
from tallystick.service.members import Member
from tallystick.service.port import Deps
from tallystick.service.submissions import findings
from tallystick.service.submit import process, receive, register_consent

#: What is told of a row that is no fault.
NEW, SAME = "new", "same"
#: A row, and what is told of it.
Case = tuple[factory.Native, str]
Row = Callable[..., factory.Native]
NewId = Callable[[], str]
LIFE, TICK = timedelta(days=1826), timedelta(microseconds=1)


def _lines(records: list[factory.Native]) -> io.BytesIO:
    return io.BytesIO(b"".join(orjson.dumps(one) + b"\n" for one in records))


def _send(deps: Deps, bank: Member, records: list[factory.Native]) -> Any:
    return process(deps, receive(deps, bank, "consent", _lines(records)).submission_id)


def _by_their_terms(row: Row, now: datetime) -> list[Case]:
    """What a consent says by itself, each fault beside what is none yet."""

    def ending(after: timedelta) -> dict[str, str]:
        return {"valid_to": instant_text(now + after)}

    later = {"given_at": instant_text(now + TICK)}
    return [
        (row(1), NEW),
        (row(1), NEW),
        (row(4, **ending(LIFE)), NEW),
        (row(4, **ending(LIFE + TICK)), "CNS-LIFE-001"),
        (row(1, given_at=instant_text(now)), NEW),
        (row(1, **later), "CNS-GIVEN-001"),
        (row(1, recipient="bureau", purpose="furnishing"), NEW),
        (row(1, recipient="bank2", data_classes=["loans", "identity"]), NEW),
        (row(1, recipient="bank3"), "CNS-RCPT-001"),
        (row(3, purpose="nope"), "CNS-WORD-001"),
        (row(3, uses_allowed=1), NEW),
        (row(3, uses_allowed="1"), "CNS-FORM-001 uses_allowed"),
        (row(3, captured_by="bank2"), "CNS-CAPT-001"),
        # of two faults the one that is asked about first is told
        (row(4, captured_by="bank2", **ending(LIFE + TICK)), "CNS-CAPT-001"),
        ({**row(3, **later), "salt": "A" * 22}, "CNS-SUBJ-001"),
        ({**row(3, **later), "salt": "AAAA"}, "CNS-SALT-001"),
        (row(3, recipient="bank3", purpose="nope"), "CNS-WORD-001"),
    ]


def _by_others(row: Row, same: factory.Native, others: list[dict[str, str]]) -> list[Case]:
    """Signatures that do not hold, persons who are others, and ids that stand already."""
    altered = row(3)
    altered["artefact"] = altered["artefact"][:-8] + "AAAAAAAA"
    return [
        (altered, "CNS-SIGN-001"),
        ({**row(3), "identifier_number": row(4)["identifier_number"]}, "CNS-SUBJ-001"),
        (same, SAME),
        (row(2), NEW),
        (row(3, **others[0]), "CNS-ID-001"),
        (row(3, recipient="bank3", **others[1]), "CNS-RCPT-001"),
        (row(3, uses_allowed="1", **others[2]), "CNS-FORM-001 uses_allowed"),
    ]


def _in_files(row: Row, taken: dict[str, str], stands: dict[str, str], new_id: NewId) -> list[Case]:
    """Rows that name a consent by another id than was signed, or by one that a row before has."""
    once_more = {"consent_id": new_id()}
    once = row(3, **once_more)
    return [
        ({**once, "consent_id": new_id()}, "CNS-FORM-001 consent_id"),
        (once, NEW),
        ({**once, "consent_id": new_id()}, "CNS-FORM-001 consent_id"),
        ({**row(3, purpose="furnishing", **once_more), "consent_id": new_id()}, "CNS-ID-001"),
        ({**row(3, uses_allowed="1", **once_more), "consent_id": new_id()}, "CNS-ID-001"),
        ({**row(4, **once_more), "consent_id": new_id()}, "CNS-ID-001"),
        ({**row(4, purpose="nope", **once_more), "consent_id": new_id()}, "CNS-WORD-001"),
        ({**row(2, uses_allowed=1, **stands), "consent_id": new_id()}, "CNS-ID-001"),
        ({**row(1, **taken), "consent_id": new_id()}, "CNS-ID-001"),
        ({**row(1), "consent_id": new_id().upper()}, "CNS-FORM-001 consent_id"),
        (row(3, uses_allowed=1, **once_more), "ANY-DUP-002"),
    ]


def _mixed(deps: Deps, bank: Member, first: int) -> tuple[list[Case], list[Case]]:
    """Rows of persons from number `first` on: those that may come alone, and those of files."""

    def row(person: int, **fields: Any) -> factory.Native:
        return factory.consent_record(deps, bank, first + person, **fields)

    def new_id() -> str:
        return str(deps.new_id())

    stands, *others = ({"consent_id": new_id()} for _ in range(4))
    same = row(2, **stands)
    factory.send(deps, bank, "consent", same, *(row(9, **one) for one in others))
    alone = [*_by_their_terms(row, deps.clock()), *_by_others(row, same, others)]
    return alone, _in_files(row, others[0], stands, new_id)


def _told_alone(deps: Deps, bank: Member, record: factory.Native) -> str:
    """What `POST /v1/consents` says of a row, as a finding of a file would; the same is new."""
    try:
        register_consent(
            deps, bank, artefact=record["artefact"], salt=record["salt"],
            scheme=record["identifier_scheme"], number=record["identifier_number"],
        )  # fmt: skip
    except Unformed as refused:
        return f"CNS-FORM-001 {refused.member}"
    except BadSalt:
        return "CNS-SALT-001"
    except BadRequest as refused:
        return refused_consents.RULES[refused.code]
    return NEW


def _kept(url: str, records: list[factory.Native]) -> list[Any]:
    """What is kept of the consents of rows, in the rows' order: but ids, tokens and signatures."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select consent_id::text, captured_by, recipient_id, purpose, data_classes, valid_from,"
            " valid_to, given_at, registered_at, uses_allowed, text_sha256, locale, used"
            " from gate.consent join gate.consent_use using (token, consent_id)"
        ).fetchall()
    kept = {consent_id: tuple(rest) for consent_id, *rest in found}
    return [kept.get(one["consent_id"]) for one in records]


def _steps(url: str, number: bytes) -> list[str]:
    """The consents given under a token, in the order of its subject's head."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select consent_id::text from gate.head_event"
            " where kind = 'consent_given' and token = %s order by subject_id, head_version",
            (number,),
        ).fetchall()
    return [one for (one,) in found]


@pytest.mark.parametrize("rows_at_once", [1, 3, 7, register_rows._CONSENTS])
def test_a_mixed_file_comes_out_as_each_of_its_rows_alone(
    bureau: Any, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    deps = bureau.deps
    bank, other = factory.member(deps), factory.member(deps, "bank2")
    strangers = factory.consent_record(deps, other, 3), "CNS-SIGN-001"  # its key is not the bank's
    factory.send(deps, bank, "subject", factory.subject(1), factory.subject(101))
    singly, _ = _mixed(deps, bank, 0)
    for record, wanted in [*singly, strangers]:
        assert _told_alone(deps, bank, record) == (NEW if wanted == SAME else wanted)
    alone, files = _mixed(deps, bank, 100)
    rows = [*alone, *files, strangers]
    monkeypatch.setattr(register_rows, "_CONSENTS", rows_at_once)
    sent = _send(deps, bank, [record for record, _ in rows])
    told = {
        one.line_no: f"{one.rule_id} {one.seen}" if one.rule_id == "CNS-FORM-001" else one.rule_id
        for one in findings(deps, bank, sent.submission_id)
    }
    wanted = [wanted for _, wanted in rows]
    assert [told.get(line, NEW) for line in range(1, len(wanted) + 1)] == [
        NEW if one == SAME else one for one in wanted
    ]
    new, same = wanted.count(NEW), wanted.count(SAME)
    assert factory.counts(sent) == (new, same, len(wanted) - new - same, 0)
    assert _kept(bureau.url, [one for one, _ in alone]) == _kept(
        bureau.url, [one for one, _ in singly]
    )
    for cases, person in ((singly, 1), (alone, 101)):
        number = factory.identity_number(person)
        assert _steps(bureau.url, deps.keys.identity_token(factory.SCHEME, number)) == [
            one["consent_id"]
            for one, wanted in cases
            if wanted == NEW and one["identifier_number"] == number
        ]
    assert log_verify(deps).faults == ()


@pytest.mark.parametrize("lines_taken", [(), (1,), (2,), (1, 3), (1, 2, 3)])
def test_an_id_that_another_takes_meanwhile_costs_its_row_only(
    bureau: Any, monkeypatch: pytest.MonkeyPatch, lines_taken: tuple[int, ...]
) -> None:
    """Another registers it for another person, between the look at what stands and the taking."""
    deps = bureau.deps
    bank = factory.member(deps)
    records = [factory.consent_record(deps, bank, person) for person in (1, 2, 3)]
    looked_at = registering._beside

    def looked_at_too_soon(*given: Any) -> Any:
        found = looked_at(*given)
        monkeypatch.setattr(registering, "_beside", looked_at)
        for line in lines_taken:
            factory.consent(deps, bank, 9, consent_id=records[line - 1]["consent_id"])
        return found

    monkeypatch.setattr(registering, "_beside", looked_at_too_soon)
    sent = factory.send(deps, bank, "consent", *records)
    count = len(lines_taken)
    assert factory.told(sent) == ((3 - count, 0, count, 0), {"CNS-ID-001"} if count else set())
    assert [one.line_no for one in findings(deps, bank, sent.submission_id)] == list(lines_taken)
    assert log_verify(deps).faults == ()


@pytest.mark.parametrize("killed_after", [0, 1, 2, 3])
def test_a_file_begun_again_counts_no_consent_twice(
    bureau: Any, monkeypatch: pytest.MonkeyPatch, killed_after: int
) -> None:
    """Of eight rows the first stands already and the third is refused."""
    deps = bureau.deps
    bank = factory.member(deps)
    register, done = register_rows._register_part, []

    def dies(*given: Any) -> Any:
        if len(done) == killed_after:
            raise psycopg.OperationalError
        done.append(register(*given))
        return done[-1]

    records = [factory.consent_record(deps, bank, person) for person in range(1, 9)]
    records[2] = factory.consent_record(deps, bank, 3, purpose="nope")
    factory.send(deps, bank, "consent", records[0])
    taken = receive(deps, bank, "consent", _lines(records))
    monkeypatch.setattr(register_rows, "_CONSENTS", 2)
    monkeypatch.setattr(register_rows, "_register_part", dies)
    with pytest.raises(psycopg.OperationalError):
        process(deps, taken.submission_id)
    monkeypatch.setattr(register_rows, "_register_part", register)
    ended = process(deps, taken.submission_id)
    assert factory.told(ended) == ((6, 1, 1, 0), {"CNS-WORD-001"})
