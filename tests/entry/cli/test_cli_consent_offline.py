"""A person checks a consent with the member's public key, her number and the salt: no bureau."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

from tallystick.entry.cli.app import app
from tallystick.entry.cli.exits import Exit
from tallystick.synth.consents import Terms, sign_consent
from tallystick.synth.members import cast_of
from tallystick.synth.people import Population

# joserfc warns at the algorithm name EdDSA, which most signers still write; it is meant here.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
START = datetime(2025, 1, 1, tzinfo=UTC)
TERMS = Terms(
    recipient="millbrook",
    purpose="credit_application",
    data_classes=("identity", "loans"),
    data_from=date(2020, 1, 1),
    data_to=date(2025, 1, 1),
    valid_from=START,
    valid_to=datetime(2025, 2, 1, tzinfo=UTC),
    given_at=START,
    fetch="once",
    keep_months=1,
    uses_allowed=1,
)


def signed() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """A consent as a command takes it, its signer's public key, and somebody else's."""
    cast = cast_of(1)
    signer, other = cast["millbrook"], cast["skylark"]
    household = next(iter(Population(people=1, seed=1, profile="zz").households()))
    person = household[0]
    made = sign_consent(Random(1), person=person, captured_by=signer, terms=TERMS)
    content = {
        "artefact": made.artefact,
        "salt": made.salt,
        "scheme": made.scheme,
        "number": made.number,
    }
    return content, signer.public_jwk(), other.public_jwk()


def verify(folder: Path, content: dict[str, str], jwk: dict[str, str]) -> tuple[int, Any]:
    (folder / "consent.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "key.json").write_text(json.dumps(jwk), encoding="utf-8")
    files = ("--consent", str(folder / "consent.json"), "--public-key", str(folder / "key.json"))
    result = CliRunner().invoke(app, ["consents", "verify", *files, "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_a_true_consent_says_what_it_allows(tmp_path: Path) -> None:
    content, jwk, _ = signed()
    code, found = verify(tmp_path, content, jwk)
    assert code == Exit.FINE
    assert found["signature"]
    assert found["names_this_person"]
    assert (found["recipient"], found["purpose"]) == ("millbrook", "credit_application")


@pytest.mark.parametrize("change", ["number", "salt", "scheme"])
def test_another_persons_consent_is_told_apart(tmp_path: Path, change: str) -> None:
    content, jwk, _ = signed()
    content[change] = "A" + content[change][1:]
    code, found = verify(tmp_path, content, jwk)
    assert code == Exit.FOUND
    assert found["signature"]
    assert not found["names_this_person"]


def test_what_another_signed_says_nothing(tmp_path: Path) -> None:
    content, _, other = signed()
    code, found = verify(tmp_path, content, other)
    assert code == Exit.FOUND
    assert found == {"signature": False, "names_this_person": False}
