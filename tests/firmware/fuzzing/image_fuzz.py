"""Mutated images and deltas against the firmware: what runs is whole, what a delta makes counts only by its hash.

Half of the image mutants are sealed again (payload hash and CRC made right), so that odd headers come past the CRC;
half of the delta mutants are changed inside their deflated blocks, so that odd records come past the inflater.
"""

from __future__ import annotations

import random
import zlib
from functools import partial
from hashlib import sha256
from typing import Any

from adapter.records import RecordPair
from adapter.slot_check import select
from adapter.update.delta import DeltaApplier
from adapter.update.errors import DeltaError
from protocol.wire import delta as wire
from protocol.wire.boot_record import BootRecord
from protocol.wire.errors import WireError
from protocol.wire.image import HEADER_BYTES, ImageHeader
from tests.firmware.adapter.update.repository import ABI, BOARD
from tests.firmware.adapter.update.zlib_inflater import ZlibInflater
from tests.firmware.fuzzing.mutations import BYTE_WAYS, mutant
from tests.firmware.fuzzing.one_mutant import run_one
from tests.firmware.power_cuts.nor_flash import BLOCK_BYTES, NorFlash
from tests.firmware.power_cuts.scenarios import image_of
from tools.release.delta import make_delta

_CRC_BYTES = 4
_PAYLOAD_HASH = slice(12, 44)


def sealed(image: bytes) -> bytes:
    """The image with its payload's hash and its header's CRC made right again."""
    if len(image) <= HEADER_BYTES:
        return image
    body = bytearray(image[: HEADER_BYTES - _CRC_BYTES])
    body[_PAYLOAD_HASH] = sha256(image[HEADER_BYTES:]).digest()
    return bytes(body) + zlib.crc32(body).to_bytes(_CRC_BYTES, "big") + image[HEADER_BYTES:]


def fuzz_images(seed: int, count: int) -> tuple[int, list[str]]:
    """(mutants that boot, what went wrong) of `count` mutants in a slot whose record names the genuine image."""
    chance = random.Random(f"image/{seed}")
    image = image_of("1.0.0", 2, chance.randbytes(chance.randrange(300, 3000)))
    faults: list[str] = []
    accepted = 0
    for _ in range(count):
        data = mutant(image, [image, chance.randbytes(100)], chance)
        if chance.random() < 0.5:
            data = sealed(data)
        found = run_one("image", data, partial(_boots, image, data), faults)
        accepted += found is True
        if found and data[: len(image)] != image:
            faults.append(f"image: boots, but is not the one that was signed: {data!r}")
    return accepted, faults


def _boots(image: bytes, data: bytes) -> bool:
    """Whether a slot of these bytes boots under a record of the genuine image; reads the header as a stager does."""
    try:
        header = ImageHeader.unpack(data)
        header.refusal(BOARD, 2, ABI)
        if len(data) == header.image_bytes:
            ImageHeader.unpack(header.pack(data[HEADER_BYTES:]))
    except WireError:
        pass
    flash = NorFlash([b"\xff" * BLOCK_BYTES] * (NorFlash.size // BLOCK_BYTES), 0)
    flash.partition("slot_a").program(0, data)
    record = BootRecord(slots=((len(image), sha256(image).digest()), (0, bytes(32))))
    pair = RecordPair(flash.partition("boot_record"))
    pair.store(record.pack())
    return select(flash, pair, BOARD, 2, ABI, 0, lambda text: None) is not None


def pair_of_images(chance: random.Random) -> tuple[bytes, bytes]:
    """A base image and the next release of it: pieces of the base, changed here and there, and new bytes."""
    words = [chance.randbytes(chance.randrange(2, 9)) for _ in range(60)]
    base = b"".join(chance.choice(words) for _ in range(chance.randrange(200, 1500)))
    pieces = []
    for _ in range(chance.randrange(2, 8)):
        at = chance.randrange(len(base))
        pieces.append(base[at : at + chance.randrange(2000)])
        pieces.append(chance.randbytes(chance.randrange(chance.choice((60, 1500)))))  # long ones make more blocks
    changed = bytearray(b"".join(pieces) or b"x")
    for _ in range(chance.randrange(40)):
        changed[chance.randrange(len(changed))] ^= chance.randrange(256)
    return image_of("1.0.0", 1, base), image_of("1.1.0", 2, bytes(changed))


def fuzz_deltas(seed: int, count: int) -> tuple[int, list[str]]:
    """(mutants that make the image, what went wrong) of `count` mutants of one delta."""
    chance = random.Random(f"delta/{seed}")
    base, image = pair_of_images(chance)
    delta = make_delta(base, image)
    faults: list[str] = []
    accepted = 0
    for _ in range(count):
        data = changed_inside(delta, chance) if chance.random() < 0.5 else mutant(delta, [delta, base], chance)
        cut = chance.randrange(len(data) + 1)
        found = run_one("delta", data, partial(made, base, image, data, cut), faults)
        accepted += found == image
    return accepted, faults


def made(base: bytes, image: bytes, delta: bytes, cut: int) -> bytes | None:
    """What the delta makes, in pieces, and resumed by a fresh applier after `cut` bytes; None after a DeltaError."""
    out = bytearray()

    def read_base(offset: int, buffer: Any) -> None:
        if offset < 0 or offset + len(buffer) > len(base):
            raise AssertionError(f"read of {len(buffer)} bytes at {offset} of a base of {len(base)}")
        buffer[:] = base[offset : offset + len(buffer)]

    def write(data: Any) -> None:
        out.extend(data)
        if len(out) > len(image):
            raise AssertionError(f"{len(out)} bytes written of an image of {len(image)}")

    names = [(len(each), sha256(each).digest()) for each in (base, image)]
    applier = DeltaApplier(*names, read_base, write, ZlibInflater())
    try:
        for at in range(0, cut, 700):
            applier.feed(delta[at : min(cut, at + 700)])
        resume = applier.resume
        del out[resume[1] :]
        applier = DeltaApplier(*names, read_base, write, ZlibInflater(), resume)
        applier.feed(delta[resume[0] :])
    except DeltaError:
        return None
    return bytes(out) if applier.is_whole else None


def changed_inside(delta: bytes, chance: random.Random) -> bytes:
    """The delta with one block's records changed and deflated again, or its head."""
    starts = []
    at = wire.HEADER_BYTES
    while at + wire.BLOCK_HEAD_BYTES < len(delta):
        starts.append(at)
        at += wire.BLOCK_HEAD_BYTES + int.from_bytes(delta[at + 2 : at + 4], "big")
    at = chance.choice(starts)
    head = delta[at : at + wire.BLOCK_HEAD_BYTES]
    stop = at + wire.BLOCK_HEAD_BYTES + int.from_bytes(head[2:4], "big")
    records = zlib.decompressobj(-head[4]).decompress(delta[at + wire.BLOCK_HEAD_BYTES : stop])
    for _ in range(chance.choice((1, 1, 2, 5))):
        records = chance.choice(BYTE_WAYS)(records, [records, delta], chance)
    deflater = zlib.compressobj(9, zlib.DEFLATED, -max(9, head[4]))
    body = deflater.compress(records) + deflater.flush()
    image_bytes = int.from_bytes(head[:2], "big")
    if chance.random() < 0.2:
        image_bytes = chance.choice((0, 1, 4096, 8192, 61440, 65535, image_bytes ^ 1))
    size = min(65535, len(body) + chance.choice((0, 0, 0, 0, 1, -1)))
    window = head[4] if chance.random() < 0.9 else chance.randrange(256)
    return delta[:at] + bytes((*image_bytes.to_bytes(2, "big"), *size.to_bytes(2, "big"), window)) + body + delta[stop:]
