"""Signed heads of the log: the newest, read as the sequencer's role, and those kept as files."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from tallystick.entry.cli.persons import read_object
from tallystick.model.instant import instant_text, read_instant

if TYPE_CHECKING:
    from tallystick.audit import TreeHead
    from tallystick.service.port import Deps

_NEWEST = (
    "select size, root, signed_at, key_id, signature from log.tree_head order by size desc limit 1"
)
_MEMBERS: Final = {"size", "root", "signed_at", "key_id", "signature"}
_ROOT_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64


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


def kept_heads(paths: Sequence[Path]) -> list[TreeHead]:
    """The heads in files as `newest_head` gives them; whether we signed them is not asked here.

    Raises: typer.BadParameter that names the file which holds no head
    """
    return [_kept_head(path) for path in paths]


def _kept_head(path: Path) -> TreeHead:
    from tallystick.audit import TreeHead

    try:
        content = read_object(str(path))
        if set(content) != _MEMBERS or type(content["size"]) is not int or content["size"] < 1:
            raise ValueError
        # A day alone is no instant of a head: it would be read in some time zone.
        signed_at = (
            read_instant(content["signed_at"], "UTC") if "T" in content["signed_at"] else None
        )
        if signed_at is None or not isinstance(content["key_id"], str):
            raise ValueError
        return TreeHead(
            size=content["size"],
            root=_whole(bytes.fromhex(content["root"]), _ROOT_BYTES),
            signed_at=signed_at,
            key_id=content["key_id"],
            signature=_whole(
                base64.urlsafe_b64decode(content["signature"] + "=="), _SIGNATURE_BYTES
            ),
        )
    except typer.BadParameter as error:
        raise typer.BadParameter(f"{path}: {error.message}") from error
    except (TypeError, ValueError) as error:
        raise typer.BadParameter(
            f"{path}: not a head as `tallystick log head --json` prints it"
        ) from error


def _whole(found: bytes, length: int) -> bytes:
    if len(found) != length:
        raise ValueError
    return found
