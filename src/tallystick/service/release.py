"""Release: the look written, its body kept, both committed; only then the answer exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from tallystick.audit import Look
from tallystick.model.instant import instant_text
from tallystick.model.permit import Permit
from tallystick.profile import ProfileAt
from tallystick.service.answers import (
    Answer,
    coordinates_of,
    kept_times,
    receipt_of,
    sealed_body,
    versions_text,
)
from tallystick.service.gate import Opened, Request, write_look
from tallystick.service.port import Deps
from tallystick.service.read_file import Material


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An answer about to leave. `profile` is the one of the day of `as_of`."""

    permit: Permit
    material: Material
    keys: Mapping[str, bytes]
    body: bytes
    profile: ProfileAt
    as_of: datetime
    occurred_at: datetime
    token: bytes
    known_at: datetime | None = None


async def release(
    deps: Deps, gate: Opened, going: Outgoing, *, request: Request | None = None
) -> Answer:
    """Write the look with its kept body, commit, and give the answer.

    Raises: psycopg.errors.UniqueViolation when the same request was answered meanwhile
    """
    look = _look(deps, going)
    keys, material = going.keys, going.material
    sealed, parties = sealed_body(going.body, look.look_id, keys, material.parties())
    readable_until, kept_until = kept_times(going.occurred_at, going.profile)
    kept = {
        "parties": parties,
        "sealed": sealed,
        "readable_until": readable_until,
        "kept_until": kept_until,
    }
    promised = await write_look(gate, look, request=request, body=kept)
    return Answer(
        look_id=look.look_id,
        outcome=look.outcome,
        body=going.body,
        body_digest=look.body_digest,
        receipt=receipt_of(deps, look, going.profile, promised=promised),
        occurred_at=going.occurred_at,
        coordinates=coordinates_of(material, instant_text(going.as_of)),
        readable_until=readable_until,
        known_at=going.known_at,
    )


def _look(deps: Deps, going: Outgoing) -> Look:
    permit, material = going.permit, going.material
    return Look(
        token=going.token,
        look_id=deps.new_id(),
        occurred_at=going.occurred_at,
        permit=permit.kind,
        purpose=permit.purpose,
        outcome="hit",
        audience=permit.audience,
        salt=deps.random_bytes(32),
        member_id=None if permit.member_id is None else UUID(permit.member_id),
        subject_id=UUID(material.subject_id),
        consent_id=None if permit.consent_id is None else UUID(permit.consent_id),
        as_of=going.as_of,
        position=material.position,
        log_size=material.log_size,
        head_version=material.head_version,
        versions=versions_text(going.profile, permit.scope),
        body_digest=sha256(going.body).digest(),
    )
