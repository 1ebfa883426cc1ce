"""Hypothesis strategies for lines of a subject's file."""

from __future__ import annotations

from hypothesis import strategies as st
from report_factory import BANK, CARDS, NEWEST, PLATFORM, latest, terms

from tallystick.model.file import AccountLine
from tallystick.model.months import Month, pack

MEMBERS = st.sampled_from([BANK, PLATFORM, CARDS])
MINOR = st.none() | st.integers(-(10**12), 10**12)


@st.composite
def grids(draw: st.DrawFn) -> bytes:
    backs = draw(st.sets(st.integers(0, 130), max_size=20))
    return pack(
        Month(
            NEWEST - back,
            draw(st.sampled_from("012345CX")),
            draw(st.none() | st.integers(0, 400)),
            draw(MINOR),
            draw(MINOR),
        )
        for back in sorted(backs, reverse=True)
    )


@st.composite
def fundings(draw: st.DrawFn) -> dict[str, object]:
    line: dict[str, object] = {
        "funder_id": draw(MEMBERS),
        "role": draw(st.sampled_from(["originator", "funder", "guarantor", "servicer"])),
        "valid_from": draw(st.sampled_from(["2025-01-10", "2026-06-16"])),
    }
    if draw(st.booleans()):
        line["share_ppb"] = draw(st.integers(0, 10**9))
    else:
        line["funded_amount_minor"] = draw(st.integers(0, 10**9))
    return line


@st.composite
def account_lines(draw: st.DrawFn) -> AccountLine:
    currency = draw(st.sampled_from(["CNY", "JPY", "KWD"]))
    newest = latest(
        currency=currency,
        status=draw(st.sampled_from(["open", "closed", "written_off"])),
        balance_minor=draw(MINOR),
        credit_limit_minor=draw(MINOR),
    )
    return AccountLine(
        account_id=draw(st.uuids()).hex,
        party_id="party-1",
        furnisher_id=draw(MEMBERS),
        role=draw(st.sampled_from(["borrower", "co_borrower", "guarantor", "authorised_user"])),
        role_ended_on=draw(st.sampled_from([None, "2026-03-20"])),
        terms=terms(
            currency=currency,
            product=draw(st.sampled_from(["credit_card", "mortgage"])),
            principal_minor=draw(MINOR),
        ),
        months=draw(grids()),
        latest=draw(st.sampled_from([None, newest])),
        fundings=tuple(draw(st.lists(fundings(), max_size=3))),
    )
