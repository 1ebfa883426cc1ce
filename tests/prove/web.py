"""Clients of served bureaus: inquiries sent until told to stop, and what was answered."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

from service import gate_world as gw
from tallystick.model.ids import edge_id


@dataclass
class Sent:
    """One inquiry: what it asked, and what became of it."""

    key: str
    content: dict[str, Any]
    sent_at: float = 0.0
    status: int | None = None
    body: dict[str, Any] = field(default_factory=dict)


def inquiry(serial: int, name: str, consent_id: UUID) -> dict[str, Any]:
    """The body of an inquiry under a consent."""
    return {
        "subject": {
            "identifiers": [{"scheme": gw.SCHEME, "value": gw.resident_id(serial)}],
            "name": name,
            "birth_date": gw.BORN,
        },
        "purpose": gw.PURPOSE,
        "legal_basis": {"type": "consent", "consent_id": edge_id("cns", consent_id)},
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def client(port: int, secret: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {secret}"},
        timeout=60,
        limits=httpx.Limits(max_connections=60),
    )


async def send(to: httpx.AsyncClient, one: Sent) -> bool:
    """Send an inquiry; False when the server went away before it answered."""
    one.sent_at = time.monotonic()
    try:
        answer = await to.post(
            "/v1/inquiries", json=one.content, headers={"Idempotency-Key": one.key}
        )
    except httpx.TransportError:
        return False
    one.status, one.body = answer.status_code, answer.json()
    return True


async def keep_asking(
    to: httpx.AsyncClient, contents: list[dict[str, Any]], done: list[Sent], stop: asyncio.Event
) -> None:
    """Ask one inquiry after the other until told to stop, or until the server is gone."""
    number = len(done)
    while not stop.is_set():
        one = Sent(key=uuid4().hex, content=contents[number % len(contents)])
        done.append(one)
        if not await send(to, one):
            return
        number += 1
