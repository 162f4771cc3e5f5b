"""A bench file: which boards are on which ports, what switches them, and what that bench does not have.

TOML, checked here; docs/rig.md explains each field, `benches/` holds examples. Without a file `--board` and `--port`
make a bench of one board that nobody can switch, and neither makes the simulated one.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from boards import catalogue
from hil_tests.rig.errors import BenchFileError

SIMULATED: Final = "simulated"
MAX_PLACES: Final = 8
# What a test may need of a bench, and why it is left out where the bench file gives no reason of its own.
ABILITIES: Final = {
    "power": "the bench has no power switch",
    "ethernet": "the bench has no Ethernet switch",
    "line_loop": "nothing plays a telephone at this board's line",
    "fleet": "the bench file names no address at which this board reaches a fleet",
    "second": "the bench has one board",
    "button": "nobody presses this board's boot button",
    "light": "nobody looks at this board's light",
    "faults": "this board's hardware is sound, and cannot be broken at will",
    "flash": "this board's flash cannot be read from outside",
    "usb_bridge": "no link can be made of this board's USB port",
}

Argv = Annotated[list[str], Field(min_length=1)]


class _Fixed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Switch(_Fixed):
    """A switch worked by commands: a USB hub, a PDU, a relay. `state` prints `says_on` while it is on."""

    on: Argv
    off: Argv
    state: Argv
    says_on: str = "on"
    limit_s: float = Field(default=10.0, gt=0, le=120)


class LineLoop(_Fixed):
    """A program that plays a telephone: called with `--script STEPS --json`, as `plugtone sim phone` is."""

    command: Argv
    limit_s: float = Field(default=60.0, gt=0, le=600)


class Place(_Fixed):
    """One board. `uid`, in hex, is the chip's own; given, the proof of the power switch looks for it."""

    board: str
    port: str = ""
    uid: str = Field(default="", pattern="^([0-9a-f]{16})?$")
    power: Switch | None = None
    ethernet: Switch | None = None
    line_loop: LineLoop | None = None

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.board not in catalogue.names():
            raise ValueError(f"no board is called {self.board!r}; known: {', '.join(catalogue.names())}")
        if not self.port and self.board != SIMULATED:
            raise ValueError(f"board {self.board} needs the port it is on, as in port = '/dev/ttyUSB0'")
        return self

    @property
    def owned(self) -> bool:
        """Whether the rig makes that board itself: a simulated one that stands on no port yet."""
        return self.board == SIMULATED and not self.port


class FleetAddress(_Fixed):
    """Where the boards of this bench reach the fleet service that the session starts."""

    address: str = Field(min_length=1)


class Capture(_Fixed):
    """A program that writes the traffic of the boards to `{file}` until it is ended."""

    command: Argv

    @model_validator(mode="after")
    def _has_a_file(self) -> Self:
        if not any("{file}" in word for word in self.command):
            raise ValueError("the command needs {file}, where the capture is written")
        return self


class Bench(_Fixed):
    """The first place's board is tested; the second is its peer in calls. `lacks` says why tests are left out."""

    name: str = Field(min_length=1)
    place: list[Place] = Field(min_length=1, max_length=MAX_PLACES)
    fleet: FleetAddress | None = None
    capture: Capture | None = None
    lacks: dict[Literal[tuple(ABILITIES)], str] = Field(default_factory=dict)  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _has_ports_of_its_own(self) -> Self:
        ports = [place.port for place in self.place if place.port]
        if len(set(ports)) != len(ports):
            raise ValueError("two places have the same port; each board has its own")
        return self

    def boards(self, count: int = MAX_PLACES) -> list[str]:
        """The first places in words: which board, on which port."""
        told = [f"{each.board} on {each.port}" if each.port else each.board for each in self.place]
        return (told * 2 if self.place[0].owned else told)[:count]

    def why_not(self, ability: str) -> str:
        """Why a test that needs `ability` is left out on this bench; empty if it is not."""
        if ability in self.lacks:
            return self.lacks[ability]
        first = self.place[0]
        has = {
            "power": first.owned or first.power is not None,
            "ethernet": first.owned or first.ethernet is not None,
            "line_loop": first.owned or first.line_loop is not None,
            "fleet": first.board == SIMULATED or self.fleet is not None,
            "second": first.owned or len(self.place) > 1,
        }
        return "" if has.get(ability, first.owned) else ABILITIES[ability]


def read_bench(path: Path) -> Bench:
    """The bench that the file describes; BenchFileError names each field that makes no sense."""
    try:
        return Bench.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BenchFileError(f"{path} cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise BenchFileError(f"{path} is no TOML: {error}") from error
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}" for each in error.errors()]
        raise BenchFileError(f"{path}: {'; '.join(faults)}") from error


def bench_of(board: str, port: str | None) -> Bench:
    """A bench of one board without switches, or the simulated bench; BenchFileError for no such board."""
    name = SIMULATED if board == "sim" else board
    try:
        return Bench(name=f"{name} on {port}" if port else name, place=[Place(board=name, port=port or "")])
    except ValidationError as error:
        raise BenchFileError("; ".join(each["msg"] for each in error.errors())) from error
