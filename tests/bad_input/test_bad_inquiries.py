"""Inquiries that must not be answered: the code each gets, and that the next good one is served."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from service import gate_world as gw
from tallystick.entry.http.app import create_app
from tallystick.errors import BadRequest, Refused
from tallystick.service.consents import withdraw
from tallystick.service.inquire import Answer, answer
from tallystick.service.log import log_verify, sequence_once
from tallystick.service.members import issue_key, revoke_key
from tallystick.service.submit import submit_records

GUIDE = Path(__file__).parent.parent.parent / "docs" / "guides" / "bad-input.md"
MONTH = timedelta(days=30)


@pytest.fixture(scope="module")
def on_file(world: gw.World) -> gw.World:
    """Two persons: the bank lent to the first, the platform to both."""
    gw.furnish(world, world.platform, months=1)
    gw.furnish(world, world.bank, account="B-1", months=1)
    gw.furnish(world, world.platform, serial=2, name="欧阳另一", account="A-2", months=1)
    return world


@pytest.fixture
def ask(on_file: gw.World, loop: asyncio.Runner) -> Callable[..., Answer]:
    def asked(consent_id: UUID | None = None, **changes: Any) -> Answer:
        return loop.run(answer(on_file.deps, on_file.ask(consent_id, **changes)))

    return asked


def _withdrawn(world: gw.World) -> UUID:
    consent_id = world.consent()
    withdraw(world.deps, consent_id, withdrawn_by="the person")
    return consent_id


#: name, the consent, what is asked otherwise, the code of the refusal.
REFUSED: list[tuple[str, Callable[[gw.World], UUID | None], dict[str, Any], str]] = [
    ("no consent", lambda _: None, {}, "consent_missing"),
    ("an id nobody knows", lambda _: UUID(int=7), {}, "consent_missing"),
    (
        "another subject's",
        lambda world: world.consent(number=gw.resident_id(2)),
        {},
        "consent_other_subject",
    ),
    ("another recipient's", lambda w: w.consent(recipient="other"), {}, "consent_other_recipient"),
    (
        "another purpose",
        lambda world: world.consent(purpose="account_review"),
        {},
        "consent_other_purpose",
    ),
    ("not yet", lambda world: world.consent(starts=timedelta(seconds=1)), {}, "consent_not_yet"),
    (
        "over to the second",
        lambda world: world.consent(starts=-MONTH, days=30),
        {},
        "consent_expired",
    ),
    ("withdrawn", _withdrawn, {}, "consent_withdrawn"),
    ("the past", lambda w: w.consent(), {"as_of": "2024-06-01"}, "history_not_permitted"),
    ("what was known", lambda w: w.consent(), {"known_at": "2024-06-01"}, "history_not_permitted"),
    (
        "review of a stranger",
        lambda _: None,
        {
            "permit": "account_review",
            "purpose": "account_review",
            "name": "欧阳另一",
            "identifiers": ((gw.SCHEME, gw.resident_id(2)),),
        },
        "no_open_account",
    ),
    ("a purpose of others", lambda w: w.consent(), {"purpose": "tenancy"}, "purpose_not_permitted"),
]

#: name, what is asked otherwise, the code: words the profile does not know are no inquiry.
UNKNOWN: list[tuple[str, dict[str, Any], str]] = [
    ("a purpose unheard of", {"purpose": "x"}, "purpose_unknown"),
    (
        "a scheme unheard of",
        {"identifiers": ((gw.SCHEME.upper(), gw.resident_id(1)),)},
        "identifier_invalid",
    ),
    (
        "a number cut short",
        {"identifiers": ((gw.SCHEME, gw.resident_id(1)[:-1]),)},
        "identifier_invalid",
    ),
    (
        "two digits in each other's place",
        {"identifiers": ((gw.SCHEME, "990101199003700017"),)},
        "identifier_invalid",
    ),
]


@pytest.mark.parametrize(
    ("consent", "changes", "code"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED]
)
def test_a_refusal_is_a_look_and_the_next_inquiry_is_served(
    on_file: gw.World,
    ask: Callable[..., Answer],
    consent: Callable[[gw.World], UUID | None],
    changes: dict[str, Any],
    code: str,
) -> None:
    given = {
        key: gw.at(f"{value}T00:00:00+00:00") if key in ("as_of", "known_at") else value
        for key, value in changes.items()
    }
    before = on_file.looks()
    with pytest.raises(Refused) as refused:
        ask(consent(on_file), **given)
    assert refused.value.code == code
    assert on_file.rows(
        "select refusal_code, subject_id, body_digest from log.look where look_id = %s",
        refused.value.extra["look_id"],
    ) == [(code, None, None)]
    assert ask(on_file.consent()).outcome == "hit"
    assert on_file.looks() == before + 2


@pytest.mark.parametrize(
    ("changes", "code"), [one[1:] for one in UNKNOWN], ids=[one[0] for one in UNKNOWN]
)
def test_what_the_profile_does_not_know_is_no_look_and_the_next_inquiry_is_served(
    on_file: gw.World, ask: Callable[..., Answer], changes: dict[str, Any], code: str
) -> None:
    consent, before = on_file.consent(), on_file.looks()
    with pytest.raises(BadRequest) as refused:
        ask(consent, **changes)
    assert refused.value.code == code
    assert on_file.looks() == before
    assert ask(consent).outcome == "hit"


def test_the_last_and_the_first_second_of_a_consent_hold(
    on_file: gw.World, ask: Callable[..., Answer]
) -> None:
    """One off from `not yet` and `over`."""
    assert ask(on_file.consent(starts=timedelta(0))).outcome == "hit"
    starts = timedelta(seconds=1) - MONTH
    assert ask(on_file.consent(starts=starts, days=30)).outcome == "hit"


def test_a_wrong_name_or_an_unknown_number_is_a_miss_not_an_answer(
    on_file: gw.World, ask: Callable[..., Answer]
) -> None:
    for changes in (
        {"name": "毫不相干"},
        {"birth_date": "1955-12-24"},
        {"identifiers": ((gw.SCHEME, gw.resident_id(99)),)},
    ):
        number = changes.get("identifiers", ((gw.SCHEME, gw.resident_id(1)),))[0][1]
        missed = ask(on_file.consent(number=number), **changes)
        assert (missed.outcome, missed.body) == ("no_hit", None)


def test_one_key_is_one_request(on_file: gw.World, ask: Callable[..., Answer]) -> None:
    consent_id = on_file.consent()
    first = ask(consent_id, idempotency_key="k", request_digest=b"1" * 32)
    again = ask(consent_id, idempotency_key="k", request_digest=b"1" * 32)
    assert (again.is_replay, again.body, again.look_id) == (True, first.body, first.look_id)
    with pytest.raises(BadRequest) as refused:
        ask(consent_id, idempotency_key="k", request_digest=b"2" * 32)
    assert refused.value.code == "idempotency_key_reused"


def test_a_clock_set_back_breaks_no_order(on_file: gw.World, ask: Callable[..., Answer]) -> None:
    consent_id = on_file.consent(starts=-2 * MONTH, days=200)
    now = on_file.clock()
    on_file.clock.set(now - MONTH)
    try:
        month = {
            "account_number": "B-1", "period_end": "2024-11-30", "bucket": "0",
            "days_past_due": 0, "currency": "CNY", "balance": "9500.00", "payment_due": "500.00",
            "amount_paid": "500.00", "amount_past_due": "0.00", "status": "open",
        }  # fmt: skip
        assert submit_records(on_file.deps, on_file.bank, "snapshot", [month]).accepted == 1
        assert ask(consent_id).outcome == "hit"
        sequence_once(on_file.deps)
    finally:
        on_file.clock.set(now)
    times = [
        row[0]
        for row in on_file.rows("select recorded_at from ledger.publication order by position")
    ]
    assert all(earlier < later for earlier, later in pairwise(times))
    assert ask(consent_id).outcome == "hit"
    sequence_once(on_file.deps)
    assert log_verify(on_file.deps).ok


def test_over_http_unknown_keys_and_others_work_are_not_there(
    on_file: gw.World, loop: asyncio.Runner
) -> None:
    deps = on_file.deps
    bank = issue_key(deps, on_file.bank.member_id, "bad input")
    gone = issue_key(deps, on_file.bank.member_id, "revoked")
    revoke_key(deps, gone.key_id)
    others = issue_key(deps, on_file.other.member_id, "bad input").secret
    statuses = loop.run(_requests(deps, (None, "nonsense", gone.secret), bank.secret, others))
    assert statuses == [
        (401, "not_authenticated"),
        (401, "not_authenticated"),
        (401, "not_authenticated"),
        (202, None),
        (404, "not_found"),
        (422, "unknown_dataset"),
    ]


async def _requests(
    deps: Any, wrong: tuple[str | None, ...], good: str, others: str
) -> list[tuple[int, str | None]]:
    def headers(secret: str | None, key: str) -> dict[str, str]:
        given = {"Content-Type": "text/csv", "Idempotency-Key": key.rjust(32, "k")}
        return given if secret is None else given | {"Authorization": f"Bearer {secret}"}

    app = create_app(deps, background=False, enqueue=lambda _: None)
    transport = httpx.ASGITransport(app=app)
    path = "/v1/submissions?dataset=snapshot"
    found = []
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for number, secret in enumerate(wrong):
            found.append(
                await client.post(
                    "/v1/submissions?dataset=snapshot",
                    content=b"",
                    headers=headers(secret, str(number)),
                )
            )
        sent = await client.post(path, content=b"x", headers=headers(good, "good"))
        place = f"/v1/submissions/{sent.json()['id']}"
        found += [sent, await client.get(place, headers=headers(others, "x"))]
        found.append(
            await client.post(
                path.replace("snapshot", "religion"), content=b"x", headers=headers(good, "bad")
            )
        )
    return [(one.status_code, one.json().get("code")) for one in found]


def test_the_guide_names_every_refusal_that_was_tried() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    codes = {one[-1] for one in (*REFUSED, *UNKNOWN)}
    assert {code for code in codes if f"`{code}`" not in text} == set()
