"""Deltas come from the newest three releases of the board, and only where they save enough."""

from __future__ import annotations

import random
import zlib
from hashlib import sha256
from pathlib import Path

import pytest

from tests.fleet.release_owners import NOW, PASSPHRASE, make_image
from tools.release.bundle import Bundle
from tools.release.delta_targets import NEWEST_BASES, WORTHWHILE
from tools.release.keys import OfflineKeys, create_keys, standard_names
from tools.release.sign import SignedImage, initialise, sign_image

PAYLOAD = random.Random(1).randbytes(4000)


@pytest.fixture
def desk(tmp_path: Path) -> tuple[Bundle, OfflineKeys]:
    """Four releases of one board and one of another, none with a delta."""
    create_keys(tmp_path / "keys", [*standard_names(["simulated", "other"]), "snapshot", "timestamp"], PASSPHRASE)
    keys, bundle = OfflineKeys(tmp_path / "keys", lambda _: PASSPHRASE), Bundle(tmp_path / "bundle")
    held = {"snapshot": "snapshot", "timestamp": "timestamp", "director": "snapshot"}
    online = {role: keys.description(name).to_dict() for role, name in held.items()}
    initialise(bundle, keys, ["simulated", "other"], online, NOW)
    for counter in range(1, 5):
        sign_image(bundle, keys, make_image(f"1.{counter}.0", counter, payload=PAYLOAD), NOW)
    sign_image(bundle, keys, make_image("1.9.0", 1, board="other", payload=PAYLOAD), NOW)
    return bundle, keys


def signed(desk: tuple[Bundle, OfflineKeys], delta_bytes: int, retire: tuple[str, ...] = ()) -> SignedImage:
    bundle, keys = desk
    image = make_image("2.0.0", 9, payload=PAYLOAD)

    def make(base: bytes, wanted: bytes) -> bytes:
        assert wanted == image
        return sha256(base).digest()[:1] * delta_bytes

    return sign_image(bundle, keys, image, NOW, retire=retire, make_delta=make)


def test_the_newest_three_of_the_board_are_bases(desk: tuple[Bundle, OfflineKeys]) -> None:
    found = signed(desk, 100)
    names = [f"simulated_2.0.0_from_1.{minor}.0.delta" for minor in (4, 3, 2)]
    assert list(found.deltas) == names
    assert len(names) == NEWEST_BASES
    listed = desk[0].targets_of("simulated")
    for name, base in zip(names, ("1.4.0", "1.3.0", "1.2.0"), strict=True):
        data = desk[0].target(f"simulated_{base}.img")
        assert listed[name].custom == {"base": sha256(data).hexdigest()}
        assert listed[name].length == len(desk[0].target(name)) == 100


def test_a_retired_release_is_no_base(desk: tuple[Bundle, OfflineKeys]) -> None:
    assert list(signed(desk, 100, ("1.4.0", "1.3.0")).deltas) == [
        f"simulated_2.0.0_from_1.{minor}.0.delta" for minor in (2, 1)
    ]


@pytest.mark.parametrize(("beyond", "made"), [(-1, NEWEST_BASES), (1, 0)])
def test_a_delta_is_signed_below_four_fifths_of_the_deflated_image(
    desk: tuple[Bundle, OfflineKeys], beyond: int, made: int
) -> None:
    limit = len(zlib.compress(make_image("2.0.0", 9, payload=PAYLOAD), 9)) * WORTHWHILE
    found = signed(desk, int(limit) + beyond)
    assert len(found.deltas) == made
    assert len([name for name in desk[0].targets_of("simulated") if name.endswith(".delta")]) == made
