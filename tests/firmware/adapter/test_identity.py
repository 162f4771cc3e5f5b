"""The identity on flash, read blob by blob: a heap in pieces has no room for all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.errors import IdentityError
from adapter.identity import LOCKED, Identity, IdentityStore
from protocol.wire.mac import MacAddress
from tests.conftest import RunMicroPython
from tests.firmware.model_flash import CuttingFlash

BLOBS = (b"c" * 500, b"a" * 500, b"r" * 6000, b"d" * 100, b"", b"b" * 9)


def made() -> Identity:
    mac = MacAddress.parse("02:00:5E:10:00:01")
    return Identity(LOCKED, 1, 1, mac, "US", "PT000000018", "simulated", bytes(32), bytes(65), BLOBS)


def stored(path: Path) -> IdentityStore:
    store = IdentityStore(CuttingFlash(path).partition("identity"))
    store.store(made())
    return store


def test_all_of_it_or_only_what_is_wanted(tmp_path: Path) -> None:
    store = stored(tmp_path / "flash")
    assert store.load().blobs == BLOBS
    found = store.load((3, 5))
    assert (found.serial, found.stage) == ("PT000000018", LOCKED)
    assert found.blobs == (b"", b"", b"", BLOBS[3], b"", BLOBS[5])


def test_a_record_of_another_length_than_its_blobs_is_refused() -> None:
    payload = made().pack()

    def read(at: int, count: int) -> bytes:
        return payload[at : at + count]

    assert Identity.unpack(len(payload), read).blobs == BLOBS
    for length in [*range(800), *range(len(payload) - 200, len(payload)), len(payload) + 1]:
        with pytest.raises(IdentityError, match="provision again"):
            Identity.unpack(length, read)


def test_what_a_session_needs_of_an_identity_is_read_in_a_heap_of_pieces_shorter_than_its_record(
    tmp_path: Path, micropython: RunMicroPython
) -> None:
    stored(tmp_path / "flash")
    script = """
import gc, sys
from adapter.identity import IdentityStore
from ports.unix.flash import Flash
flash = Flash(sys.argv[1], 0x200000, 4096, {"identity": (0x2000, 0x18000)})
kept = dropped = None
try:
    while True:
        kept, dropped = (kept, bytearray(700)), (dropped, bytearray(700))
except MemoryError:
    dropped = None
gc.collect()
longer = None
try:
    while True:
        longer = (longer, bytearray(1000))
except MemoryError:
    identity = IdentityStore(flash.partition("identity")).load((0, 1))
print([len(blob) for blob in identity.blobs])
"""
    assert micropython(script, tmp_path / "flash").strip() == "[500, 500, 0, 0, 0, 0]"
