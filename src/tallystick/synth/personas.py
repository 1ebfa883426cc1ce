"""Persons and members picked for a demo's sign-in links, and an inquiry that works."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from tallystick.synth import members as cast
from tallystick.synth.desk import Desk
from tallystick.synth.inquiries import Inquiries, inquiry_body
from tallystick.synth.trace import Trace
from tallystick.synth.window import MONTHS

_LAST_FILES = timedelta(hours=2)


def write_personas(
    folder: Path, desk: Desk, traces: Sequence[Trace], inquiries: Inquiries
) -> dict[str, Any]:
    """Pick the personas, give the small bank a live consent, write `personas.json`."""
    rich = max(traces, key=_richness)
    thin = max(traces, key=_thinness)
    moment = desk.window.sent_at(MONTHS - 1) + _LAST_FILES
    consent = inquiries.consent(
        rich.person, cast.SMALL_BANK, moment, purpose="credit_application", days=1095,
        uses_allowed=None,
    )  # fmt: skip
    body = inquiry_body(rich.person, purpose="credit_application", basis="consent", consent=consent)
    personas = {
        "person_with_history": _person(rich),
        "person_thin_on_credit": _person(thin),
        "bank_risk_officer": {"member": cast.BANKS[3]},
        "platform_data_engineer": {"member": cast.SHY_PLATFORM},
        "small_bank": {"member": cast.SMALL_BANK},
        "inquiry_example": {"member": cast.SMALL_BANK, "body": body},
    }
    text = json.dumps(personas, ensure_ascii=False, indent=2) + "\n"
    (folder / "personas.json").write_text(text, encoding="utf-8")
    return personas


def _richness(trace: Trace) -> tuple[bool, int, int, int]:
    lenders = len({code for code, _, _ in trace.lenders})
    is_shown = lenders >= 4 and trace.worst >= 1 and len(set(trace.lookers)) >= 2
    return is_shown, min(trace.looks, 5), min(lenders, 8), -trace.person.index


def _thinness(trace: Trace) -> tuple[bool, int, int]:
    return not trace.lenders, trace.payments, -trace.person.index


def _person(trace: Trace) -> dict[str, Any]:
    person = trace.person
    return {
        "name": person.name,
        "birth_date": person.birth_date.isoformat(),
        "scheme": person.scheme,
        "number": person.number,
        "lenders": sorted({code for code, _, _ in trace.lenders}),
        "looks": trace.looks,
    }
