"""The tree against RFC 9162's own recursive definitions, written down here a second time."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import InvariantBroken
from tallystick.model import merkle

LEAVES = [f"leaf {number}".encode() for number in range(40)]
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]


def defined_root(leaves: list[bytes]) -> bytes:
    """MTH(D[n]) of section 2.1.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + defined_root(leaves[:split]) + defined_root(leaves[split:])).digest()


def test_the_known_answers_of_certificate_transparency_hold() -> None:
    # Test vectors of the reference implementation (google/certificate-transparency).
    inputs = ["", "00", "10", "2021", "3031", "40414243"]
    known = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    ]
    for size, expected in enumerate(known, start=1):
        assert merkle.root([bytes.fromhex(text) for text in inputs[:size]]).hex() == expected


@given(st.lists(st.binary(max_size=8), max_size=70))
@settings(max_examples=60)
def test_root_and_frontier_are_the_defined_root(leaves: list[bytes]) -> None:
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    frontier = merkle.Frontier()
    for leaf in hashes:
        frontier.append(leaf)
    assert merkle.root(leaves) == merkle.chunk_root(hashes) == defined_root(leaves)
    assert frontier.root() == defined_root(leaves)
    assert frontier.size == len(leaves)


@given(st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=60)
def test_a_frontier_goes_on_from_its_bytes(first: int, more: int) -> None:
    hashes = [merkle.leaf_hash(bytes([number])) for number in range(first + more)]
    frontier = merkle.Frontier()
    frontier.extend(hashes[:first])
    resumed = merkle.Frontier.from_bytes(frontier.to_bytes())
    resumed.extend(hashes[first:])
    assert resumed.root() == merkle.chunk_root(hashes)


def test_the_spans_of_a_frontier_are_its_complete_subtrees() -> None:
    frontier = merkle.Frontier()
    frontier.extend(HASHES[:13])
    assert frontier.spans() == [
        (0, 8, merkle.chunk_root(HASHES[:8])),
        (8, 12, merkle.chunk_root(HASHES[8:12])),
        (12, 13, HASHES[12]),
    ]


@pytest.mark.parametrize("size", range(1, 34))
def test_every_leaf_has_a_proof_and_no_other_place_takes_it(size: int) -> None:
    hashes = HASHES[:size]
    root = merkle.chunk_root(hashes)
    for index, leaf in enumerate(hashes):
        proof = merkle.inclusion_proof(hashes, index)
        for place in range(-1, size + 2):
            holds = merkle.verify_inclusion(leaf, proof, index=place, size=size, root=root)
            assert holds == (place == index)
        wrong = [*proof, leaf]
        assert not merkle.verify_inclusion(leaf, wrong, index=index, size=size, root=root)
        if proof:
            short = proof[:-1]
            assert not merkle.verify_inclusion(leaf, short, index=index, size=size, root=root)


@pytest.mark.parametrize("second", range(34))
def test_every_tree_proves_that_it_grew_out_of_its_beginnings(second: int) -> None:
    hashes = HASHES[:second]
    new = merkle.chunk_root(hashes)
    for first in range(second + 1):
        old = merkle.chunk_root(hashes[:first])
        proof = merkle.consistency_proof(hashes, first)

        def holds(
            old: bytes = old, new: bytes = new, proof: list[bytes] = proof, first: int = first
        ) -> bool:
            return merkle.verify_consistency(
                proof, first=first, second=second, first_root=old, second_root=new
            )

        assert holds()
        assert not holds(old=HASHES[-1])
        assert not holds(proof=[*proof, new])
        if first:
            assert not holds(new=HASHES[-1])
        if proof:
            assert not holds(proof=proof[:-1])
            assert not holds(proof=[HASHES[-1], *proof[1:]])


@pytest.mark.parametrize(
    ("data", "is_frontier"),
    [
        (bytes(8), True),
        ((1).to_bytes(8, "big") + bytes(32), True),
        ((3).to_bytes(8, "big") + bytes(64), True),
        (b"", False),
        (bytes(7), False),
        ((1).to_bytes(8, "big"), False),
        ((1).to_bytes(8, "big") + bytes(31), False),
        ((2).to_bytes(8, "big") + bytes(64), False),
    ],
)
def test_only_bytes_of_a_frontier_are_read_as_one(data: bytes, is_frontier: bool) -> None:
    assert (merkle.Frontier.parse(data) is not None) == is_frontier
    if not is_frontier:
        with pytest.raises(InvariantBroken):
            merkle.Frontier.from_bytes(data)


def test_a_proof_of_what_is_not_there_is_our_own_mistake() -> None:
    with pytest.raises(InvariantBroken):
        merkle.inclusion_proof(HASHES[:3], 3)
    with pytest.raises(InvariantBroken):
        merkle.consistency_proof(HASHES[:3], 4)
