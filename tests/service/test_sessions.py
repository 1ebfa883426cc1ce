"""Sign-in links: each brings one session, once, before its end, and is no session itself."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tallystick.errors import BadRequest, Refused
from tallystick.service.sessions import (
    LINK_LIFE,
    SESSION_LIFE,
    end_sessions,
    issue_link,
    open_session,
    redeem,
    session,
)

TICK = timedelta(microseconds=1)


def kept(deps) -> int:
    with deps.database.connect("eraser") as connection:
        return connection.execute("select count(*) from access.session").fetchone()[0]


def test_a_link_brings_a_fresh_session_once(deps, clock):
    member = deps.new_id()
    link = issue_link(deps, persona="lender", member_id=member)
    clock.advance(LINK_LIFE - TICK)
    secret, found = redeem(deps, link)
    assert secret != link
    assert found == session(deps, secret)
    assert (found.persona, found.member_id) == ("lender", member)
    assert found.expires_at == clock() + SESSION_LIFE
    with pytest.raises(Refused, match="sign_in_link_invalid"):
        redeem(deps, link)


def test_a_link_ends_at_its_instant(deps, clock):
    link = issue_link(deps, persona="operator")
    clock.advance(LINK_LIFE)
    with pytest.raises(Refused, match="sign_in_link_invalid"):
        redeem(deps, link)
    assert kept(deps) == 0


def test_neither_a_link_nor_a_session_does_for_the_other(deps):
    link, secret = issue_link(deps, persona="operator"), open_session(deps, persona="operator")
    assert session(deps, link) is None
    with pytest.raises(Refused, match="sign_in_link_invalid"):
        redeem(deps, secret)
    assert session(deps, secret) is not None
    assert redeem(deps, link)


def test_of_many_who_open_a_link_at_once_one_comes_in(deps):
    link, came_in, refused = issue_link(deps, persona="operator"), [], []
    together = threading.Barrier(4)

    def open_it():
        together.wait()
        try:
            came_in.append(redeem(deps, link))
        except Refused:
            refused.append(link)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(came_in), len(refused)) == (1, 3)


@pytest.mark.parametrize("persona", ["furnisher", "lender", "person", "somebody"])
def test_a_link_stands_for_somebody(deps, persona):
    with pytest.raises(BadRequest, match="invalid_request"):
        issue_link(deps, persona=persona)


def test_what_has_ended_is_deleted_and_nothing_before(deps, clock):
    issue_link(deps, persona="operator")
    open_session(deps, persona="operator")
    clock.advance(LINK_LIFE - TICK)
    assert end_sessions(deps, clock()) == 0
    clock.advance(TICK)
    assert end_sessions(deps, clock()) == 1
    clock.advance(SESSION_LIFE - LINK_LIFE)
    assert (end_sessions(deps, clock()), kept(deps)) == (1, 0)
