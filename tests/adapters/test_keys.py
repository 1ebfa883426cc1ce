"""The bureau's keys: made once, closed to others, and tokens that are what they say."""

import hashlib
import hmac
import json
import threading
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tallystick.adapters.keys import FILE_NAME, BureauKeys, load_or_create
from tallystick.errors import Unavailable

KEYS = BureauKeys.from_seed(b"seed")
ONE = UUID(int=1)
TWO = UUID(int=2)


def test_keys_are_made_once_and_kept(tmp_path: Path) -> None:
    made = load_or_create(tmp_path)
    assert load_or_create(tmp_path) == made
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_processes_that_start_at_once_get_the_same_keys(tmp_path: Path) -> None:
    found: list[BureauKeys] = []
    threads = [
        threading.Thread(target=lambda: found.append(load_or_create(tmp_path))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({keys.token_key for keys in found}) == 1


@pytest.mark.parametrize(
    ("mode", "refused"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)]
)
def test_a_key_file_others_may_read_is_refused(tmp_path: Path, mode: int, refused: bool) -> None:
    load_or_create(tmp_path)
    (tmp_path / FILE_NAME).chmod(mode)
    if refused:
        with pytest.raises(Unavailable, match="keys_refused"):
            load_or_create(tmp_path)
    else:
        load_or_create(tmp_path)


def test_live_mode_refuses_demo_keys_and_makes_its_own(tmp_path: Path) -> None:
    assert load_or_create(tmp_path / "test").is_demo
    with pytest.raises(Unavailable, match="demo keys"):
        load_or_create(tmp_path / "test", mode="live")
    live = load_or_create(tmp_path / "live", mode="live")
    assert not live.is_demo
    assert load_or_create(tmp_path / "live", mode="live") == live


@pytest.mark.parametrize("change", ["missing", "short", "no json"])
def test_a_damaged_key_file_is_refused_and_never_replaced(tmp_path: Path, change: str) -> None:
    load_or_create(tmp_path)
    path = tmp_path / FILE_NAME
    content = json.loads(path.read_text())
    if change == "missing":
        del content["mint_key"]
    content["token_key"] = "AAAA" if change == "short" else content["token_key"]
    path.write_text("{" if change == "no json" else json.dumps(content))
    before = path.read_bytes()
    with pytest.raises(Unavailable, match="damaged"):
        load_or_create(tmp_path)
    assert path.read_bytes() == before


def test_no_key_shows_in_the_repr() -> None:
    assert repr(KEYS) == "BureauKeys(token_key_version=1, is_demo=True)"


def test_a_seed_gives_the_same_keys_and_another_seed_others() -> None:
    assert BureauKeys.from_seed(b"seed") == KEYS
    other = BureauKeys.from_seed(b"tree")
    assert other.token_key != KEYS.token_key
    assert len({KEYS.token_key, KEYS.number_key, KEYS.mint_key, KEYS.wrapping_key}) == 4


def test_an_identity_token_is_the_hmac_of_scheme_and_normal_number() -> None:
    expected = hmac.new(KEYS.token_key, b"passport\x1fAB12", hashlib.sha256).digest()
    assert KEYS.identity_token("passport", "AB12") == expected


@pytest.mark.parametrize(
    ("scheme", "number", "same"),
    [
        ("passport", " ab 12 ", True),
        ("passport", "AB-12", True),
        ("passport", "ａｂ－１２", True),
        ("passport", "ab\u300012\t", True),
        ("passport", "AB.12", False),
        ("passport", "AB13", False),
        ("tax", "AB12", False),
        ("passportA", "B12", False),
    ],
)
def test_identity_tokens_ignore_width_case_blanks_and_hyphens_and_nothing_else(
    scheme: str, number: str, same: bool
) -> None:
    token = KEYS.identity_token(scheme, number)
    assert (token == KEYS.identity_token("passport", "AB12")) is same


def test_number_tokens_are_one_per_furnisher_kind_and_number() -> None:
    wanted = [(ONE, "account", "7"), (TWO, "account", "7"), (ONE, "person", "7"), (ONE, "a", "7")]
    tokens = {KEYS.number_token(*one) for one in wanted}
    assert len(tokens) == 4
    assert {len(token) for token in tokens} == {16}


def test_many_number_tokens_equal_the_single_ones_in_order() -> None:
    numbers = ["7", "", "账户-1", "7"]
    many = KEYS.number_tokens(ONE, "account", numbers)
    assert many == [KEYS.number_token(ONE, "account", number) for number in numbers]


def test_member_id_keys_differ_by_member() -> None:
    assert KEYS.member_id_key(ONE) != KEYS.member_id_key(TWO)
    assert KEYS.member_id_key(ONE) == KEYS.member_id_key(ONE)


def test_a_signature_verifies_with_the_published_key() -> None:
    import base64

    jwk = KEYS.public_jwk()
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "="))
    public.verify(KEYS.sign(b"receipt"), b"receipt")
    assert jwk["kid"] == KEYS.key_id
