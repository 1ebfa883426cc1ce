"""What a demo tells whoever started it: what to open as whom, and an inquiry to paste."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from tallystick.entry.demo.steps import inquiry_body
from tallystick.errors import InvariantBroken
from tallystick.service.members import member_by_code
from tallystick.service.port import Deps
from tallystick.service.sessions import SESSION_LIFE, issue_link, open_session


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A page to open as one of the personas: the link signs in, once, and leads there."""

    who: str
    page: str
    link: str


_PERSONS = (
    ("person_with_history", "a person with accounts at several lenders"),
    ("person_thin_on_credit", "a person who pays rent and telecom bills"),
)
_STAFF = (
    ("platform_data_engineer", "furnisher", "{member}'s data engineer", "/submissions"),
    ("bank_risk_officer", "lender", "{member}'s risk officer", "/inquiry"),
)


def doors(deps: Deps, synth: Path, address: str) -> list[Door]:
    """Fresh sign-in links for each persona; they wait as long as a session lasts.

    Missing: among very few people nobody may be like a persona and on file; she has no door then
    """
    personas = _read(synth)
    found = [
        (who, "/me/report", person_link(deps, personas[name]))
        for name, who in _PERSONS
        if len(_subjects(deps, _token(deps, personas[name]))) == 1
    ]
    for name, role, who, page in _STAFF:
        code = personas[name]["member"]
        found.append((who.format(member=code), page, _staff(deps, code, role)))
    found.append(
        ("the operator of the bureau", "/operator",
         issue_link(deps, persona="operator", life=SESSION_LIFE))
    )  # fmt: skip
    return [
        Door(who=who, page=page, link=f"{address}/sign-in/{secret}") for who, page, secret in found
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


def _staff(deps: Deps, code: str, role: str) -> str:
    member = member_by_code(deps, code)
    return issue_link(deps, persona=role, member_id=member.member_id, life=SESSION_LIFE)


def person_link(deps: Deps, persona: Mapping[str, str]) -> str:
    """The secret of a sign-in link of one of the simulated people, who is on file."""
    token = _token(deps, persona)
    subject_id = subject_of(deps, token)
    return issue_link(deps, persona="person", subject_id=subject_id, token=token, life=SESSION_LIFE)


def sign_in_person(deps: Deps, persona: Mapping[str, str]) -> str:
    """A session of one of the simulated people, who is on file; gives its secret."""
    token = _token(deps, persona)
    return open_session(deps, persona="person", subject_id=subject_of(deps, token), token=token)


def subject_of(deps: Deps, token: bytes) -> UUID:
    """The one subject under a token of the simulated people."""
    subjects = _subjects(deps, token)
    if len(subjects) != 1:
        raise InvariantBroken("a persona of the demo is not exactly one subject")
    return subjects[0]


def _token(deps: Deps, persona: Mapping[str, str]) -> bytes:
    return deps.keys.identity_token(persona["scheme"], persona["number"])


def _subjects(deps: Deps, token: bytes) -> list[UUID]:
    with deps.database.connect("serve") as connection:
        rows = connection.execute(
            "select subject_id from directory.token_subject where token = %s", (token,)
        ).fetchall()
    return [UUID(str(row[0])) for row in rows]
