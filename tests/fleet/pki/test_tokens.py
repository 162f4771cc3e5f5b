"""Tokens are what units verify, each key signs for the units that know it, and a rotation shuts nobody out."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from adapter.crypto import p256
from adapter.identity import RESET
from adapter.provisioning_token import Challenge, key_id, split_keys
from fleet.pki.certificates import PkiError
from fleet.pki.tokens import MAX_KEYS, TokenAuthority
from protocol.wire.errors import WireError

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SERIAL, STATION, SECRET = "PT000000018", "bench-1", bytes(range(32))


class ResetUnit:
    """What a unit remembers of itself."""

    serial = SERIAL
    epoch = 4
    stage = RESET


def epoch_of(authority: TokenAuthority, keys: bytes) -> int:
    """What a unit that was given `keys` makes of a token of today's authority."""
    known = split_keys(keys)
    token = authority.sign([key_id(key) for key in known], STATION, SERIAL, 5, SECRET, NOW)
    epoch: int = Challenge(ResetUnit(), STATION, SECRET, 0).epoch_of(token.token, token.signature, known, 1000)
    return epoch


def test_a_unit_takes_the_token_and_its_epoch(tmp_path: Path) -> None:
    authority = TokenAuthority.add_key(tmp_path)
    assert epoch_of(authority, authority.blob) == 5
    assert (tmp_path / "token-1.key").stat().st_mode & 0o777 == 0o600


def test_after_a_rotation_old_and_new_units_are_let_in_and_the_newest_key_signs(tmp_path: Path) -> None:
    blobs = [TokenAuthority.add_key(tmp_path).blob for _ in range(MAX_KEYS + 2)]
    authority = TokenAuthority.load(tmp_path)
    assert [len(blob) // p256.PUBLIC_KEY_BYTES for blob in blobs] == [1, 2, 3, 4, 4, 4]
    assert [epoch_of(authority, blob) for blob in blobs] == [5] * len(blobs)
    newest = split_keys(blobs[-1])[0]
    token = authority.sign([key_id(key) for key in split_keys(blobs[-1])], STATION, SERIAL, 5, SECRET, NOW)
    assert p256.verify(newest, sha256(b"plugtone provisioning token 1\x00" + token.token).digest(), token.signature)


def test_a_unit_of_another_fleet_gets_no_token(tmp_path: Path) -> None:
    ours, theirs = TokenAuthority.add_key(tmp_path / "ours"), TokenAuthority.add_key(tmp_path / "theirs")
    with pytest.raises(PkiError, match=f"{SERIAL} knows none of our 1 token keys: hold its boot button"):
        epoch_of(ours, theirs.blob)


def test_without_keys_there_is_no_service(tmp_path: Path) -> None:
    assert not TokenAuthority.exists(tmp_path)
    with pytest.raises(PkiError, match=r"holds no token-1\.key; restore it"):
        TokenAuthority.load(tmp_path)


@pytest.mark.parametrize(
    ("station", "secret", "serial", "epoch", "now_ms", "words"),
    [
        ("bench-2", SECRET, SERIAL, 5, 0, "another station"),
        (STATION, bytes(32), SERIAL, 5, 0, "another challenge"),
        (STATION, SECRET, "PT000000026", 5, 0, "another serial"),
        (STATION, SECRET, SERIAL, 4, 0, "for epoch 4, the unit takes 5 or later"),
        (STATION, SECRET, SERIAL, 5, 600_001, "older than 600 s"),
    ],
)
def test_a_token_for_something_else_or_too_late_is_refused_by_name(
    tmp_path: Path, station: str, secret: bytes, serial: str, epoch: int, now_ms: int, words: str
) -> None:
    authority = TokenAuthority.add_key(tmp_path)
    keys = split_keys(authority.blob)
    token = authority.sign([key_id(keys[0])], station, serial, epoch, secret, NOW)
    with pytest.raises(WireError, match=words):
        Challenge(ResetUnit(), STATION, SECRET, 0).epoch_of(token.token, token.signature, keys, now_ms)


def test_a_flipped_bit_anywhere_in_token_or_signature_is_refused(tmp_path: Path) -> None:
    authority = TokenAuthority.add_key(tmp_path)
    keys = split_keys(authority.blob)
    good = authority.sign([key_id(keys[0])], STATION, SERIAL, 5, SECRET, NOW)
    both = bytearray(good.token + good.signature)
    for at in range(len(both)):
        both[at] ^= 1
        token, signature = bytes(both[: len(good.token)]), bytes(both[len(good.token) :])
        if token[2:10] == good.token[2:10]:  # the envelope is not looked at, but it is signed
            with pytest.raises(WireError):
                Challenge(ResetUnit(), STATION, SECRET, 0).epoch_of(token, signature, keys, 0)
        both[at] ^= 1
