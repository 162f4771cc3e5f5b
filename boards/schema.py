"""A board is a chip, its link, its flash map, its heap and its connectors; this says which values make sense."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from boards.chips import CHIPS, Chip, ChipName, MpyArch
from boards.fault import fault
from boards.flash import REQUIRED_PARTITIONS, SLOTS, Flash, Partition
from boards.link import Fixed, Link, PinNumber, RmiiLink, SimulatedLink, Use
from boards.loader import EsptoolLoader, LoaderFacts, SimulatedLoader
from boards.telephone_line import Line

__all__ = ["REQUIRED_PARTITIONS", "SLOTS", "Board", "Flash", "Partition"]

_KB = 1024
# The ESP32 maps flash in pages; its bootloader starts a program from a page's begin only.
_ESP32_PAGE_BYTES = 0x10000

# No underscore in a board's name: it separates board and version in a target's name (protocol/wire/release.py).
BoardName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,15}$")]
UsbId = Annotated[int, Field(ge=0, le=0xFFFF)]


class Usb(Fixed):
    """How a station finds the board: the ids it shows while firmware runs, and those in its boot mode."""

    link: str
    vendor_id: UsbId | None = None
    product_id: UsbId | None = None
    boot_vendor_id: UsbId | None = None
    boot_product_id: UsbId | None = None

    @property
    def ids(self) -> frozenset[tuple[int, int]]:
        """Every (vendor, product) the board may show; both modes are one with a USB bridge."""
        pairs = ((self.vendor_id, self.product_id), (self.boot_vendor_id, self.boot_product_id))
        return frozenset((vendor, product) for vendor, product in pairs if vendor is not None and product is not None)

    @model_validator(mode="after")
    def _ids_come_in_pairs(self) -> Self:
        for vendor, product in (("vendor_id", "product_id"), ("boot_vendor_id", "boot_product_id")):
            if (getattr(self, vendor) is None) != (getattr(self, product) is None):
                raise fault("usb", f"{vendor} and {product} belong together; write both or none")
        return self


class Memory(Fixed):
    """The heap MicroPython has on the board, and how many TLS connections share it."""

    heap_kb: int = Field(ge=32, le=16384)
    tls_connections: int = Field(ge=1, le=8)


class Simulation(Fixed):
    """How the board's heap is scaled on the 64-bit unix port."""

    heap_percent: int = Field(ge=100, le=200)
    tls_connection_kb: int = Field(ge=0, le=64)


class Pins(Fixed):
    """What else hangs on pins; the console's belong to the USB bridge."""

    status_led: PinNumber | None = None
    console_tx: PinNumber | None = None
    console_rx: PinNumber | None = None
    boot_button: PinNumber | None = None

    def uses(self, clock: int | None) -> list[Use]:
        """Every pin taken; a boot button on the link's `clock`, as the ESP32's GPIO 0, is read at reset only."""
        button = None if self.boot_button == clock else self.boot_button
        rows = (
            ("pins.status_led", self.status_led, "out"),
            ("pins.console_tx", self.console_tx, "out"),
            ("pins.console_rx", self.console_rx, "in"),
            ("pins.boot_button", button, "in"),
        )
        return [(at, pin, "out" if way == "out" else "in") for at, pin, way in rows if pin is not None]


class Board(Fixed):
    """All facts of one board."""

    name: BoardName
    title: str
    chip: ChipName
    micropython_board: str = ""  # its folder in MicroPython's ports/PORT/boards
    hardware_revisions: list[int] = Field(min_length=2, max_length=2)
    mpy_abi: int = Field(ge=6, le=0xFFFF)
    mpy_arch: MpyArch  # of machine code in .mpy; where it does not run, plain Python takes its place
    watchdog_ms: int = Field(ge=1000)
    macs: int = Field(default=1, ge=1, le=8)  # addresses a unit has, in a row from its base MAC on
    leds: list[str] = Field(min_length=1)
    link: Link
    loader: LoaderFacts
    line: Line | None = None  # None: no telephone line is fitted
    pins: Pins = Pins()
    usb: Usb
    memory: Memory
    simulation: Simulation | None = None
    flash: Flash

    @property
    def port(self) -> str:
        """The folder of firmware/ports whose hardware modules it runs."""
        return self._facts.port

    @property
    def _facts(self) -> Chip:
        return CHIPS[self.chip]

    @property
    def pin_uses(self) -> list[Use]:
        """Every pin that something of the board takes, but those wired to the MAC."""
        clock = self.link.clock if isinstance(self.link, RmiiLink) else None
        return [*self.link.uses(), *(self.line.uses() if self.line else ()), *self.pins.uses(clock)]

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        first, last = self.hardware_revisions
        if not 0 <= first <= last <= 255:
            raise fault(
                "hardware_revisions",
                f"hardware revisions run from {first} to {last}; write [first, last] within 0 to 255",
            )
        if self.mpy_arch != self._facts.mpy_arch:
            raise fault("mpy_arch", f"chip {self.chip} runs machine code for {self._facts.mpy_arch}; write that")
        if self.watchdog_ms > self._facts.max_watchdog_ms:
            raise fault(
                "watchdog_ms", f"chip {self.chip}'s watchdog waits {self._facts.max_watchdog_ms} ms at most; write less"
            )
        self._pins_fit()
        self._link_fits()
        self._flash_fits()
        return self

    def _pins_fit(self) -> None:
        taken = dict.fromkeys(self._facts.rmii_pins if isinstance(self.link, RmiiLink) else (), "the RMII MAC")
        for at, pin, way in self.pin_uses:
            if pin not in self._facts.pins:
                raise fault(at, f"chip {self.chip} has no pin {pin}; known: {_ranges(self._facts.pins)}")
            if pin in self._facts.flash_pins:
                raise fault(at, f"pin {pin} carries the chip's flash; take another one")
            if way == "out" and pin in self._facts.input_only:
                raise fault(at, f"pin {pin} of chip {self.chip} is input only; take another one")
            if pin in taken:
                raise fault(at, f"pin {pin} is taken by {taken[pin]}; one of both takes another one")
            taken[pin] = at
        if self.line and self._facts.adjacent_i2s:
            for name in ("ear", "mouth"):
                i2s = getattr(self.line, name)
                if i2s.ws != i2s.sck + 1:
                    raise fault(f"line.{name}.ws", f"chip {self.chip} needs ws beside sck; write {i2s.sck + 1}")
        if self.line and self.line.ear.bus == self.line.mouth.bus:
            raise fault("line.mouth.bus", "one I2S bus cannot send and receive; give ear and mouth a bus each")

    def _link_fits(self) -> None:
        link, chip = self.link, self._facts
        if isinstance(link, RmiiLink):
            if not chip.rmii_pins:
                raise fault("link.kind", f'chip {self.chip} has no RMII; write kind = "spi" with a controller')
            known = chip.rmii_clock_in if link.clock_mode == "in" else chip.rmii_clock_out
            if link.clock not in known:
                raise fault(
                    "link.clock", f"the RMII clock runs {link.clock_mode} on pin {_ranges(known)}, not on {link.clock}"
                )
        if isinstance(link, SimulatedLink) != (self.chip == "host"):
            raise fault("link.kind", "a simulated link belongs to the chip host, and to it alone; mend one of both")
        if isinstance(self.loader, SimulatedLoader) != (self.chip == "host"):
            raise fault("loader.kind", "a simulated loader belongs to the chip host, and to it alone; mend one of both")
        if isinstance(self.loader, EsptoolLoader) != (self.chip == "esp32"):
            raise fault("loader.kind", f"chip {self.chip} has another loader; esptool is for esp32, uf2 for rp2040")

    def _flash_fits(self) -> None:
        if self.chip != "esp32":
            return
        for name, partition in self.flash.runtime.items():
            if name.startswith(("ota_", "factory")) and partition.offset % _ESP32_PAGE_BYTES:
                raise fault(
                    f"flash.runtime.{name}.offset",
                    f"a program begins on a page of flash; write a multiple of {_ESP32_PAGE_BYTES:#x}",
                )
        first, second = (self.flash.partitions[name] for name in SLOTS)
        if first.offset % _ESP32_PAGE_BYTES or second.offset != first.end:
            raise fault(
                "flash.partitions.slot_b",
                "MicroPython maps one ROMFS partition, which both slots share: let slot_a begin on a multiple of "
                f"{_ESP32_PAGE_BYTES:#x} and slot_b at {first.end:#x}",
            )

    def heap_needed_bytes(self, measured_bytes: int) -> int:
        """What an image needs of this board's heap if it needs `measured_bytes` of the simulated one's."""
        if self.simulation is not None:
            return measured_bytes
        tls_bytes = self.memory.tls_connections * _SIMULATED.tls_connection_kb * _KB
        return (measured_bytes + tls_bytes) * 100 // _SIMULATED.heap_percent

    def simulated_heap_bytes(self, image_bytes: int) -> int:
        """Heap of the simulated board: the scaled heap, less TLS's share, plus the image that a board would map."""
        if self.simulation is None:
            raise ValueError(f"board {self.name} has no [simulation]: it cannot be simulated")
        heap_kb = self.memory.heap_kb * self.simulation.heap_percent // 100
        heap_kb -= self.memory.tls_connections * self.simulation.tls_connection_kb
        return heap_kb * _KB + image_bytes


# How a 32-bit board's heap and the simulated board's compare; the same as in boards/simulated.toml (a test says so).
_SIMULATED = Simulation(heap_percent=160, tls_connection_kb=32)


def _ranges(pins: frozenset[int]) -> str:
    """`0-5, 12` of a set of pins."""
    runs: list[list[int]] = []
    for pin in sorted(pins):
        if runs and pin == runs[-1][-1] + 1:
            runs[-1].append(pin)
        else:
            runs.append([pin])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
