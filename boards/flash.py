"""The flash of a board and its map: what of it is ours, and what is the runtime's."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from boards.fault import fault
from boards.link import Fixed

# What boot, the identity, the update session and the self-test look for by name.
REQUIRED_PARTITIONS = (
    "boot_record", "identity", "journal", "event_log", "call_log", "settings", "scratch", "data", "slot_a", "slot_b",
)  # fmt: skip
SLOTS = ("slot_a", "slot_b")
# Partitions that hold two alternating records need a half each.
_PAIRED = ("boot_record", "identity", "journal")
# A header, the clock's floor, the most that waiting reports and a configuration take (firmware/adapter/settings.py).
_SETTINGS_RECORD_BYTES = 5120
_MAX_FLASH_BYTES = 1 << 24

PartitionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,14}$")]  # ESP-IDF's labels end within 16 bytes


class Partition(Fixed):
    """A stretch of flash, in bytes from its start."""

    offset: int = Field(ge=0)
    bytes: int = Field(gt=0)

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.offset + self.bytes


class Flash(Fixed):
    """Every partition begins and ends on an erase block, none overlap; `runtime` is what MicroPython itself takes."""

    bytes: int = Field(ge=4096, le=_MAX_FLASH_BYTES)
    block_bytes: int = Field(ge=256, le=1 << 16)
    partitions: dict[PartitionName, Partition]
    runtime: dict[PartitionName, Partition] = Field(default_factory=dict)

    @property
    def map(self) -> list[tuple[str, str, Partition]]:
        """(dotted path in the board file, name, partition) of all there is, in the order of their offsets."""
        found = [(f"flash.partitions.{name}", name, part) for name, part in self.partitions.items()]
        found += [(f"flash.runtime.{name}", name, part) for name, part in self.runtime.items()]
        return sorted(found, key=lambda row: row[2].offset)

    @model_validator(mode="after")
    def _map_makes_sense(self) -> Self:
        missing = [name for name in REQUIRED_PARTITIONS if name not in self.partitions]
        if missing:
            raise fault(
                "flash.partitions", f"the flash map lacks {', '.join(missing)}; add it, for the firmware asks for it"
            )
        for name in sorted(set(self.partitions) & set(self.runtime)):
            raise fault(f"flash.runtime.{name}", f"partition {name} is there twice; take it out of one of both tables")
        end, before = 0, "the start"
        for at, name, partition in self.map:
            if partition.offset % self.block_bytes or partition.bytes % self.block_bytes:
                raise fault(
                    at,
                    f"partition {name} does not lie on blocks: let offset and bytes be multiples of "
                    f"{self.block_bytes:#x}",
                )
            if partition.offset < end:
                raise fault(
                    at,
                    f"partition {name} begins at {partition.offset:#x}, inside {before}; let it begin at {end:#x} or "
                    "later",
                )
            end, before = partition.end, name
            if end > self.bytes:
                raise fault(
                    at,
                    f"partition {name} ends at {end:#x}, the flash at {self.bytes:#x}; make it smaller by "
                    f"{end - self.bytes:#x} bytes, or mend flash.bytes",
                )
        self._sizes_suffice()
        return self

    def _sizes_suffice(self) -> None:
        for name in _PAIRED:
            if self.partitions[name].bytes < 2 * self.block_bytes:
                raise fault(
                    f"flash.partitions.{name}.bytes",
                    f"partition {name} holds two records and needs two blocks; let bytes be {2 * self.block_bytes:#x} "
                    "or more",
                )
        needed = 4 * -(-_SETTINGS_RECORD_BYTES // self.block_bytes) * self.block_bytes
        if self.partitions["settings"].bytes < needed:
            raise fault(
                "flash.partitions.settings.bytes",
                f"partition settings holds two banks of two records; let bytes be {needed:#x} or more",
            )
        if self.partitions["slot_a"].bytes != self.partitions["slot_b"].bytes:
            raise fault(
                "flash.partitions.slot_b.bytes",
                "both slots have one size, so that either takes every image; let bytes be "
                f"{self.partitions['slot_a'].bytes:#x} here too",
            )
