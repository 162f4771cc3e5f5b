"""Power cuts while a unit gets its identity: the station begins again, and no cut costs a key or a promise.

What a unit has answered to the station holds over every cut: the key of the request it sent, the certificate it
accepted, the lock. What it had not answered yet may be done or not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapter.factory import FactoryLink
from adapter.identity import KEYED, LOCKED, PROVISIONED, IdentityStore
from adapter.records import RecordPair
from adapter.slot_check import select
from protocol.wire.link_enumerations import LINK_RESULTS
from protocol.wire.messages import Message, pack
from tests.firmware.adapter.factory_bench import SERIAL, TOKEN_KEYS
from tests.firmware.adapter.update.repository import ABI, BOARD
from tests.firmware.power_cuts.cut_points import CutPoint, cuts_of
from tests.firmware.power_cuts.nor_flash import NorFlash, Operation
from tests.firmware.power_cuts.powered_unit import REVISION, BrickedError
from tests.firmware.power_cuts.scenarios import ADDRESSES, bare, image_of
from tests.firmware.power_cuts.sweep import FAILURES, MAX_DEPTH, Tally

_BLOB_PIECE_BYTES = 1024
_CONTINUED_SHARE = 0.002
_SECOND_CUTS = 3
Heard = tuple[str, bytes]  # what was answered, and the public key if it was the request
_OK = LINK_RESULTS.index("ok")


class _Usb:
    dropped = 0


class BenchBoard:
    """The hardware that a FactoryLink asks for; its entropy is drawn from the start's number."""

    name = BOARD
    hardware_revision = REVISION
    uid = bytes(8)
    usb = _Usb()
    bench = None

    def __init__(self, flash: NorFlash, start: int) -> None:
        self._flash = flash
        self._chance = random.Random(start)

    def partition(self, name: str) -> Any:
        return self._flash.partition(name)

    def ethernet_up(self) -> bool:
        return True

    def led(self, pattern: str) -> None:
        pass

    def entropy(self, count: int) -> bytes:
        return self._chance.randbytes(count)


class Station:
    """Provisions a unit from the start each time; `heard` is what the unit has answered so far."""

    def __init__(self, chance: random.Random, heard: list[Heard], starts: int) -> None:
        self._entropy = chance.randbytes(32)
        self._anchors = b"\x30" + chance.randbytes(chance.randrange(300, 900))
        self._root = b"{" + chance.randbytes(chance.randrange(1000, 3000))
        self._filler = chance.randbytes(chance.randrange(300, 700))
        self.heard = list(heard)
        self._start = starts + 1

    def provision(self, flash: NorFlash) -> None:
        """One start of the unit, from hello to the lock; BrickedError if the unit refuses a step."""
        link = FactoryLink(
            IdentityStore(flash.partition("identity")), BenchBoard(flash, self._start), "1.0.0", _clock()
        )
        if link.locked:
            return
        mac = b"\x02\x00\x00\x00\x00\x01"
        (name, values), = link.handle(Message("begin_provisioning", {
            "serial": SERIAL, "mac": mac, "epoch": 1, "hardware_revision": REVISION, "country": "DE",
            "entropy": self._entropy,
        }))  # fmt: skip
        if name != "csr":
            raise BrickedError(f"no request, but {values}")
        key: Any = x509.load_der_x509_csr(values["csr"]).public_key()
        public = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.heard.append(("csr", public))
        certificate = b"\x30" + public + SERIAL.encode() + self._filler
        for index, blob in enumerate(
            (certificate, self._anchors, self._root, pack("addresses", ADDRESSES), TOKEN_KEYS)
        ):
            self._put(link, index, blob)
        self._ask(link, "finish_provisioning", {"certificate_sha256": sha256(certificate).digest()})
        link.handle(Message("run_self_test", {}))
        self._ask(link, "lock", {})

    def _put(self, link: FactoryLink, index: int, blob: bytes) -> None:
        if link.identity.provisioned:
            return
        for at in range(0, len(blob), _BLOB_PIECE_BYTES):
            piece = {"blob": index, "total_bytes": len(blob), "offset": at, "data": blob[at : at + _BLOB_PIECE_BYTES]}
            _check_ok("put_blob", link.handle(Message("put_blob", piece)))

    def _ask(self, link: FactoryLink, name: str, values: dict[str, Any]) -> None:
        _check_ok(name, link.handle(Message(name, values)))
        self.heard.append((name, b""))


def _check_ok(name: str, answers: list[tuple[str, dict[str, Any]]]) -> None:
    ((_, values),) = answers
    if values["result"] != _OK:
        raise BrickedError(f"{name} answered {LINK_RESULTS[values['result']]}: {values['detail']}")


def _clock() -> Any:
    return iter(range(1 << 30)).__next__


class ProvisioningSweep:
    """All cuts of one provisioning, or the `share` of them that the seed picks."""

    def __init__(self, seed: int, share: float = 1.0) -> None:
        self.tally = Tally()
        self._chance = random.Random(f"provisioning/{seed}")
        self._share = share
        self._station_seed = self._chance.getrandbits(64)
        self._blocks = bare(self._chance, image_of("0.9.0", 1, self._chance.randbytes(3000)))

    def run(self) -> Tally:
        """Sweeps; the Tally."""
        operations, heard = self._provisioned(NorFlash(self._blocks), [], 0)
        for operation in operations:
            for cut in cuts_of(operation, self._chance, self._share):
                self._after(cut, heard, 1)
        return self.tally

    def _provisioned(self, flash: NorFlash, promised: list[Heard], starts: int) -> tuple[list[Operation], list[Heard]]:
        """One start with a station, recorded; its operations, and all that was heard by its end."""
        station = Station(random.Random(self._station_seed), promised, starts)
        flash.operations = []
        flash.mark = lambda: len(station.heard)
        station.provision(flash)
        return flash.operations, station.heard

    def _after(self, cut: CutPoint, heard: list[Heard], depth: int) -> None:
        tally = self.tally
        tally.cut_points += 1
        tally.second_cuts += depth > 1
        tally.states.add(cut.digest)
        promised = heard[: cut.operation.mark]
        try:
            faults = list(_broken_promises(NorFlash(cut.blocks, cut.digest), promised))
            reading = (RecordPair(NorFlash(cut.blocks, 0).partition("identity")).load(), len(promised))
            if not faults and (reading not in tally.readings or self._chance.random() < _CONTINUED_SHARE):
                tally.readings.add(reading)
                faults = self._live_on(cut, promised, depth)
        except FAILURES as error:
            faults = [f"{type(error).__name__}: {error}"]
        tally.failures += [
            f"{cut.operation}, cut {depth} {cut.how}, heard {len(promised)}: {fault}" for fault in faults
        ]

    def _live_on(self, cut: CutPoint, promised: list[Heard], depth: int) -> list[str]:
        self.tally.lives += 1
        flash = NorFlash(cut.blocks, cut.digest)
        operations, heard = self._provisioned(flash, promised, depth)
        for operation in self._chance.choices(operations, k=_SECOND_CUTS) if operations and depth < MAX_DEPTH else []:
            for second in cuts_of(operation, self._chance, min(1.0, 2 / (1 + len(operation.data or b"")))):
                self._after(second, heard, depth + 1)
        return [*flash.faults, *_broken_promises(flash, [*heard, ("lock", b"")])]


def _broken_promises(flash: NorFlash, heard: list[Heard]) -> Iterator[str]:
    """What the unit does not keep of what it has answered."""
    why: list[str] = []
    if select(flash, RecordPair(flash.partition("boot_record")), BOARD, REVISION, ABI, 0, why.append) is None:
        yield f"nothing boots: {why}"
    identity = IdentityStore(flash.partition("identity")).load()
    stages = {"csr": KEYED, "finish_provisioning": PROVISIONED, "lock": LOCKED}
    for name, public in heard:
        if identity is None or identity.stage < stages[name]:
            yield f"{name} was answered, the unit is at {identity and identity.stage}"
        elif public and identity.public != public:
            yield "the key is not the one of the request it sent"
