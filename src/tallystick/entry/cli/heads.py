"""The newest signed head of the log, read as the sequencer's role."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tallystick.model.instant import instant_text

if TYPE_CHECKING:
    from tallystick.service.port import Deps

_NEWEST = (
    "select size, root, signed_at, key_id, signature from log.tree_head order by size desc limit 1"
)


def newest_head(parts: Deps) -> dict[str, Any] | None:
    """Size, root, instant, key and signature of the newest head; None before the first."""
    with parts.database.connect("sequencer") as connection:
        row = connection.execute(_NEWEST).fetchone()
    if row is None:
        return None
    size, root, signed_at, key_id, signature = row
    return {
        "size": size,
        "root": bytes(root).hex(),
        "signed_at": instant_text(signed_at),
        "key_id": key_id,
        "signature": base64.urlsafe_b64encode(bytes(signature)).rstrip(b"=").decode("ascii"),
    }
