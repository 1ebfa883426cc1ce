"""Pages: two languages, no scripts, every control labelled, forms bound to their session."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from page_reader import Page, fine, inquiry
from records import SCHEME, csv_file, identity_number, subject

import factory
from tallystick.consent import subject_hash
from tallystick.entry.http.language import LANGUAGES, texts
from tallystick.model.ids import edge_id
from tallystick.service.consents import register
from tallystick.service.erase import erase
from tallystick.service.housekeeping import tidy
from tallystick.service.identity import cases
from tallystick.service.sessions import issue_link, open_session, session

HTML = {"Accept": "text/html"}


@pytest.fixture
def person(site) -> str:
    body = {"dataset": "subject", "records": [subject(1)]}
    site.send("POST", "/v1/records", json=body, key=site.platform_key)
    with site.deps.database.connect("serve") as connection:
        row = connection.execute("select subject_id, token from directory.token_subject").fetchone()
    assert row is not None
    return open_session(site.deps, persona="person", subject_id=row[0], token=bytes(row[1]))


def sent(site) -> str:
    content = csv_file(subject(1), subject(2, valid_from="2023-02-29"))
    headers = {"content-type": "text/csv"}
    answer = site.send("POST", "/v1/submissions?dataset=subject", content=content, headers=headers)
    site.work_off()
    return answer.json()["id"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_furnishers_pages(site, visit, furnisher, language):
    submission = sent(site)
    fine(visit(f"/?lang={language}", furnisher), language)
    fine(visit(f"/submissions?lang={language}", furnisher), language)
    answer = visit(f"/submissions/{submission}?lang={language}", furnisher)
    page = fine(answer, language)
    assert "2023-02-29" in answer.text
    assert "refresh" not in answer.headers
    rule = next(link for link in page.links if link.startswith("/docs/rules/")).split("/")[-1]
    listed = visit(f"/submissions/{submission}/rules/{rule}?lang={language}", furnisher)
    assert listed.status_code == 200
    fine(listed, language)
    rejects = visit(f"/submissions/{submission}/rejects.csv", furnisher)
    assert rejects.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_of_findings_name_the_codes_of_the_field(site, visit, furnisher, language):
    content = csv_file(subject(1, identifier_scheme="x"))
    headers = {"content-type": "text/csv"}
    path = "/v1/submissions?dataset=subject"
    job = site.send("POST", path, content=content, headers=headers).json()["id"]
    site.work_off()
    codes = ", ".join(sorted(site.deps.profile_today.schemes))
    said = {"en": "a code of the field&#39;s list", "zh": "字段列表中的代码"}[language]
    for page in (f"/submissions/{job}", f"/submissions/{job}/rules/FMT-CELL-008"):
        answer = visit(f"{page}?lang={language}", furnisher)
        fine(answer, language)
        assert f"{said}: {codes}" in answer.text


@pytest.mark.parametrize(
    ("left_out", "count"), [(("balance",), 1), (("balance", "payment_due"), 2)]
)
def test_findings_are_not_called_rows(site, visit, furnisher, left_out, count):
    names = [name for name in factory.snapshot(1, "2024-01") if name not in left_out]
    content = ",".join(names).encode() + b"\n" + b",".join(b"1" for _ in names) + b"\n"
    job = site.send(
        "POST", "/v1/submissions?dataset=snapshot", content=content,
        headers={"content-type": "text/csv"},
    ).json()["id"]  # fmt: skip
    site.work_off()
    assert site.send("GET", f"/v1/submissions/{job}").json()["by_rule"] == [
        {"rule_id": "FMT-FILE-011", "severity": "reject", "count": count,
         "url": "/v1/rules/FMT-FILE-011"}
    ]  # fmt: skip
    for language, unit in (("en", f"findings: {count}"), ("zh", f"问题 {count} 条")):
        answer = visit(f"/submissions/{job}?lang={language}", furnisher)
        assert f"FMT-FILE-011</a> · {unit}</h3>" in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_is_told_later_sees_which_record_and_its_own_words(site, visit, furnisher, language):
    account = {
        "account_number": "A1", "valid_from": "2024-01-01", "person_number": "P1",
        "product": "instalment_loan", "currency": "CNY", "opened_on": "2024-01-01",
        "principal": "1000.00", "basis": "legal_duty",
    }  # fmt: skip
    share = {
        "originator": "bank-a", "account_number": "A1", "funder": "platform-a", "role": "funder",
        "valid_from": "2024-01-01", "share": "0.3",
    }  # fmt: skip
    for dataset, record in (("subject", subject(1)), ("account", account), ("funding", share)):
        sent = site.send("POST", "/v1/records", json={"dataset": dataset, "records": [record]})
        assert sent.json()["funnel"]["accepted"] == 1, sent.text
    job = sent.json()["id"]
    other = {"dataset": "funding", "records": [{**share, "share": "0.4"}]}
    site.send("POST", "/v1/records", json=other, key=site.platform_key)

    (told,) = site.send("GET", f"/v1/submissions/{job}/findings").json()["data"]
    assert (told["line"], told["seen"]) == (None, "role funder, share 0.300000000")
    assert told["record"] == {name: share[name] for name in told["record"]}
    assert set(told["record"]) == {"originator", "account_number", "funder", "valid_from"}
    assert told["how_to_fix"]["en"]
    for page in (f"/submissions/{job}", f"/submissions/{job}/rules/FND-AGREE-001"):
        answer = visit(f"{page}?lang={language}", furnisher)
        fine(answer, language)
        assert texts(language)["findings.record"] in answer.text
        assert "account_number A1" in answer.text
        assert "share 0.300000000" in answer.text
        assert "0.4" not in answer.text


def test_a_running_submission_reloads_only_when_asked(site, visit, furnisher):
    headers = {"content-type": "text/csv"}
    job = site.send(
        "POST", "/v1/submissions?dataset=subject", content=csv_file(subject(1)), headers=headers
    ).json()["id"]
    assert "refresh" not in visit(f"/submissions/{job}", furnisher).headers
    watched = visit(f"/submissions/{job}?watch=yes", furnisher)
    assert watched.headers["refresh"] == "2"
    assert f"/submissions/{job}" in Page(watched.text).links


def test_a_file_sent_by_the_form_is_received_as_it_is(site, visit, furnisher):
    csrf = Page(visit("/submissions", furnisher).text).hidden["csrf"]
    content = csv_file(*(subject(serial) for serial in range(1, 3000)))
    answer = visit(
        "/submissions",
        furnisher,
        method="POST",
        data={"csrf": csrf, "dataset": "subject"},
        files={"file": ("x.csv", content)},
    )
    assert answer.status_code == 303, answer.text
    site.work_off()
    job = answer.headers["location"].partition("?")[0].rpartition("/")[2]
    funnel = site.send("GET", f"/v1/submissions/{job}").json()["funnel"]
    assert (funnel["sent"], funnel["accepted"]) == (2999, 2999)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_lender_asks_and_sees_the_report(site, visit, person, lender, language):
    page = fine(visit(f"/inquiry?lang={language}", lender), language)
    form = inquiry(page, 1)
    answer = visit(f"/inquiry?lang={language}", lender, method="POST", data=form)
    assert answer.status_code == 200, answer.text
    shown = fine(answer, language)
    assert "Person Canary 1" in answer.text
    assert any(link.startswith("/reports/inq_") for link in shown.links)
    visit("/inquiry", lender, method="POST", data=form)
    with site.deps.database.connect("serve") as connection:
        assert connection.execute("select count(*) from log.look").fetchone() == (1,)
    missed = visit(f"/inquiry?lang={language}", lender, method="POST",
                   data=inquiry(Page(visit("/inquiry", lender).text), 7))  # fmt: skip
    assert missed.status_code == 200
    fine(missed, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_sees_her_report_and_who_looked(visit, person, lender, language):
    visit("/inquiry", lender, method="POST",
          data=inquiry(Page(visit("/inquiry", lender).text), 1))  # fmt: skip
    answer = visit(f"/me/report?lang={language}", person)
    assert answer.status_code == 200, answer.text
    fine(answer, language)
    assert "Person Canary 1" in answer.text
    consents = visit(f"/me/consents?lang={language}", person)
    fine(consents, language)
    other = visit(f"/me/consents/cns_{UUID(int=9).hex}/withdraw", person)
    assert other.status_code == 404


def test_reading_her_consents_is_a_look_and_withdrawing_is_none(site, visit, person):
    def looks():
        with site.deps.database.connect("serve") as connection:
            return connection.execute("select permit from log.look").fetchall()

    captor, number = factory.member(site.deps), identity_number(1)
    salt = factory.consent_record(site.deps, captor, 1)["salt"]
    hashed = subject_hash(salt, SCHEME, number)
    signed = factory.consent_record(site.deps, captor, 1, subject_hash=hashed)["artefact"]
    register(site.deps, captor, artefact=signed, salt=salt, scheme=SCHEME, number=number)
    page = Page(visit("/me/consents", person).text)
    assert looks() == [("self",)]
    form = next(one for one in page.links if one.endswith("/withdraw"))
    csrf = Page(visit(form, person).text).hidden["csrf"]
    assert looks() == [("self",)] * 2
    done = visit(form, person, method="POST", data={"csrf": csrf})
    assert (done.status_code, looks()) == (303, [("self",)] * 2)
    other = f"/me/consents/cns_{UUID(int=9).hex}/withdraw"
    assert visit(other, person, method="POST", data={"csrf": csrf}).status_code == 404
    with site.deps.database.connect("serve") as connection:
        assert connection.execute("select count(*) from gate.withdrawal").fetchone() == (1,)


DATA = {"en": ", identity", "zh": "、身份信息"}


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (None, None),
        (1, {"en": "Used so far: 0 of at most 1", "zh": "已使用 0 次，最多 1 次"}),
        (2, {"en": "Used so far: 0 of at most 2", "zh": "已使用 0 次，最多 2 次"}),
    ],
)
def test_a_card_says_how_often_it_may_be_used_and_what_text_was_shown(
    site, visit, person, allowed, words
):
    captor, digest = factory.member(site.deps), "0123456789abcdef" * 4
    salt = factory.consent_record(site.deps, captor, 1)["salt"]
    signed = factory.consent_record(
        site.deps, captor, 1, subject_hash=subject_hash(salt, SCHEME, identity_number(1)),
        uses_allowed=allowed, evidence={"text_sha256": digest, "locale": "zh"},
    )["artefact"]  # fmt: skip
    register(site.deps, captor, artefact=signed, salt=salt, scheme=SCHEME,
             number=identity_number(1))  # fmt: skip
    for language, used in (("en", "Used so far"), ("zh", "已使用")):
        answer = visit(f"/me/consents?lang={language}", person)
        fine(answer, language)
        assert f"<code>{digest}</code>" in answer.text
        assert DATA[language] in answer.text
        assert (used in answer.text) is (words is not None)
        assert words is None or words[language] in answer.text


@pytest.mark.parametrize(
    ("persona", "lands"),
    [("furnisher", "/submissions"), ("lender", "/inquiry"), ("person", "/me/report"),
     ("operator", "/operator")],
)  # fmt: skip
def test_a_link_leads_to_the_personas_own_page_once(site, visit, person, persona, lands):
    hers = session(site.deps, person)
    whose = {"person": {"subject_id": hers.subject_id, "token": hers.token}, "operator": {}}
    link = issue_link(
        site.deps, persona=persona, **whose.get(persona, {"member_id": site.bank.member_id})
    )
    ahead = visit(f"/sign-in/{link}", headers={"Sec-Purpose": "prefetch;prerender"})
    assert (ahead.status_code, "set-cookie" in ahead.headers) == (503, False)
    answer = visit(f"/sign-in/{link}")
    assert (answer.status_code, answer.headers["location"]) == (303, lands)
    cookie = answer.headers["set-cookie"]
    assert re.search(r"HttpOnly", cookie)
    assert re.search(r"SameSite=lax", cookie, re.IGNORECASE)
    assert link not in cookie
    assert visit(lands).status_code == 200
    site.client.cookies.clear()
    again = visit(f"/sign-in/{link}")
    assert (again.status_code, "set-cookie" in again.headers) == (403, False)
    fine(again, "en")
    assert "tallystick sign-in" in again.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_operator_sees_how_things_stand_and_nobodys_data(site, visit, operator, language):
    sent(site)
    odd = subject(1) | {
        "person_number": "P9",
        "name": "Other Canary Name",
        "birth_date": "1950-01-02",
    }
    site.send("POST", "/v1/records", json={"dataset": "subject", "records": [odd]})
    (case,) = cases(site.deps)
    answer = visit(f"/operator?lang={language}", operator)
    assert answer.status_code == 200, answer.text
    fine(answer, language)
    assert edge_id("pty", case.party_id) in answer.text
    assert edge_id("sbj", case.candidates[0]) in answer.text
    for canary in ("Canary", identity_number(1), "1990-05-31", "1950-01-02"):
        assert canary not in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_operator_sees_which_two_accounts_may_be_one_loan(site, visit, operator, language):
    loan = factory.account(1, person=1, account_number="CANARY-1")
    own = {**loan, "account_number": "CANARY-2", "product": "micro_loan"}
    share = factory.funding(1, "platform-a", "1", originator="bank-a", account_number="CANARY-1")
    lent = (("subject", subject(1)), ("account", loan), ("funding", share))
    for key, sent in ((None, lent), (site.platform_key, (lent[0], ("account", own)))):
        for dataset, record in sent:
            body = {"dataset": dataset, "records": [record]}
            answer = site.send("POST", "/v1/records", json=body, **({"key": key} if key else {}))
            assert answer.json()["funnel"]["accepted"] == 1, answer.text
    (case,) = cases(site.deps)
    answer = visit(f"/operator?lang={language}", operator)
    fine(answer, language)
    said, shown = texts(language), unescape(answer.text)
    assert edge_id("cas", case.case_id) in shown
    for one in case.accounts:
        assert edge_id("acc", one.account_id) in shown
    for key in ("operator.loan", "code.case_kind.co_funded_twin", "code.evidence.funded_part"):
        assert said[key] in shown
    assert "CANARY" not in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_submission_whose_bytes_are_gone_offers_no_reject_file(
    site, visit, furnisher, clock, language
):
    path = f"/submissions/{sent(site)}?lang={language}"
    clock.advance(timedelta(days=site.deps.profile.on(clock().date()).raw_days))
    again = open_session(site.deps, persona="furnisher", member_id=site.bank.member_id)
    assert "rejects.csv" in visit(path, again).text
    clock.advance(timedelta(microseconds=1))
    tidy(site.deps)
    answer = visit(path, again)
    assert answer.status_code == 200, answer.text
    fine(answer, language)
    assert "rejects.csv" not in answer.text
    assert texts(language)["submission.gone"].partition("{")[0] in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_submission_says_that_its_persons_were_erased(site, visit, furnisher, language):
    submission = sent(site)
    path, says = f"/submissions/{submission}?lang={language}", texts(language)["submission.erased"]
    assert says.partition("{")[0] not in visit(path, furnisher).text
    with site.deps.database.connect("serve") as connection:
        ((subject_id,),) = connection.execute("select subject_id from directory.token_subject")
    erase(site.deps, subject_id, "retention is over", "operator")
    answer = visit(path, furnisher)
    fine(answer, language)
    assert says.partition("{")[0] in answer.text
    job = site.send("GET", f"/v1/submissions/{submission}").json()
    assert job["erased_at"] is not None


def test_signing_out_ends_the_session(visit, lender):
    page = Page(visit("/", lender).text)
    assert visit("/sign-out", lender, method="POST", data={"csrf": "x"}).status_code == 403
    out = visit("/sign-out", lender, method="POST", data={"csrf": page.hidden["csrf"]})
    assert out.status_code == 303
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert visit("/inquiry", lender).status_code == 401


def test_nothing_of_a_person_is_logged(site, visit, lender, person, caplog):
    caplog.set_level("DEBUG", logger="tallystick")
    visit("/inquiry", lender, method="POST",
          data=inquiry(Page(visit("/inquiry", lender).text), 1))  # fmt: skip
    link = issue_link(site.deps, persona="lender", member_id=site.bank.member_id)
    visit(f"/sign-in/{link}")
    visit("/me/report", person)
    assert "/sign-in/{link}" in caplog.text
    for canary in ("Canary", identity_number(1), "1990-05-31", lender, link, person):
        assert canary not in caplog.text
