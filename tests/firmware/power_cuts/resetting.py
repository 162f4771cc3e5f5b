"""Power cuts while a unit in service is reset: it is as it was, or it is a reset unit, locked and empty.

Before the unit has answered `ok`, both are right; once it has, only the second is. What a reset unit must not hold
anywhere in its flash: its private key, its certificate, and anything the customer left. What it must: who it is.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from adapter.factory import FactoryLink
from adapter.factory_reset import carry_out
from adapter.identity import BENCH, LOCKED, RESET, TOKEN_KEYS, Identity, IdentityStore
from adapter.locked_link import LockedLink
from protocol.wire.link import FrameReader, encode_frame
from protocol.wire.link_enumerations import LINK_MODES, LINK_RESULTS
from protocol.wire.messages import Message, pack, unpack
from tests.firmware.adapter.factory_bench import TOKEN_KEYS as FLEET_KEYS
from tests.firmware.power_cuts.cut_points import CutPoint, cuts_of
from tests.firmware.power_cuts.nor_flash import BLOCK_BYTES, PARTITIONS, NorFlash, Operation
from tests.firmware.power_cuts.powered_unit import BrickedError
from tests.firmware.power_cuts.provisioning import BenchBoard
from tests.firmware.power_cuts.scenarios import bare, identity_of, image_of
from tests.firmware.power_cuts.sweep import FAILURES, MAX_DEPTH, Tally

CUSTOMERS = ("settings", "call_log", "event_log", "journal", "data")
_MARK = b"what the customer left"
_SECOND_CUTS = 2
_CONTINUED_SHARE = 0.02


class ResetSweep:
    """All cuts of one factory reset, or the `share` of them that the seed picks."""

    def __init__(self, seed: int, share: float = 1.0) -> None:
        self.tally = Tally()
        self._chance = random.Random(f"reset/{seed}")
        self._share = share
        flash = NorFlash(bare(self._chance, image_of("1.0.0", 1, self._chance.randbytes(3000))))
        made = identity_of(self._chance, b"{" + self._chance.randbytes(self._chance.randrange(1000, 6000)))
        blobs = list(made.blobs)
        blobs[TOKEN_KEYS], blobs[BENCH] = FLEET_KEYS, b"\x80\x07\x80\x00"
        self.identity: Identity = made.but(blobs=blobs)
        store = IdentityStore(flash.partition("identity"))
        for _ in range(2):
            store.store(self.identity)
        for name in CUSTOMERS:
            _, size = PARTITIONS[name]
            flash.partition(name).program(self._chance.randrange(size - len(_MARK)), _MARK)
        self._blocks = flash.blocks

    def run(self) -> Tally:
        """Sweeps; the Tally."""
        operations, _ = self._lived(NorFlash(self._blocks), answered=False)
        for operation in operations:
            for cut in cuts_of(operation, self._chance, self._share):
                self._after(cut, 1)
        return self.tally

    def _lived(self, flash: NorFlash, answered: bool) -> tuple[list[Operation], bool]:
        """From a start to the reset unit, recorded; whether the unit has answered `ok`."""
        heard = [answered]
        flash.operations = []
        flash.mark = lambda: heard[-1]
        if carry_out(flash) == LOCKED:
            _ask(flash)
            heard.append(True)
            carry_out(flash)
        return flash.operations, heard[-1]

    def _after(self, cut: CutPoint, depth: int) -> None:
        tally = self.tally
        tally.cut_points += 1
        tally.second_cuts += depth > 1
        tally.states.add(cut.digest)
        try:
            faults = list(self._wrong(NorFlash(cut.blocks, cut.digest), cut.operation.mark))
            if not faults and depth < MAX_DEPTH and self._chance.random() < _CONTINUED_SHARE:
                self._live_on(cut, depth)
        except FAILURES as error:
            faults = [f"{type(error).__name__}: {error}"]
        tally.failures += [f"{cut.operation}, cut {depth} {cut.how}: {fault}" for fault in faults]

    def _live_on(self, cut: CutPoint, depth: int) -> None:
        self.tally.lives += 1
        operations, _ = self._lived(NorFlash(cut.blocks, cut.digest), cut.operation.mark)
        for operation in self._chance.choices(operations, k=_SECOND_CUTS) if operations else []:
            for second in cuts_of(operation, self._chance, min(1.0, 4 / (1 + len(operation.data or b"")))):
                self._after(second, depth + 1)

    def _wrong(self, flash: NorFlash, answered: bool) -> Iterator[str]:
        """What the next start makes of the flash that it must not."""
        before = list(flash.blocks)
        stage = carry_out(flash)
        yield from flash.faults
        found = IdentityStore(flash.partition("identity")).load()
        if stage == LOCKED:
            if answered:
                yield "the reset was promised, and the unit is in service"
            if found is None or found.pack() != self.identity.pack():
                yield "the identity is another one"
            if _of_the_customer(before) != _of_the_customer(self._blocks):
                yield "a unit in service has lost what the customer left"
            return
        if stage != RESET or found is None:
            yield f"a unit that anybody may provision: stage {stage}"
            return
        yield from self._left_over(flash, found)
        link = FactoryLink(IdentityStore(flash.partition("identity")), BenchBoard(flash, 1), "1.0.0", iter(range(9)))
        if LINK_MODES[link.handle(Message("hello", {}))[0][1]["mode"]] != "reset":
            yield "it does not say that it was reset"

    def _left_over(self, flash: NorFlash, found: Identity) -> Iterator[str]:
        whole = b"".join(flash.blocks[: PARTITIONS["slot_a"][0] // BLOCK_BYTES])
        secrets = {"key": self.identity.private, "certificate": self.identity.blobs[0][:32], "customer's": _MARK}
        for name, secret in secrets.items():
            if secret in whole:
                yield f"the {name} is still in the flash"
        who = [(each.serial, each.mac, each.epoch, each.blobs[TOKEN_KEYS]) for each in (found, self.identity)]
        if who[0] != who[1]:
            yield f"it forgot who it is: {who[0]}"


def _of_the_customer(blocks: list[bytes]) -> list[bytes]:
    return [
        block
        for name in CUSTOMERS
        for block in blocks[PARTITIONS[name][0] // BLOCK_BYTES : sum(PARTITIONS[name]) // BLOCK_BYTES]
    ]


def _ask(flash: NorFlash) -> None:
    """A hand at the button, and a computer that asks until it is done."""
    board: Any = BenchBoard(flash, 1)
    board.button = lambda: True
    clock = iter(range(0, 1 << 20, 500))
    link = LockedLink(IdentityStore(flash.partition("identity")).load(), board, "1.0.0", clock.__next__)
    flash.seal("identity")
    for _ in range(10):
        (payload,) = FrameReader().feed(link.feed(encode_frame(pack("factory_reset", {}, 1, 1))))
        if LINK_RESULTS[unpack(payload)["result"]] == "ok":
            flash.partition("identity").sealed = False  # boot comes before the seal
            return
    raise BrickedError("no reset after ten times asking")
