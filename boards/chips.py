"""Which pins a chip has, and what each of them can do: the facts that every board of that chip shares."""

from dataclasses import dataclass
from typing import Final, Literal

ChipName = Literal["host", "esp32", "rp2040"]
# What mpy-cross makes machine code for.
MpyArch = Literal["x64", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensawin", "rv32imc"]


@dataclass(frozen=True, slots=True)
class Chip:
    """`flash_pins` carry the flash the chip runs from; `rmii_pins` are wired to the MAC and cannot be moved."""

    pins: frozenset[int]
    mpy_arch: MpyArch
    port: str  # the folder of firmware/ports
    input_only: frozenset[int] = frozenset()
    flash_pins: frozenset[int] = frozenset()
    rmii_pins: frozenset[int] = frozenset()
    rmii_clock_in: frozenset[int] = frozenset()
    rmii_clock_out: frozenset[int] = frozenset()
    adjacent_i2s: bool = False  # the word clock is the pin after the bit clock (ports/rp2/machine_i2s.c)
    max_watchdog_ms: int = 60_000


CHIPS: Final[dict[ChipName, Chip]] = {
    "host": Chip(pins=frozenset(), mpy_arch="x64", port="unix"),
    # ESP32 Series Datasheet 2.2 (pins) and 2.3.1 (input only); ESP-IDF Programming Guide, "GPIO & RTC GPIO" (6 to 11
    # carry the flash) and "Ethernet" (RMII data pins fixed; clock in on 0, out on 16 or 17; out on 0 is not advised).
    "esp32": Chip(
        pins=frozenset({*range(20), *range(21, 24), *range(25, 28), *range(32, 40)}),
        mpy_arch="xtensawin",
        port="esp32",
        input_only=frozenset(range(34, 40)),
        flash_pins=frozenset(range(6, 12)),
        rmii_pins=frozenset({19, 21, 22, 25, 26, 27}),
        rmii_clock_in=frozenset({0}),
        rmii_clock_out=frozenset({16, 17}),
    ),
    # RP2040 Datasheet 1.4.3 (GPIO0 to 29; the flash has pins of its own) and 4.7.2 (the watchdog counts 24 bits at
    # twice 1 MHz, so it cannot wait longer than 8.3 s).
    "rp2040": Chip(
        pins=frozenset(range(30)),
        mpy_arch="armv6m",
        port="rp2",
        adjacent_i2s=True,
        max_watchdog_ms=8_388,
    ),
}
