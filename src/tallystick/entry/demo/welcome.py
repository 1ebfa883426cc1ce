"""What a demo tells whoever started it: what to open as whom, and an inquiry to paste."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from tallystick.entry.demo.history import inquiry_body
from tallystick.errors import InvariantBroken
from tallystick.service.members import member_by_code
from tallystick.service.port import Deps
from tallystick.service.sessions import open_session


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A page to open as one of the personas: the link signs in."""

    who: str
    page: str
    link: str


def doors(deps: Deps, synth: Path, address: str) -> list[Door]:
    """Fresh sign-in links for each persona."""
    personas = _read(synth)
    platform, bank = personas["platform_data_engineer"], personas["bank_risk_officer"]
    secrets = [
        ("a person with accounts at several lenders", "/me/report",
         sign_in_person(deps, personas["person_with_history"])),
        ("a person who pays rent and telecom bills", "/me/report",
         sign_in_person(deps, personas["person_thin_on_credit"])),
        (f"{platform['member']}'s data engineer", "/submissions",
         _staff(deps, platform, "furnisher")),
        (f"{bank['member']}'s risk officer", "/inquiry", _staff(deps, bank, "lender")),
    ]  # fmt: skip
    return [
        Door(who=who, page=page, link=f"{address}/sign-in/{secret}")
        for who, page, secret in secrets
    ]


def example_body(synth: Path) -> dict[str, Any]:
    """The body of an inquiry that is answered."""
    return inquiry_body(_read(synth)["inquiry_example"]["body"])


def example_member(synth: Path) -> str:
    """The code of the member who may ask it."""
    return str(_read(synth)["inquiry_example"]["member"])


def curl(synth: Path, keys: Path, address: str) -> str:
    """The example inquiry as a command to paste; each run of it is a new inquiry."""
    secret = (keys / f"{example_member(synth)}.key").read_text(encoding="ascii").strip()
    body = json.dumps(example_body(synth), ensure_ascii=False)
    return (
        f"curl -s {address}/v1/inquiries \\\n"
        f"  -H 'Authorization: Bearer {secret}' \\\n"
        "  -H \"Idempotency-Key: $(date +%s%N)\" -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )


def _read(synth: Path) -> dict[str, Any]:
    personas: dict[str, Any] = json.loads((synth / "personas.json").read_text(encoding="utf-8"))
    return personas


def _staff(deps: Deps, persona: Mapping[str, str], role: str) -> str:
    member = member_by_code(deps, persona["member"])
    return open_session(deps, persona=role, member_id=member.member_id)


def sign_in_person(deps: Deps, persona: Mapping[str, str]) -> str:
    """A session of one of the personas; gives its secret."""
    token = deps.keys.identity_token(persona["scheme"], persona["number"])
    subject_id = subject_of(deps, token)
    return open_session(deps, persona="person", subject_id=subject_id, token=token)


def subject_of(deps: Deps, token: bytes) -> UUID:
    """The one subject under a token of the simulated people."""
    with deps.database.connect("serve") as connection:
        rows = connection.execute(
            "select subject_id from directory.token_subject where token = %s", (token,)
        ).fetchall()
    if len(rows) != 1:
        raise InvariantBroken("a persona of the demo is not exactly one subject")
    return UUID(str(rows[0][0]))
