"""The lender's inquiry form: a form sent once more, and what is too long."""

from __future__ import annotations

import html

import pytest
from page_reader import Page, fine, inquiry

from tallystick.entry.http.language import LANGUAGES, texts
from tallystick.service.catalogue import entry_of

AGAIN = {
    "en": (
        "an inquiry was already made from this form",
        "The first one stands and is on record. Nothing was asked this time.",
        "Ask as a new inquiry",
    ),
    "zh": ("该表单已提交过一次查询", "先前的查询依然有效并已记录；本次未查询。", "作为新查询提交"),
}


def sent(visit, lender, language, form):
    return visit(f"/inquiry?lang={language}", lender, method="POST", data=form)


def looks(site) -> int:
    with site.deps.database.connect("serve") as connection:
        return connection.execute("select count(*) from log.look").fetchone()[0]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "changes",
    [{"name": "Person Canary Once"}, {"birth_date": "1990-05-30"}, {"number": "0000000292"}],
    ids=["name", "birth date", "number"],
)
def test_a_form_changed_after_its_answer_may_be_asked_as_a_new_inquiry(
    site, visit, lender, language, changes
):
    """The browser's back button shows the form as it was sent, with its hidden fields."""
    form = inquiry(Page(visit("/inquiry", lender).text), 1)
    assert sent(visit, lender, language, form).status_code == 200
    answer = sent(visit, lender, language, form | changes)
    assert answer.status_code == 422
    page = fine(answer, language)
    assert all(words in answer.text for words in AGAIN[language])
    assert "Idempotency" not in answer.text
    assert "#ask" in page.links
    assert "ask" in page.ids
    assert [one["id"] for one in page.controls if one.get("aria-invalid")] == []
    typed = {one["name"]: one.get("value") for one in page.controls if one["name"] in changes}
    assert typed == changes
    assert looks(site) == 1
    assert page.hidden["request_key"] != form["request_key"]
    assert sent(visit, lender, language, form | changes | page.hidden).status_code == 200
    assert looks(site) == 2
    assert sent(visit, lender, language, form).status_code == 200  # as a reload: the first answer
    assert looks(site) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_form_of_its_own_says_nothing_of_another(visit, lender, language):
    form = inquiry(Page(visit("/inquiry", lender).text), 1, name="")
    for answer in (visit(f"/inquiry?lang={language}", lender), sent(visit, lender, language, form)):
        fine(answer, language)
        assert not any(words in answer.text for words in AGAIN[language])


TOO_LONG = {
    "name": {"en": "The name is too long: at most 200 characters",
             "zh": "姓名过长：最多 200 个字符"},
    "number": {"en": "The identity number is too long: at most 80 characters",
               "zh": "证件号码过长：最多 80 个字符"},
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("field", "length", "is_too_long"),
    [("name", 200, False), ("name", 201, True), ("name", 5000, True), ("number", 80, False),
     ("number", 81, True), ("number", 5000, True)],
)  # fmt: skip
def test_what_is_too_long_is_told_with_the_limit_and_kept(
    visit, lender, language, field, length, is_too_long
):
    form = inquiry(Page(visit("/inquiry", lender).text), 1, **{field: "1" * (length - 1) + "a"})
    answer = sent(visit, lender, language, form)
    fine(answer, language)
    said = f'<p class="fault" id="{field}-fault">{TOO_LONG[field][language]}</p>'
    assert (said in answer.text) == is_too_long
    if is_too_long:
        assert answer.status_code == 422
        assert f'value="{form[field]}"' in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("field", ["name", "number"])
def test_what_is_left_empty_is_not_called_too_long(visit, lender, language, field):
    form = inquiry(Page(visit("/inquiry", lender).text), 1, **{field: " "})
    answer = sent(visit, lender, language, form)
    assert answer.status_code == 422
    assert f'id="{field}-fault"' in answer.text
    assert TOO_LONG[field][language] not in answer.text


UNSHOWN = {
    "en": "holds a character that cannot be seen",
    "zh": "含有看不见的字符",
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("field", ["name", "number"])
@pytest.mark.parametrize(
    ("typed", "seen"),
    [("a\u202eb", "a\\u202eb"), ("\ufeffab", "\\ufeffab"), ("a\x07b", "a\\x07b"),
     ("a\u2029b", "a\\u2029b"), ("\u2029", None), ("a\u200db", None), ("ab", None), ("", None)],
)  # fmt: skip
def test_what_cannot_be_seen_is_told_and_shown(visit, lender, language, field, typed, seen):
    form = inquiry(Page(visit("/inquiry", lender).text), 1, **{field: typed})
    answer = sent(visit, lender, language, form)
    page = fine(answer, language)
    assert (UNSHOWN[language] in answer.text) == (seen is not None)
    if seen:
        assert answer.status_code == 422
        assert seen in answer.text
        assert f"#{field}" in page.links
        assert texts(language)[f"inquiry.fault_{field}"] not in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("typed", "status", "code", "looked"),
    [("", 403, "consent_missing", 1), (" ", 403, "consent_missing", 1),
     (f"cns_{'a' * 32}", 403, "consent_missing", 1), ("cns_1", 422, None, 0)],
)  # fmt: skip
def test_a_consent_that_is_left_out_is_refused_and_logged(
    site, visit, lender, language, typed, status, code, looked
):
    changes = {"purpose": "credit_application/consent", "consent_id": typed}
    form = inquiry(Page(visit("/inquiry", lender).text), 1, **changes)
    answer = sent(visit, lender, language, form)
    page = fine(answer, language)
    assert (answer.status_code, looks(site)) == (status, looked)
    assert "#consent_id" in page.links
    said = entry_of(code).said(language) if code else texts(language)["inquiry.fault_consent_id"]
    assert said in html.unescape(answer.text)
