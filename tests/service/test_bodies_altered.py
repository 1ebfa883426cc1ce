"""Answers whose kept bodies were altered: as good as gone, and the proof says so."""

from __future__ import annotations

import gate_world as gw
import psycopg
import pytest
from gate_world import Run

from tallystick.errors import BadRequest
from tallystick.service.inquire import answer
from tallystick.service.replay import again, prove, replay

_ONE_BYTE = "set_byte(sealed, %(at)s, get_byte(sealed, %(at)s) # 1)"
_ALTERED = {
    "its first byte": (_ONE_BYTE, 0),
    "a byte within": (_ONE_BYTE, 40),
    "its last byte": ("set_byte(sealed, length(sealed) - 1, %(at)s)", 0),
    "cut short": ("substr(sealed, 1, %(at)s)", 12),
    "emptied": ("substr(sealed, 1, %(at)s)", 0),
}


def _altered(world: gw.World, change: str, at: int) -> None:
    """As the owner of the tables, for no other role may."""
    with psycopg.connect(world.url) as connection:
        done = connection.execute(
            f"update log.body set sealed = {change} where sealed is distinct from {change}",  # type: ignore[arg-type]
            {"at": at},
        )
        assert done.rowcount == 1


@pytest.mark.parametrize(("change", "at"), _ALTERED.values(), ids=_ALTERED)
def test_an_altered_body_is_folded_anew_and_told(
    world: gw.World, run: Run, change: str, at: int
) -> None:
    gw.furnish(world, world.platform)
    ask = world.ask(world.consent())
    first = run(answer(world.deps, ask))
    _altered(world, change, at)
    assert run(again(world.deps, world.bank, first.look_id)).body == first.body
    assert run(answer(world.deps, ask)).body == first.body
    proof = run(prove(world.deps, first.look_id))
    assert (proof.is_same, proof.kept_is_altered, proof.kept) == (False, True, None)
    assert proof.folded == proof.look == first.body_digest
    with pytest.raises(BadRequest) as altered:
        run(replay(world.deps, first.look_id, fold=False))
    assert altered.value.code == "no_longer_readable"


def test_a_look_with_another_digest_is_told_beside_its_kept_body(world: gw.World, run: Run) -> None:
    gw.furnish(world, world.platform)
    first = run(answer(world.deps, world.ask(world.consent())))
    with psycopg.connect(world.url) as connection:
        connection.execute("update log.look set body_digest = sha256(body_digest)")
    proof = run(prove(world.deps, first.look_id))
    assert (proof.is_same, proof.kept_is_altered) == (False, False)
    assert proof.kept == proof.folded == first.body_digest != proof.look
    with pytest.raises(BadRequest) as other:
        run(again(world.deps, world.bank, first.look_id))
    assert other.value.code == "no_longer_readable"
