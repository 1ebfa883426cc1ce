"""The main job in a real browser, by hand as people do it: send, ask, see who asked, withdraw."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, Page
from records import SCHEME, csv_file, identity_number, subject

from tallystick.model.ids import edge_id
from tallystick.service.catalogue import CATALOGUE
from tallystick.service.consents import register
from tallystick.service.log import sequence_once
from tallystick.service.members import Member, add_member
from tallystick.service.sessions import issue_link
from tallystick.synth.consents import Terms, sign_consent
from tallystick.synth.members import cast_of

pytestmark = pytest.mark.browser
ACCOUNTS = (
    "account_number,valid_from,person_number,product,currency,opened_on,principal,basis\n"
    "A-1,2024-01-15,P1,instalment_loan,CNY,2024-01-15,12000.00,legal_duty\n"
    "A-2,2024-01-15,P1,instalment_loan,CNY,2024-01-15,1.234,legal_duty\n"
)
MONTHS = (
    "account_number,period_end,bucket,days_past_due,currency,balance,payment_due,amount_paid,"
    "amount_past_due,status,first_delinquency_on,notice_sent_on\n"
    "A-1,2024-11-30,0,0,CNY,11000.00,1000.00,1000.00,0.00,open,,\n"
    "A-1,2024-12-31,1,20,CNY,11000.00,1000.00,0.00,1000.00,open,2024-12-11,2024-12-05\n"
)


@pytest.fixture
def bank(site) -> Member:
    """A bank whose app can sign consents."""
    names = {"name_en": "Millbrook Village Bank", "name_zh": "磨坊村镇银行"}
    jwk = cast_of(1)["millbrook"].public_jwk()
    return add_member(site.deps, code="millbrook", member_class="village_bank", jwk=jwk, **names)


@pytest.fixture
def consent(site, bank) -> str:
    """Leave for the bank to ask about the person, given today."""
    now = site.deps.clock()
    terms = Terms(
        recipient=bank.code,
        purpose="credit_application",
        data_classes=("identity", "loans", "performance"),
        data_from=now.date() - timedelta(days=700),
        data_to=now.date(),
        valid_from=now,
        valid_to=now + timedelta(days=20),
        given_at=now,
        fetch="once",
        keep_months=1,
        uses_allowed=None,
    )
    person = SimpleNamespace(scheme=SCHEME, number=identity_number(1))
    signed = sign_consent(Random(1), person=person, captured_by=cast_of(1)[bank.code], terms=terms)
    view = register(
        site.deps,
        bank,
        artefact=signed.artefact,
        salt=signed.salt,
        scheme=SCHEME,
        number=identity_number(1),
    )
    return edge_id("cns", view.consent_id)


@pytest.fixture
def open_as(site, browser: Browser) -> Iterator:
    """Open a sign-in link in a browser of its own, without scripts; gives where it leads."""
    opened = []

    def come_in(persona: str, **who) -> Page:
        context = browser.new_context(java_script_enabled=False)
        opened.append(context)
        page = context.new_page()
        page.goto(f"{site.client.base_url}/sign-in/{issue_link(site.deps, persona=persona, **who)}")
        return page

    yield come_in
    for context in opened:
        context.close()


def send(site, page: Page, dataset: str, content: str | bytes) -> None:
    """Send a file by the form, and see its page after the worker is done."""
    page.goto(f"{site.client.base_url}/submissions")
    page.select_option("#dataset", dataset)
    buffer = content if isinstance(content, bytes) else content.encode()
    page.set_input_files(
        "#file", {"name": f"{dataset}.csv", "mimeType": "text/csv", "buffer": buffer}
    )
    page.click("form.stack button")
    site.work_off()
    page.goto(page.url.partition("?")[0])


def ask(site, page: Page, consent: str) -> None:
    """Fill the inquiry form about the person, and send it."""
    page.goto(f"{site.client.base_url}/inquiry")
    page.select_option("#purpose", "credit_application/consent")
    page.fill("#consent_id", consent)
    page.select_option("#scheme", SCHEME)
    page.fill("#number", identity_number(1))
    page.fill("#name", subject(1)["name"])
    page.fill("#birth_date", subject(1)["birth_date"])
    page.click("form.stack button")


def person_on_file(site) -> dict:
    with site.deps.database.connect("serve") as connection:
        row = connection.execute("select subject_id, token from directory.token_subject").fetchone()
    return {"subject_id": row[0], "token": bytes(row[1])}


def test_from_a_bad_row_to_a_withdrawn_consent(site, bank, consent, open_as):
    furnisher = open_as("furnisher", member_id=bank.member_id)
    assert furnisher.url.endswith("/submissions")
    send(site, furnisher, "subject", csv_file(subject(1)))
    send(site, furnisher, "account", ACCOUNTS)
    found = furnisher.inner_text("section.account.late")
    assert "principal" in found
    assert "1.234" in found
    with furnisher.expect_download() as download:
        furnisher.click("a[href$='rejects.csv']")
    rejects = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(rejects) == 2
    assert rejects[0].startswith(ACCOUNTS.split("\n")[0])
    assert rejects[1].startswith("A-2,")
    send(site, furnisher, "snapshot", MONTHS)
    assert furnisher.locator("section.account.late").all_inner_texts() == []

    lender = open_as("lender", member_id=bank.member_id)
    assert lender.url.endswith("/inquiry")
    ask(site, lender, consent)
    cells = lender.locator("table.grid tbody tr").first.locator("td")
    assert [cells.nth(month).inner_text()[:1] for month in (10, 11)] == ["0", "1"]

    sequence_once(site.deps)
    person = open_as("person", **person_on_file(site))
    assert person.url.endswith("/me/report")
    looks = person.get_by_role("region", name="Who looked at your file").inner_text()
    assert bank.name_en in looks
    assert "Application for credit" in looks
    assert not person.locator(".legend li").first.is_visible()
    person.emulate_media(media="print")  # on paper nothing stays folded
    assert person.locator(".legend li").first.is_visible()
    assert not person.locator("header.top").is_visible()
    person.emulate_media(media="screen")
    person.click("text=See and withdraw consents")
    person.click("a[href$='/withdraw']")
    person.click("button.bad")
    assert person.url.endswith("/me/consents")
    assert "withdrawn" in person.inner_text("main")

    ask(site, lender, consent)
    assert lender.locator("table.grid").count() == 0
    assert CATALOGUE["consent_withdrawn"].title_en in lender.inner_text(".faults")
