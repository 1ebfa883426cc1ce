"""When an account is closed, and when what was told of its closing is over."""

from __future__ import annotations

import pytest
from report_factory import BANK, run, zz

from tallystick.model.file import AccountLine
from tallystick.report.closed import is_closed
from tallystick.report.codes import codes_of

CLOSED_ON = "2026-03-31"


def line(*reopened: str, **fields: object) -> AccountLine:
    """An account closed by its terms, and opened again at these instants."""
    events = tuple({"event_type": "reopened", "occurred_at": one} for one in reopened)
    given = {"terms": {"closed_on": CLOSED_ON}, "months": run("000"), "events": events, **fields}
    return AccountLine(
        account_id="a", party_id="p", furnisher_id=BANK, role="borrower", **given  # type: ignore[arg-type]
    )  # fmt: skip


def latest(status: str, period_end: str = "2026-05-31") -> dict[str, str]:
    return {"status": status, "period_end": period_end, "bucket": "0"}


@pytest.mark.parametrize(
    ("account", "closed"),
    [
        (line(), True),
        (line("2026-03-30T23:59:59+08:00"), True),
        (line("2026-03-31T00:00:00+08:00"), False),
        (line("2026-01-01T00:00:00+08:00", "2026-06-01T12:00:00+08:00"), False),
        # Its newest month was told before it was opened again, or after.
        (line("2026-06-01T00:00:00+08:00", latest=latest("closed")), False),
        (line("2026-05-31T00:00:00+08:00", latest=latest("closed")), True),
        (line("2026-06-01T00:00:00+08:00", latest=latest("closed"), months=run("00C")), False),
        (line("2026-05-31T00:00:00+08:00", latest=latest("open"), months=run("00C")), True),
        (line("2026-05-31T00:00:00+08:00", latest=latest("open")), False),
        # Closed again: by newer terms, which come in the place of the old.
        (line("2026-06-01T00:00:00+08:00", terms={"closed_on": "2026-06-02"}), True),
        (line("2026-06-01T00:00:00+08:00", terms={}), False),
        (line(events=({"event_type": "deferral", "occurred_at": "2026-06-01T00:00:00Z"},)), True),
    ],
)  # fmt: skip
def test_what_was_opened_again_is_open_until_it_is_closed_again(
    account: AccountLine, closed: bool
) -> None:
    assert is_closed(account, codes=codes_of(zz())) is closed
