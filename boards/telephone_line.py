"""The telephone line of a board where one is fitted: the chip that feeds and rings it, and the codec's I2S pins.

Our line board, revision A: a Silvertel Ag1171S feeds, rings and hears the hook; a TI PCM5102A speaks to it and a
TI PCM1820 listens, each on I2S lines of its own, for MicroPython's machine.I2S is a master that either sends or
receives. Keys are heard in what the PCM1820 hears, so that no pins go to a tone receiver.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from boards.link import Fixed, PinNumber, Use


class I2s(Fixed):
    """One direction of sound; `bus` is the id of machine.I2S."""

    bus: int = Field(ge=0, le=1)
    sck: PinNumber
    ws: PinNumber
    sd: PinNumber


class Line(Fixed):
    """Ag1171S Datasheet: RM high and F/R toggled at the ring's frequency rings; SHK is high while off-hook."""

    slic: Literal["Ag1171S"]
    codec: Literal["PCM5102A+PCM1820"]
    ring_mode: PinNumber
    forward_reverse: PinNumber
    hook: PinNumber
    ring_hz: int = Field(ge=15, le=30)
    ear: I2s
    mouth: I2s

    def uses(self) -> Iterator[Use]:
        """Every pin it takes."""
        yield "line.ring_mode", self.ring_mode, "out"
        yield "line.forward_reverse", self.forward_reverse, "out"
        yield "line.hook", self.hook, "in"
        for name, i2s in (("ear", self.ear), ("mouth", self.mouth)):
            yield f"line.{name}.sck", i2s.sck, "out"
            yield f"line.{name}.ws", i2s.ws, "out"
            yield f"line.{name}.sd", i2s.sd, "out" if name == "ear" else "in"
