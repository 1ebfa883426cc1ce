"""Merkle trees as in RFC 9162, section 2.1: roots, a growing frontier, proofs and their checks.

A leaf's data is hashed with the prefix 0x00, two nodes with 0x01, so no leaf can pass for a node.
`root` takes leaf *data*; everything else takes leaf *hashes* (`leaf_hash`). Pure functions over
bytes: what a leaf holds and where it is kept is the caller's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from tallystick.errors import InvariantBroken, require

HASH_SIZE = 32
#: The root of the tree without leaves: the hash of nothing.
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of one leaf's data."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children's hashes."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf data in order; `EMPTY_ROOT` for none."""
    return chunk_root([leaf_hash(leaf) for leaf in leaves])


def chunk_root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes in order; `EMPTY_ROOT` for none.

    Pairing a level at a time, an odd last node rising unchanged, gives the RFC's tree: its split at
    the largest power of two below the size leaves the same complete subtrees on the left.
    """
    if not leaves:
        return EMPTY_ROOT
    level = leaves
    hashed = sha256
    while len(level) > 1:
        pairs = iter(level)
        above = [
            hashed(b"\x01" + left + right).digest()
            for left, right in zip(pairs, pairs, strict=False)
        ]
        if len(level) & 1:
            above.append(level[-1])
        level = above
    return level[0]


class Frontier:
    """The right edge of a growing tree: its complete subtrees, the largest first.

    Holds one hash per set bit of the size, so a log of 10^9 leaves goes on from under 1 KiB.
    """

    __slots__ = ("_nodes", "_size")

    def __init__(self, nodes: Iterable[bytes] = (), size: int = 0):
        self._nodes = list(nodes)
        self._size = size
        require(size >= 0, "the size of a frontier is negative")
        require(
            len(self._nodes) == size.bit_count()
            and all(len(node) == HASH_SIZE for node in self._nodes),
            "a frontier holds one hash per set bit of its size",
        )

    @property
    def size(self) -> int:
        """How many leaves were appended."""
        return self._size

    def append(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append leaf hashes in order."""
        nodes, size, hashed = self._nodes, self._size, sha256
        for leaf in leaves:
            node, bits = leaf, size
            # Each trailing one of the size is a complete subtree as large as the one growing here.
            while bits & 1:
                node = hashed(b"\x01" + nodes.pop() + node).digest()
                bits >>= 1
            nodes.append(node)
            size += 1
        self._size = size

    def root(self) -> bytes:
        """The root of the whole tree."""
        if not self._nodes:
            return EMPTY_ROOT
        node = self._nodes[-1]
        for left in reversed(self._nodes[:-1]):
            node = node_hash(left, node)
        return node

    def spans(self) -> list[tuple[int, int, bytes]]:
        """Its subtrees from the left as (first leaf, leaf after the last, hash)."""
        spans, start = [], 0
        for node in self._nodes:
            width = 1 << ((self._size - start).bit_length() - 1)
            spans.append((start, start + width, node))
            start += width
        return spans

    def to_bytes(self) -> bytes:
        """Size (8 bytes, big-endian) and the hashes, largest subtree first."""
        return self._size.to_bytes(8, "big") + b"".join(self._nodes)

    @classmethod
    def parse(cls, data: bytes) -> Frontier | None:
        """The frontier `to_bytes` wrote. Missing: None when the bytes are no frontier."""
        size, nodes = int.from_bytes(data[:8], "big"), data[8:]
        if len(data) < 8 or len(nodes) != size.bit_count() * HASH_SIZE:
            return None
        return cls(
            (nodes[start : start + HASH_SIZE] for start in range(0, len(nodes), HASH_SIZE)), size
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """The frontier `to_bytes` wrote. Raises: InvariantBroken when the bytes are no frontier."""
        frontier = cls.parse(data)
        if frontier is None:
            raise InvariantBroken("bytes that are no frontier")
        return frontier


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root over these leaf hashes, lowest first."""
    require(0 <= index < len(leaves), "no such leaf")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), chunk_root(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), chunk_root(leaves[:split])]


def verify_inclusion(
    leaf: bytes, proof: Sequence[bytes], *, index: int, size: int, root: bytes
) -> bool:
    """Whether the leaf hash stands at `index` in the tree of `size` with this root (§2.1.3.2)."""
    if not 0 <= index < size:
        return False
    here, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            node = node_hash(sibling, node)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and node == root


def consistency_proof(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """The hashes that show that the tree over `leaves` grew out of its first `first` leaves.

    Gives: nothing when `first` is 0 or all of them, for then there is nothing to show.
    """
    require(0 <= first <= len(leaves), "a tree cannot grow out of a larger one")
    return _subproof(leaves, first, whole=True) if first else []


def verify_consistency(
    proof: Sequence[bytes], *, first: int, second: int, first_root: bytes, second_root: bytes
) -> bool:
    """Whether the tree of `second` leaves is the tree of `first` with more appended (§2.1.4.2)."""
    if not 0 <= first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return not proof and first_root == EMPTY_ROOT
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if not path:
        return False
    here, last = first - 1, second - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _subproof(leaves: Sequence[bytes], first: int, *, whole: bool) -> list[bytes]:
    if first == len(leaves):
        return [] if whole else [chunk_root(leaves)]
    split = _split(len(leaves))
    if first <= split:
        return [*_subproof(leaves[:split], first, whole=whole), chunk_root(leaves[split:])]
    return [
        *_subproof(leaves[split:], first - split, whole=False),
        chunk_root(leaves[:split]),
    ]
