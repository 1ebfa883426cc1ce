"""The files whose reports are kept under `golden/`.

`make golden` writes them anew; read the difference before you commit it. Those in a folder of an
earlier version of the format are never written again.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from report_factory import (
    BANK,
    CARDS,
    PLATFORM,
    account,
    body,
    cn,
    consent,
    file,
    identity,
    latest,
    look,
    month,
    run,
    terms,
)

from tallystick.model.file import SubjectFile
from tallystick.model.months import pack
from tallystick.report import NEWEST, VERSIONS, Version
from tallystick.report.fields import Block

FOLDER = Path(__file__).parent / "golden"
#: The folders of earlier versions' bodies, as they were when that version was the newest.
EARLIER = {f"v{number}": VERSIONS[f"tallystick.report/{number}"] for number in (1, 2, 3, 4, 5)}


def _share(funder: str, ppb: int) -> dict[str, object]:
    return {"funder_id": funder, "role": "funder", "valid_from": "2025-01-10", "share_ppb": ppb}


CO_FUNDED = account(
    2,
    furnisher_id=PLATFORM,
    terms=terms(product="revolving_loan", credit_limit_minor=3_000_000, agreement_id="agreement-1"),
    fundings=(_share(BANK, 300_000_000), _share(CARDS, 680_000_000)),
    events=(
        {
            "event_id": "e-1", "event_type": "drawn_down", "currency": "CNY",
            "amount_minor": 20_000, "occurred_at": "2026-05-02T02:03:04.000000Z",
        },
    ),
)  # fmt: skip
JOINT = account(3, role="co_borrower", other_roles=("borrower",), terms=terms(product="mortgage"))
GUARANTEED = account(
    4,
    furnisher_id=CARDS,
    role="guarantor",
    other_roles=("borrower",),
    responsibility={"currency": "CNY", "amount_minor": 5_000},
)
#: Her role ended in March; months, of which one was late, go up to it.
ENDED = account(
    7,
    role="co_borrower",
    role_ended_on="2026-03-20",
    other_roles=("borrower",),
    months=run("0010", ends_back=2),
    latest=None,
)
UNKNOWN = month(3, "X", days=None, balance=None, due=None)
GAPS = account(
    5,
    months=pack([month(6, "1", days=12), month(4), UNKNOWN, month(0)]),
    latest=latest(absent={"amount_past_due": "not_held"}),
    remarks=({"kind": "disputed", "valid_from": "2026-02-01", "text": "不是我", "locale": "zh"},),
)
LONG = account(6, months=run("2" + "0" * 60))
AGREEMENT = {
    "object_id": "agreement-1", "furnisher_id": PLATFORM, "valid_from": "2025-01-01",
    "expires_on": "2027-01-01", "currency": "CNY", "credit_limit_minor": 5_000_000,
    "is_revolving": True, "status": "active", "basis": "consent",
}  # fmt: skip
GUARANTEE = {
    "object_id": "guarantee-1", "account_id": "account-4", "furnisher_id": CARDS,
    "valid_from": "2025-01-01", "currency": "CNY", "amount_minor": 1_000_000, "basis": "contract",
}  # fmt: skip
RENT = {
    "object_id": "payer-1", "furnisher_id": PLATFORM, "payment_kind": "rent",
    "period_end": "2026-05-31", "bucket": "0", "days_past_due": 0, "currency": "CNY",
    "amount_due_minor": 250_000, "basis": "consent", "absent": {"amount_paid": "not_held"},
}  # fmt: skip
EVERYTHING: SubjectFile = file(
    account(),
    CO_FUNDED,
    JOINT,
    GUARANTEED,
    GAPS,
    identities=(identity(BANK, 1), identity(PLATFORM, 2)),
    agreements=(AGREEMENT,),
    guarantees=(GUARANTEE,),
    payments=(RENT,),
    remarks=({"kind": "statement", "valid_from": "2026-01-01", "furnisher_id": BANK},),
)
LOOKS = (look(1), look(2, member_id=None, permit="self", purpose="own_access"))
CONSENTS = (consent(1), consent(2, withdrawn_at="2026-06-10T00:00:00.000000Z"))
IN_CN = file(account(months=run("NNM12N*#/ACN")))


def bodies(version: Version = NEWEST) -> dict[str, Block]:
    """Every golden body by the name of its file."""
    everything = partial(body, EVERYTHING, looks=LOOKS, consents=CONSENTS, version=version)
    made = {
        f"zz_everything_{audience}": everything(audience)
        for audience in ("lender", "person", "furnisher")
    }
    for name, line in {
        "co_funded": CO_FUNDED, "joint": JOINT, "guarantor": GUARANTEED, "gaps": GAPS,
        "61_months": LONG, "role_ended": ENDED,
    }.items():  # fmt: skip
        made[f"zz_{name}"] = body(file(line), version=version)
    made["zz_empty"] = body(file(), version=version)
    for audience in ("lender", "person", "furnisher"):
        made[f"cn_{audience}"] = body(IN_CN, audience, profile=cn(), version=version)
    return made


def text(content: Block) -> str:
    """A body as it is kept: sorted, one value a line; without the profile's version."""
    kept = json.loads(json.dumps(content))
    kept["header"]["profile"]["version"] = "(of the profile)"
    return json.dumps(kept, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
