"""Mutated metadata against the firmware: accepted only where the canonical signed part is unchanged.

The oracle is securesystemslib's canonical form of what CPython's json reads. A signature on a digest that nobody
signed is taken as invalid without computing it, but for a seeded share; a changed signature on the genuine digest is
always computed. With `signed`, every signature counts: what the rules behind the signatures do with odd values.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

from securesystemslib.exceptions import FormatError
from securesystemslib.formats import encode_canonical
from tuf.api.metadata import MetaFile

from tests.firmware.adapter.update.repository import NOW_S, SERIAL
from tests.firmware.fuzzing.acceptance import KINDS, ROLE, Bench
from tests.firmware.fuzzing.mutations import mutant
from tests.firmware.fuzzing.one_mutant import run_one
from tests.firmware.power_cuts.fleet_side import ORDER_PATH, seeded_repository

COMPUTED_SHARE = 0.03  # of the signatures on digests that nobody signed


@dataclass(frozen=True, slots=True)
class Case:
    """A mutant of one file, and whether it may be accepted."""

    kind: str
    data: bytes
    unchanged: bool


def genuine(seed: int) -> dict[str, bytes]:
    """One file of each of KINDS, and the root before; timestamp and snapshot do not say what they name in hashes.

    Without hashes and lengths a mutant meets the parser and the signatures, not only a comparison of hashes.
    """
    repository = seeded_repository(seed)
    first_root = repository.first_root
    name = repository.add_image("1.0.0", 2)
    for role in ("targets", ROLE):
        repository.snapshot.meta[f"{role}.json"] = MetaFile(1)
    repository.publish_snapshot()
    repository.timestamp.snapshot_meta = MetaFile(1)
    repository.publish_timestamp()
    repository.files[f"metadata/1.{ROLE}.json"] = repository.signed(repository.board, repository.keys[ROLE])
    repository.next_root()
    repository.assign(name)
    files = repository.files
    return {
        "first_root": first_root, "root": files["metadata/2.root.json"], "timestamp": files["metadata/timestamp.json"],
        "snapshot": files["metadata/1.snapshot.json"], "targets": files["metadata/1.targets.json"],
        "board": files[f"metadata/1.{ROLE}.json"], "assignment": files[ORDER_PATH],
    }  # fmt: skip


def canonical(data: bytes) -> bytes | None:
    """The canonical form of what is signed in `data`; None if there is none."""
    try:
        return str(encode_canonical(json.loads(data)["signed"])).encode("utf-8", "surrogatepass")
    except (FormatError, ValueError, KeyError, TypeError, RecursionError):  # no JSON, no `signed`, no canonical form
        return None


def cases(files: dict[str, bytes], chance: random.Random, count: int) -> Iterator[Case]:
    """`count` mutants, of all kinds in turn."""
    signed = {kind: canonical(files[kind]) for kind in KINDS}
    others = list(files.values())
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        data = mutant(files[kind], others, chance)
        yield Case(kind, data, canonical(data) == signed[kind])


@contextmanager
def signatures_known(files: dict[str, bytes], chance: random.Random, signed: bool = False) -> Iterator[Bench]:
    """A Bench on which p256.verify computes only what has to be computed; with `signed` it says yes to everything.

    ValueError if one of the genuine `files` is refused.
    """
    from adapter.crypto import p256
    from adapter.update import keys

    verify: Callable[[bytes, bytes, bytes], bool] = p256.verify
    known: dict[tuple[bytes, bytes, bytes], bool] = {}

    def compute(public: bytes, digest: bytes, signature: bytes) -> bool:
        asked = (bytes(public), bytes(digest), bytes(signature))
        if asked not in known:
            known[asked] = verify(*asked)
        return known[asked]

    bench = Bench(files, SERIAL, NOW_S)
    keys.good.clear()  # what the firmware remembers since its start
    with patch.object(p256, "verify", compute):
        for kind in KINDS:
            if bench.outcome(kind, files[kind]) != "accepted":
                raise ValueError(f"the genuine {kind} is refused")
    digests = {digest for (_, digest, _), good in known.items() if good}

    def quick(public: bytes, digest: bytes, signature: bytes) -> bool:
        is_computed = digest in digests or chance.random() < COMPUTED_SHARE
        return compute(public, digest, signature) if is_computed else False

    try:
        with patch.object(p256, "verify", (lambda *_: True) if signed else quick):
            yield bench
    finally:
        keys.good.clear()


def fuzz_metadata(seed: int, count: int) -> tuple[int, list[str]]:
    """(mutants accepted, what went wrong) of `count` mutants; one in eight of them counts as signed."""
    chance = random.Random(f"metadata/{seed}")
    files = genuine(chance.getrandbits(64))
    faults: list[str] = []
    accepted = 0
    for signed, number in ((False, count - count // 8), (True, count // 8)):
        with signatures_known(files, chance, signed) as bench:
            for case in cases(files, chance, number):
                found = run_one(case.kind, case.data, partial(bench.outcome, case.kind, case.data), faults)
                if signed or found != "accepted":
                    continue
                accepted += 1
                if not case.unchanged:
                    faults.append(f"{case.kind}: accepted, but not what was signed: {case.data!r}")
    return accepted, faults
