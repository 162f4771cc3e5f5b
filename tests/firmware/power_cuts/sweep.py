"""Cuts the power of a story wherever it can be cut, and looks at the unit after each cut.

- Every cut point: the unit boots from the bytes that are left, as `looked_at` checks.
- Every cut point that leaves what no earlier one left, as the firmware reads its stores (boot record, journal,
  settings, files, slots, reports heard), and a share of all others: the unit lives on until it rests, and has ended
  as the story must end. The share is there since states that read alike may differ in what lies around the records.
- In a share of these lives the power goes again.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from adapter.errors import AdapterError
from adapter.records import RecordPair
from adapter.settings import FLOOR_STEP_S
from adapter.update.journal import Journal
from protocol.wire.boot_record import BootRecord
from protocol.wire.enumerations import UPDATE_STATES
from protocol.wire.errors import WireError
from tests.firmware.power_cuts.cut_points import SLOTS, CutPoint, cuts_of
from tests.firmware.power_cuts.fleet_side import FINAL, Fleet, Mark
from tests.firmware.power_cuts.nor_flash import BLOCK_BYTES, PARTITIONS, NorFlash, Operation
from tests.firmware.power_cuts.powered_unit import BrickedError, PoweredUnit, SettingsOf, live_until_quiet
from tests.firmware.power_cuts.scenarios import FIRST, Story
from tests.firmware.power_cuts.tearing import FILES, RECORDS, files_of, read_of, torn

CONTINUED_SHARE = 0.01  # of the cut points that read like an earlier one
DAMAGED_SHARE = 0.01  # of the cut points after which a bit of the running image flips, too
SECOND_CUTS_SHARE = 0.15  # of the lives after a cut
SECOND_CUTS = 3  # in each of them
MAX_FAILURES = 100  # a sweep that has seen so many is not worth going on with
MAX_DEPTH = 2  # cuts in a row: a trial has three attempts
_STAGED = UPDATE_STATES.index("staged")
# What a unit may die of; whatever it is, it is told with the cut that brought it about.
FAILURES = (BrickedError, AdapterError, WireError, OSError, ArithmeticError, AttributeError, LookupError, TypeError,
            ValueError, struct.error)  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What a sweep has counted; `failures` in words, each with where it was."""

    cut_points: int = 0
    lives: int = 0
    second_cuts: int = 0
    states: set[int] = field(default_factory=set)
    readings: set[Any] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


class StorySweep:
    """All cuts of one Story, or the `share` of them that `chance` picks."""

    def __init__(self, story: Story, chance: random.Random, share: float = 1.0) -> None:
        self.story = story
        self.tally = Tally()
        self._chance = chance
        self._share = share
        self._identity = read_of(story.blocks, "identity")

    def run(self, max_failures: int = MAX_FAILURES) -> Tally:
        """Sweeps, up to so many failures; the Tally."""
        operations, world, unit = self._recorded(NorFlash(self.story.blocks), self.story.fleet())
        for operation in operations if unit is not None else []:
            for cut in cuts_of(operation, self._chance, self._share):
                if len(self.tally.failures) >= max_failures:
                    return self.tally
                self._after(cut, world, 1)
        return self.tally

    def _recorded(self, flash: NorFlash, fleet: Fleet) -> tuple[list[Operation], Fleet, PoweredUnit | None]:
        """Lives until the unit rests, recording; None instead of the unit if that failed."""
        flash.operations = []
        flash.mark = lambda: fleet.mark
        flash.guard = lambda partition, offset: _forbidden(flash, partition, offset)
        unit = None
        try:
            unit = live_until_quiet(flash, fleet, self.story.first_root, self.story.manners)
        except FAILURES as error:
            self._fail("living on" if fleet.starts > 1 else "without a cut", f"{type(error).__name__}: {error}")
        else:
            for fault in (*flash.faults, *self._wrong_end(unit)):
                self._fail("at the end", fault)
        return flash.operations, fleet, unit

    def _after(self, cut: CutPoint, world: Fleet, depth: int) -> None:
        tally = self.tally
        tally.cut_points += 1
        tally.second_cuts += depth > 1
        tally.states.add(cut.digest)
        failures = len(tally.failures)
        reading = self._look(cut)
        is_new = reading not in tally.readings
        if reading is not None and (is_new or self._chance.random() < CONTINUED_SHARE):
            tally.readings.add(reading)
            self._live_on(cut, world, depth)
        for at in range(failures, len(tally.failures)):
            tally.failures[at] = f"{cut.operation}, cut {depth} {cut.how}: {tally.failures[at]}"

    def _look(self, cut: CutPoint) -> Any:
        """Boots from what the cut left; what the firmware reads there, None after a failure."""
        flash = NorFlash(cut.blocks, cut.digest)
        flash.guard = lambda partition, offset: _forbidden(flash, partition, offset)
        fleet = self.story.fleet()
        mounts = cut.operation.partition == FILES or cut.how == "before"  # else it is as it was before
        try:
            unit = PoweredUnit(flash, fleet, self.story.first_root, self.story.manners, "power_on", mounts)
        except FAILURES as error:
            return self._fail("booting", f"{type(error).__name__}: {error}")
        faults = [*flash.faults, *torn(cut)]
        if unit.sha256 not in self.story.images:
            faults.append(f"runs an image that nobody signed: {unit.sha256.hex()}")
        if read_of(flash.blocks, "identity") != self._identity:
            faults.append("the identity is another one")
        if unit.boot_record.floor < _boot_record(cut.operation.blocks).floor:
            faults.append(f"the security floor fell to {unit.boot_record.floor}")
        if self._chance.random() < DAMAGED_SHARE:
            faults += self._damaged(unit)
        for fault in faults:
            self._fail("booting", fault)
        return None if faults else _reading(unit, cut.operation.mark)

    def _live_on(self, cut: CutPoint, world: Fleet, depth: int) -> None:
        self.tally.lives += 1
        flash = NorFlash(cut.blocks, cut.digest)
        fleet = self.story.fleet().back_to(world, cut.operation.mark)
        operations, world, unit = self._recorded(flash, fleet)
        if unit is None or depth == MAX_DEPTH or self._chance.random() >= SECOND_CUTS_SHARE:
            return
        for operation in self._chance.choices(operations, k=SECOND_CUTS):
            cuts = list(cuts_of(operation, self._chance, min(1.0, 20 / (1 + len(operation.data or b"")))))
            if cuts:
                self._after(self._chance.choice(cuts), world, depth + 1)

    def _wrong_end(self, unit: PoweredUnit) -> Iterator[str]:
        """What is not as the story must end."""
        if unit.header.version not in self.story.versions:
            yield f"runs {unit.header.version}, not {sorted(self.story.versions)}"
        yield from self._wrong_reports(unit)
        yield from self._wrong_stores(unit)
        if read_of(unit.flash.blocks, "identity") != self._identity:
            yield "the identity is another one"
        for name, data in files_of(unit.flash.blocks).items():
            if data not in unit.fleet.files.values() and not name.endswith(".new"):
                yield f"stored {name} is not what the fleet has"

    def _wrong_reports(self, unit: PoweredUnit) -> Iterator[str]:
        """What the fleet should have heard and did not, or the other way round."""
        endings, told = self.story.endings, unit.fleet.told
        for assignment, allowed in endings.items():
            ends = [row[1:] for row in told if row[0] == assignment and row[1] in FINAL]
            if not set(ends or [None]) <= allowed or len(set(ends)) > 1 or len(ends) > 1 + MAX_DEPTH:
                yield f"assignment {assignment} ended {ends}, allowed are {allowed}"
        if not {row[0] for row in told} <= endings.keys():
            yield f"told of assignments nobody made: {told}"
        if (unit.header.version == FIRST) == any(row[1] == "confirmed" for row in told):
            yield f"runs {unit.header.version} and told {told}"
        staged = [message for message in unit.fleet.received if message.values.get("state") == _STAGED]
        for message in staged:
            if not message["detail"].startswith(self.story.staged):
                yield f"the image came otherwise: {message['detail']}"
        if unit.fleet.lost:
            yield f"reports were kept and never came: {sorted(unit.fleet.lost)}"

    def _wrong_stores(self, unit: PoweredUnit) -> Iterator[str]:
        """What a later start would find wrong on the flash."""
        flash = NorFlash(unit.flash.blocks, unit.flash.digest)
        record = _boot_record(flash.blocks)
        journal = Journal(RecordPair(flash.partition("journal")))
        if record.trial or journal.state != "idle":
            yield f"is not at rest: trial {record.trial}, {journal.state}"
        if record.floor < unit.header.security_counter:
            yield f"the security floor is {record.floor}, the image's counter {unit.header.security_counter}"
        settings = SettingsOf(unit.header.data_schema, flash.partition("settings"), unit.slot)
        if settings.floor_s + FLOOR_STEP_S <= unit.told_s:
            yield f"the clock's floor is {settings.floor_s}, told was {unit.told_s}"
        if settings.schema > 1 and settings.configuration != unit.fleet.configuration:
            yield f"keeps another configuration: {settings.configuration[:20]!r}"

    def _damaged(self, unit: PoweredUnit) -> Iterator[str]:
        """A bit of the image that booted flips: it does not boot again, whatever else does or does not."""
        flash = NorFlash(unit.flash.blocks, 0)
        length = unit.boot_record.slots[unit.slot][0]
        index, inside = divmod(PARTITIONS[SLOTS[unit.slot]][0] + self._chance.randrange(length), BLOCK_BYTES)
        block = flash.blocks[index]
        flash.blocks[index] = block[:inside] + bytes((block[inside] ^ 0x10,)) + block[inside + 1 :]
        try:
            other = PoweredUnit(flash, self.story.fleet(), self.story.first_root, self.story.manners, "power_on", False)
        except BrickedError:
            return  # the other slot holds no image: the ROM loader takes over
        if other.slot == unit.slot:
            yield "an image with a flipped bit boots"

    def _fail(self, when: str, what: str) -> None:
        self.tally.failures.append(f"{self.story.name}, {when}: {what}")


def _forbidden(flash: NorFlash, partition: str, offset: int) -> str:
    """Why this write may not be, "" if it may: the confirmed slot never, and its bank of settings in no trial."""
    if partition not in (*SLOTS, "settings"):
        return ""
    record = _boot_record(flash.blocks)
    if partition == SLOTS[record.confirmed]:
        return f"{partition} is confirmed and was written to"
    start, size = PARTITIONS["settings"]
    if partition == "settings" and record.trial and (offset - start) // (size // 2) == record.confirmed:
        return f"the settings of {SLOTS[record.confirmed]} were written to in a trial"
    return ""


def _boot_record(blocks: list[bytes]) -> BootRecord:
    return BootRecord.unpack(read_of(blocks, "boot_record"))


def _reading(unit: PoweredUnit, mark: Mark) -> Any:
    """Everything that the unit's next life depends on, as far as it is read through the stores."""
    blocks = unit.flash.blocks
    records = tuple(read_of(blocks, name) for name in RECORDS)
    slots = tuple(blocks[PARTITIONS["slot_a"][0] // BLOCK_BYTES :])
    return hash((records, mark[:2], slots, tuple(sorted(files_of(blocks).items()))))
