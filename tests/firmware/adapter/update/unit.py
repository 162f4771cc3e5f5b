"""A unit that updates itself in a test: real session, slots, boot record and journal on a flash that can be cut."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from adapter import boot_record
from adapter.boot_record import SLOTS
from adapter.records import RecordPair
from adapter.settings import Settings
from adapter.update.assignment import UnitFacts
from adapter.update.session import UpdateSession
from ports.unix.slots import Slots, slot_digest
from protocol.wire.boot_record import BootRecord
from protocol.wire.enumerations import BOOT_REASONS, UPDATE_REASONS, UPDATE_STATES
from protocol.wire.image import HEADER_BYTES, ImageHeader
from tests.firmware.adapter.update.repository import ABI, BOARD, NOW_S, SERIAL, BendableRepository, DictStore, serve
from tests.firmware.model_flash import CuttingFlash

HEAP_BYTES = 200_000
FIRST_PAYLOAD = b"first" * 500


def first_image() -> bytes:
    header = ImageHeader(BOARD, 1, 4, ABI, 1, 0, 1, 1000, "0.9.0")
    return bytes(header.pack(FIRST_PAYLOAD)) + FIRST_PAYLOAD


class UpdatingUnit:
    """Starts with `first_image` in slot 0; `boot` after each restart."""

    def __init__(self, path: Path, repository: BendableRepository) -> None:
        self.repository = repository
        self.path = path
        self.files = DictStore()
        self.reports: list[dict[str, Any]] = []
        self.times_seen: list[int] = []
        image = first_image()
        flash = CuttingFlash(path)
        flash.partition("slot_a").erase(0, flash.block_bytes)
        flash.partition("slot_a").program(0, image)
        flash.partition("slot_b").program(0, bytes(4 * flash.block_bytes))  # an older image: must be erased
        record = BootRecord(slots=((len(image), sha256(image).digest()), (0, bytes(32))))
        RecordPair(flash.partition("boot_record")).store(record.pack())
        self.boot()

    def boot(self, cause: str = "power_on", cut_at: int | None = None, torn_share: float = 0.5) -> None:
        """A start as boot.py makes it; the flash's write number `cut_at` from here on is torn."""
        self.flash = CuttingFlash(self.path, cut_at, torn_share)
        pair = RecordPair(self.flash.partition("boot_record"))
        record = BootRecord.unpack(pair.load())
        choice = boot_record.choose(record, BOOT_REASONS.index(cause))
        if not self._is_whole(choice):
            choice = boot_record.damaged(choice)
            assert self._is_whole(choice), "no slot holds a whole image"
        if choice.changed:
            pair.store(choice.record.pack())
        self.slot = choice.slot
        self.sha256 = choice.record.slots[choice.slot][1]
        header = bytearray(HEADER_BYTES)
        self.flash.partition(SLOTS[self.slot]).readinto(0, header)
        self.header = ImageHeader.unpack(header)
        self.settings = Settings(self.flash.partition("settings"), self.slot)
        self.start_task()

    def start_task(self) -> None:
        """The session as main makes it, also once more in one start: after its task failed."""
        self.slots = Slots(self.flash, self.slot)
        unit = UnitFacts(SERIAL, BOARD, 2, ABI, self.slots.other.size, HEAP_BYTES)
        self.session = UpdateSession(
            unit, (self.sha256, self.header.release_counter, self.header.version), self.slots, self.files,
            RecordPair(self.flash.partition("journal")), self.repository.first_root, self.settings,
            self.times_seen.append,
        )  # fmt: skip

    def _is_whole(self, choice: boot_record.Choice) -> bool:
        length, digest = choice.record.slots[choice.slot]
        return bool(length) and slot_digest(self.flash.partition(SLOTS[choice.slot]), length) == digest

    def work(self, files: dict[str, bytes] | None = None, now_s: int = NOW_S) -> None:
        """What the session does when there is work, with the repository's files or others."""
        if self.session.wants_work:
            serve(self.session.work(now_s), self.repository.files if files is None else files)

    def report(self) -> None:
        """Hands all reports that are due to the fleet."""
        while self.session.take_report(self.reports.append):
            pass

    def told(self) -> list[tuple[str, str]]:
        """State and reason of every report so far."""
        self.report()
        return [(UPDATE_STATES[each["state"]], UPDATE_REASONS[each["reason"]]) for each in self.reports]

    def install(self) -> None:
        """From a check to the first boot on trial."""
        self.session.fleet_answered()
        self.session.check()
        self.work()
        assert self.session.poll(0)
        self.boot("restart")
        assert self.session.state == "trial"

    def other_slot(self) -> bytes:
        found = bytearray(self.slots.other.size)
        self.slots.other.readinto(0, found)
        return bytes(found)
