"""The wired link of a board, told apart by its kind: RMII to a PHY, SPI to a controller, or simulated."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

PinNumber = Annotated[int, Field(ge=0, le=63)]
Use = tuple[str, int, Literal["in", "out"]]
"""The field's dotted path, the pin, and what the chip does with it."""


class Fixed(BaseModel):
    """What every part of a board file is: nothing unknown in it, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SimulatedLink(Fixed):
    """The host's loopback."""

    kind: Literal["simulated"]

    def uses(self) -> Iterator[Use]:
        """Every pin it takes."""
        yield from ()


class RmiiLink(Fixed):
    """The chip's own MAC with a PHY; MicroPython's network.LAN(phy_type=...) knows these."""

    kind: Literal["rmii"]
    phy: Literal["LAN8720", "LAN8710", "LAN8670", "RTL8201", "IP101", "DP83848", "KSZ8041", "KSZ8081"]
    phy_address: int = Field(ge=0, le=31)
    mdc: PinNumber
    mdio: PinNumber
    power: PinNumber | None = None  # of the PHY or of its oscillator; high is on
    clock: PinNumber
    clock_mode: Literal["in", "out"]  # seen from the chip

    def uses(self) -> Iterator[Use]:
        """Every pin it takes but the MAC's fixed ones."""
        yield "link.mdc", self.mdc, "out"
        yield "link.mdio", self.mdio, "out"
        yield "link.clock", self.clock, self.clock_mode
        if self.power is not None:
            yield "link.power", self.power, "out"


class SpiLink(Fixed):
    """A controller with its own MAC on an SPI bus."""

    kind: Literal["spi"]
    controller: Literal["W5500"]
    bus: int = Field(ge=0, le=3)
    sck: PinNumber
    mosi: PinNumber
    miso: PinNumber
    cs: PinNumber
    interrupt: PinNumber
    reset: PinNumber
    frequency_hz: int = Field(ge=1_000_000, le=80_000_000)  # W5500 Datasheet 5.5.4: up to 80 MHz

    def uses(self) -> Iterator[Use]:
        """Every pin it takes."""
        yield "link.miso", self.miso, "in"
        yield "link.interrupt", self.interrupt, "in"
        for name in ("sck", "mosi", "cs", "reset"):
            yield f"link.{name}", getattr(self, name), "out"


Link = Annotated[SimulatedLink | RmiiLink | SpiLink, Field(discriminator="kind")]
