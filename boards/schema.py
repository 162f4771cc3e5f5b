"""A board is a chip, its flash map, its heap and its connectors; this says which values make sense."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
_KB = 1024

# No underscore in a board's name: it separates board and version in a target's name (protocol/wire/release.py).
BoardName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,15}$")]
PartitionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,15}$")]

# What mpy-cross makes machine code for.
MpyArch = Literal["x64", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensawin", "rv32imc"]


class _Fixed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Partition(_Fixed):
    """A stretch of flash, in bytes from its start."""

    offset: int = Field(ge=0)
    bytes: int = Field(gt=0)

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.offset + self.bytes


class Flash(_Fixed):
    """The flash and its map; every partition begins and ends on an erase block, none overlap."""

    bytes: int = Field(ge=4096, le=_MAX_FLASH_BYTES)
    block_bytes: int = Field(ge=256, le=1 << 16)
    partitions: dict[PartitionName, Partition]

    @model_validator(mode="after")
    def _map_makes_sense(self) -> Self:
        missing = [name for name in REQUIRED_PARTITIONS if name not in self.partitions]
        if missing:
            raise ValueError(f"flash map lacks {', '.join(missing)}; every board has {', '.join(REQUIRED_PARTITIONS)}")
        end, before = 0, "the start"
        for name, partition in sorted(self.partitions.items(), key=lambda item: item[1].offset):
            if partition.offset % self.block_bytes or partition.bytes % self.block_bytes:
                raise ValueError(f"partition {name} does not lie on blocks of {self.block_bytes} bytes: {partition}")
            if partition.offset < end:
                raise ValueError(f"partition {name} begins at {partition.offset:#x}, inside {before}")
            end, before = partition.end, name
        if end > self.bytes:
            raise ValueError(f"partition {before} ends at {end:#x}, the flash at {self.bytes:#x}")
        for name in _PAIRED:
            if self.partitions[name].bytes < 2 * self.block_bytes:
                raise ValueError(f"partition {name} holds two records and needs two blocks")
        needed = 4 * -(-_SETTINGS_RECORD_BYTES // self.block_bytes) * self.block_bytes
        if self.partitions["settings"].bytes < needed:
            raise ValueError(f"partition settings holds two banks of two records and needs {needed} bytes")
        if self.partitions["slot_a"].bytes != self.partitions["slot_b"].bytes:
            raise ValueError("both slots have one size, so that either takes every image")
        return self


class Ethernet(_Fixed):
    """The wired link."""

    phy: str


class Usb(_Fixed):
    """How a station finds the board: ids of its USB bridge, or another kind of link."""

    link: str
    vendor_id: int | None = Field(default=None, ge=0, le=0xFFFF)
    product_id: int | None = Field(default=None, ge=0, le=0xFFFF)


class Memory(_Fixed):
    """The heap MicroPython has on the board, and how many TLS connections share it."""

    heap_kb: int = Field(ge=32, le=16384)
    tls_connections: int = Field(ge=1, le=8)


class Simulation(_Fixed):
    """How the board's heap is scaled on the 64-bit unix port."""

    heap_percent: int = Field(ge=100, le=200)
    tls_connection_kb: int = Field(ge=0, le=64)


class Board(_Fixed):
    """All facts of one board."""

    name: BoardName
    title: str
    chip: str
    hardware_revisions: list[int] = Field(min_length=2, max_length=2)
    mpy_abi: int = Field(ge=6, le=0xFFFF)
    mpy_arch: MpyArch  # of machine code in .mpy; where it does not run, plain Python takes its place
    watchdog_ms: int = Field(ge=1000, le=60000)
    macs: int = Field(default=1, ge=1, le=8)  # addresses a unit has, in a row from its base MAC on
    leds: list[str] = Field(min_length=1)
    ethernet: Ethernet
    usb: Usb
    memory: Memory
    simulation: Simulation | None = None
    flash: Flash

    @model_validator(mode="after")
    def _revisions_run_upwards(self) -> Self:
        first, last = self.hardware_revisions
        if not 0 <= first <= last <= 255:
            raise ValueError(f"hardware revisions run from {first} to {last}; write [first, last] within 0 to 255")
        return self

    def simulated_heap_bytes(self, image_bytes: int) -> int:
        """Heap of the simulated board: the scaled heap, less TLS's share, plus the image that a board would map."""
        if self.simulation is None:
            raise ValueError(f"board {self.name} has no [simulation]: it cannot be simulated")
        heap_kb = self.memory.heap_kb * self.simulation.heap_percent // 100
        heap_kb -= self.memory.tls_connections * self.simulation.tls_connection_kb
        return heap_kb * _KB + image_bytes
