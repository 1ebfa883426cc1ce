"""Templates to pages: autoescape on, every text from the catalogue of the page's language."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from tallystick.entry.http.known_parameters import DoubledField, UnknownParameter
from tallystick.entry.http.language import COOKIE, LANGUAGES, TAGS, Language, language_of, texts
from tallystick.entry.http.pages.session import SignedIn, csrf_token, signed_in_or_none
from tallystick.entry.http.problem import described, log_failure, request_id_of
from tallystick.entry.http.web import web_of
from tallystick.service.catalogue import INTERNAL, entry_of
from tallystick.service.submissions import FindingView
from tallystick.validate.registry import Text

_YEAR_SECONDS = 365 * 24 * 3600


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tallystick.entry.http", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["grouped"] = grouped
    environment.filters["coded"] = coded
    environment.filters["allowed_texts"] = allowed_texts
    environment.globals["nav_of"] = nav_of
    return environment


def nav_of(persona: str) -> tuple[tuple[str, str], ...]:
    """The pages of a persona: address and text key."""
    return _NAVIGATION.get(persona, ())


_RULES = ("/docs/rules", "nav.rules")
_NAVIGATION: Mapping[str, tuple[tuple[str, str], ...]] = {
    "furnisher": (("/submissions", "nav.submissions"), _RULES),
    "lender": (("/inquiry", "nav.inquiry"),),
    "person": (("/me/report", "nav.own_report"), ("/me/consents", "nav.consents")),
    "operator": (("/operator", "nav.operator"), _RULES),
}


@cache
def _field_places() -> Mapping[str, int]:
    fields = (key.rpartition(".")[2] for key in texts("en") if key.startswith("code.field."))
    return {name: place for place, name in enumerate(fields)}


def grouped(amount: Any) -> str:
    """A number or decimal string with its thousands apart, digits unchanged."""
    try:
        return f"{Decimal(str(amount)):,}"
    except InvalidOperation:
        return str(amount)


def coded(text: str) -> Markup:
    """A text with what stands between backticks as code; everything in it escaped."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )


def allowed_texts(findings: Sequence[FindingView]) -> list[tuple[Text, list[str]]]:
    """What is allowed where some findings of one rule point: each text once, with its fields."""
    fields: dict[Text, dict[str, None]] = {}
    for finding in findings:
        if finding.allowed is not None:
            named = {} if finding.field is None else {finding.field: None}
            fields.setdefault(finding.allowed, {}).update(named)
    return [(text, list(named)) for text, named in fields.items()]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language and zone, as templates use them."""

    language: Language
    zone: ZoneInfo

    def t(self, key: str, **values: Any) -> str:
        """The text of a key; `{name}` stands for a value."""
        text = texts(self.language)[key]
        return text.format(**values) if values else text

    def label(self, kind: str, code: str | None) -> str:
        """What a code is called; a code without a label shows itself."""
        if code is None:
            return ""
        return texts(self.language).get(f"code.{kind}.{code}") or code.replace("_", " ")

    def field_order(self, name: str) -> int:
        """Where a field stands among the others: the order of the catalogue."""
        return _field_places().get(name, len(_field_places()))

    def pick(self, text_en: str, text_zh: str) -> str:
        """Whichever of two texts is in this language."""
        return text_zh if self.language == "zh" else text_en

    def day(self, value: str | date | None) -> str:
        """A day as people write it."""
        if value is None:
            return "–"
        day = date.fromisoformat(value[:10]) if isinstance(value, str) else value
        if self.language == "zh":
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day} {_MONTH_NAMES[day.month - 1]} {day.year}"

    def local_day(self, moment: datetime) -> date:
        """The day of an instant in the profile's zone."""
        return moment.astimezone(self.zone).date()

    def time(self, value: str | datetime | None) -> str:
        """An instant in the profile's zone, to the minute."""
        if value is None:
            return "–"
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        local = moment.astimezone(self.zone)
        return f"{self.day(local.date())} {local:%H:%M}"


_MONTH_NAMES = tuple(calendar.month_abbr)[1:]


def words_of(request: Request) -> Words:
    """The words for a request."""
    profile = web_of(request).deps.profile_today
    return Words(language_of(request), ZoneInfo(profile.time_zone))


def render(
    request: Request,
    template: str,
    *,
    status: int = 200,
    who: SignedIn | None = None,
    **values: Any,
) -> HTMLResponse:
    """A page. `who` is who is signed in; the rest are the template's own values."""
    words = words_of(request)
    context: Mapping[str, Any] = {
        "words": words,
        "t": words.t,
        "label": words.label,
        "who": who,
        "csrf": csrf_token(who.secret) if who else "",
        "tag": TAGS[words.language],
        "path": request.url.path if request.method == "GET" else values.pop("get_path", "/"),
        "other": (other := "en" if words.language == "zh" else "zh"),
        "switch": _switch(request, other, status=status),
        "is_test_mode": web_of(request).deps.is_test_mode,
        **values,
    }
    page = HTMLResponse(
        _environment().get_template(template).render(context),
        status_code=status,
        headers={"Content-Language": TAGS[words.language], "Cache-Control": "no-store"},
    )
    _keep_choice(request, page)
    return page


def _switch(request: Request, other: str, *, status: int) -> str:
    """The query of the same page in the other language; of an error nothing is asked again."""
    kept = {}
    if request.method == "GET" and status < 400:
        kept = {name: value for name, value in request.query_params.items() if name != "lang"}
    return urlencode({**kept, "lang": other})


def _keep_choice(request: Request, page: HTMLResponse) -> None:
    choice = request.query_params.get("lang")
    if choice in LANGUAGES:
        page.set_cookie(
            COOKIE,
            str(choice),
            max_age=_YEAR_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )


async def error_page(request: Request, error: Exception) -> HTMLResponse:
    """Any exception as a page: what it means, what to do, and the request id."""
    said = described(error, request)
    if said.code == INTERNAL:
        log_failure(error, request_id_of(request))
    entry = entry_of(said.code)
    page = render(
        request,
        "error.html",
        status=entry.status,
        who=await signed_in_or_none(request),
        entry=entry,
        unknown=error if isinstance(error, UnknownParameter) else None,
        doubled=error if isinstance(error, DoubledField) else None,
        request_id=request_id_of(request),
        get_path="/",
    )
    page.headers.update(said.parts.get("headers") or {})
    return page
