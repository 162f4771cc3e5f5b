"""The same mutants under CPython and under MicroPython: both take the same ones, in bounded time.

For metadata and image headers the errors are the same too. A damaged delta may come further under one inflater than
under the other; which deltas make the image is the same.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

from protocol.wire.errors import WireError
from protocol.wire.image import ImageHeader
from tests.conftest import micropython_path
from tests.firmware.adapter.update.repository import ABI, BOARD, NOW_S, SERIAL
from tests.firmware.fuzzing.acceptance import KINDS, Bench
from tests.firmware.fuzzing.image_fuzz import changed_inside, made, pair_of_images, sealed
from tests.firmware.fuzzing.metadata_fuzz import genuine, signatures_known
from tests.firmware.fuzzing.mutations import mutant
from tools.release.delta import make_delta

ROOT = Path(__file__).parents[3]
MAX_CASE_MS = 1000
TIMEOUT_S = 300
_HEAP = "512K"
_MAX_FILE_BYTES = 9000  # more is never fetched
Case = tuple[str, bytes]


def fuzz_both(seed: int, count: int) -> tuple[int, list[str]]:
    """(mutants both accept, where they differ or fail) of `count` mutants of metadata, image headers and deltas."""
    chance = random.Random(f"both/{seed}")
    files = genuine(chance.getrandbits(64))
    base, image = pair_of_images(chance)
    told = list(_cases(files, base, image, count, chance))
    there = _on_device(files, base, image, told)
    faults = [f"MicroPython answered {len(there)} of {count} cases"] if len(there) != count else []
    accepted = 0
    with signatures_known(files, chance) as bench:
        for (kind, data), (took_ms, found) in zip(told, there, strict=False):
            here = _here(bench, base, image, kind, data)
            accepted += found == here == "accepted"
            same = found == here if kind != "delta" else (found == "accepted") == (here == "accepted")
            if not same or found.startswith("raised"):
                faults.append(f"{kind}: MicroPython {found}, CPython {here}: {data!r}")
            if took_ms > MAX_CASE_MS:
                faults.append(f"{kind}: {took_ms} ms: {data!r}")
    return accepted, faults


def _cases(files: dict[str, bytes], base: bytes, image: bytes, count: int, chance: random.Random) -> list[Case]:
    delta = make_delta(base, image)
    others = [*files.values(), delta]
    kinds = (*KINDS, "delta", "image")
    told = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        if kind == "delta":
            data = changed_inside(delta, chance) if chance.random() < 0.5 else mutant(delta, others, chance)
        elif kind == "image":
            data = sealed(mutant(image, others, chance))
        else:
            data = mutant(files[kind], others, chance)
        told.append((kind, data[:_MAX_FILE_BYTES]))
    return told


def _here(bench: Bench, base: bytes, image: bytes, kind: str, data: bytes) -> str:
    if kind == "delta":
        return "accepted" if made(base, image, data, len(data)) == image else "DeltaError"
    if kind == "image":
        try:
            ImageHeader.unpack(data).refusal(BOARD, 2, ABI)
        except WireError:
            return "WireError"
        return "accepted"
    return str(bench.outcome(kind, data))


def _on_device(files: dict[str, bytes], base: bytes, image: bytes, told: list[Case]) -> list[tuple[int, str]]:
    blobs = [SERIAL.encode(), str(NOW_S).encode(), files["first_root"], *(files[kind] for kind in KINDS), base, image]
    for kind, data in told:
        blobs += [kind.encode(), data]
    done = subprocess.run(
        [micropython_path(), "-X", f"heapsize={_HEAP}", str(Path(__file__).with_name("on_device.py"))],
        input=b"".join(len(blob).to_bytes(4, "big") + blob for blob in blobs), capture_output=True, check=False,
        env={**os.environ, "MICROPYPATH": f"{ROOT}:{ROOT / 'firmware'}:.frozen"}, timeout=TIMEOUT_S,
    )  # fmt: skip
    found = []
    for line in done.stdout.decode(errors="replace").splitlines():
        took_ms, _, result = line.partition(" ")
        found.append((int(took_ms) if took_ms.isdigit() else 0, result))
    return found
