"""The log of looks as use-cases: number what waits, verify it all, say whether it is behind."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tallystick.audit import LogReport, PublicKeys, TreeHead, sequence, verify
from tallystick.audit.fault import in_order
from tallystick.errors import Unavailable
from tallystick.service import bodies_verify, consents_verify, erasures
from tallystick.service.port import Deps


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """How many looks and publications got their numbers; `head` is the last head signed, if any."""

    looks: int
    publications: int
    head: TreeHead | None


def sequence_once(deps: Deps) -> Numbered:
    """Number everything that waits, in as many commits as that takes, and sign heads over it.

    Raises: psycopg errors; what was committed stands, and calling again goes on from there.
    """
    looks = publications = 0
    head: TreeHead | None = None
    with deps.database.connect("sequencer") as connection:
        more = True
        while more:
            result = sequence(
                connection, now=deps.clock(), sign=deps.keys.sign, key_id=deps.keys.key_id
            )
            looks += result.looks
            publications += result.publications
            head, more = result.head or head, result.more
    return Numbered(looks=looks, publications=publications, head=head)


def log_verify(
    deps: Deps,
    progress: Callable[[int], None] | None = None,
    *,
    kept_heads: Iterable[TreeHead] = (),
    bodies: bool = False,
) -> LogReport:
    """Check the log from its first entry against the bureau's own key, then what the gate obeys.

    A look that is gone is accepted where an erasure that the bureau signed counts it, and what is
    kept in its place must say what was signed. Consents, withdrawals and heads stand in the gate,
    beside the log; faults among them come after those of kept bodies, those of the erasures
    themselves last. `bodies`: open those too, which takes longer than all the rest.
    `kept_heads`, from outside the database, show a log cut short together with its own heads.
    """
    keys = public_keys(deps.keys.public_jwk())
    with deps.database.connect("sequencer") as connection:
        report = verify(connection, public_keys=keys, kept_heads=kept_heads, progress=progress)
        beside, of_erasures = erasures.check_looks(connection, keys)
    kept = bodies_verify.check(deps, opened=bodies)
    consents, found = consents_verify.check(deps, keys)
    of_looks = sorted([*report.faults, *beside], key=in_order)
    return replace(
        report,
        consents=consents,
        bodies=kept.compared,
        bodies_opened=kept.opened,
        faults=(*of_looks, *kept.faults, *found, *of_erasures),
    )


def public_keys(*jwks: Mapping[str, str]) -> PublicKeys:
    """Verifying keys by key id from Ed25519 JWKs as they are published."""
    return {
        jwk["kid"]: Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "=="))
        for jwk in jwks
    }


def require_in_time(deps: Deps, oldest: datetime | None) -> None:
    """Stop the gate while the log is behind its promise.

    Takes:  when the oldest look without a number happened (`audit.OLDEST_UNNUMBERED`), if any
    Raises: Unavailable `log_delayed` when that is longer ago than the profile's
            `log_delay_max_seconds`; exactly as long ago is in time
    """
    now = deps.clock()
    allowed = timedelta(seconds=deps.profile.at(now).log_delay_max_seconds)
    if oldest is not None and now - oldest > allowed:
        seconds = int((now - oldest).total_seconds())
        raise Unavailable(
            "log_delayed",
            f"a look has waited {seconds} s for its number, {int(allowed.total_seconds())} s are"
            " allowed",
        )
