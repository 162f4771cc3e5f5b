"""What a swap looks like from both sides: real units are replaced by real units, and each one's service is watched.

A unit is in service while three things hold together: the fleet's rows give it a line under a good and current
identity, the broker has a session of it, and the unit itself is ready, which it is with a configuration only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from random import Random
from types import TracebackType
from typing import Any, Self

import httpx

from tools.demo import living, making
from tools.demo.narrator import Narrator
from tools.demo.story import FIRST, opened_world
from tools.demo.world import World

LOOK_S = 0.005
SWAP_TIMEOUT_S = 40.0
REFUSED_WITHIN_S = 5.0  # what is promised of the old unit
RESTART_S = 1.0  # from a unit's end to its next start, on a busy machine
LATEST_BLOW_S = 0.1  # the longest a blow waits once the new unit knocks: about as long as it takes to be ready

_LINES = """
SELECT configurations.serial FROM configurations
JOIN units ON units.serial = configurations.serial
JOIN identities ON identities.serial = units.serial AND identities.epoch = units.epoch
JOIN placements ON placements.serial = units.serial AND placements.until IS NULL
WHERE configurations.line_level IN ('outgoing_only', 'full') AND units.trust = 'good' AND identities.state = 'current'
AND placements.registered_at IS NOT NULL
"""


class Blow(StrEnum):
    """What goes wrong in the middle of a swap."""

    NOTHING = "nothing"
    NEW_UNIT_KILLED = "new unit killed after its register"
    GATEWAY_KILLED = "gateway killed"
    OLD_UNIT_AWAY = "old unit without a cable, back later"


@dataclass(frozen=True, slots=True)
class Look:
    """One look at both sides, at `at` (monotonic): who has a line, who a session, each unit's own state and start.

    `refused`: the unit that is replaced has been told by the broker by now.
    """

    at: float
    lines: frozenset[str]
    sessions: frozenset[str]
    states: dict[str, str]
    starts: dict[str, int]
    refused: bool

    def serves(self, serial: str) -> bool:
        """Whether the unit is in service."""
        return serial in self.lines and serial in self.sessions and self.states.get(serial) == "ready"


class Watch:
    """Looks at both sides of the replacement of `old` again and again, in a thread; `looks` is what it has seen.

    The refusal is seen with the rest: whoever looked for it after the new unit's service would count that as well.
    """

    def __init__(self, world: World, old: str) -> None:
        self.looks: list[Look] = []
        self._world = world
        self._log = world.boards[old].folder.log
        self._said_before = len(self._log.read_text())
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._monitor = f"http://127.0.0.1:{world.service.ports['monitor_port']}/connz"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def until(self, seen: Callable[[Look], bool], what: str, timeout_s: float = SWAP_TIMEOUT_S) -> Look:
        """The first look from now on that is `seen`; AssertionError when time is up."""
        following, deadline = len(self.looks), time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            while following < len(self.looks):
                following += 1
                if seen(self.looks[following - 1]):
                    return self.looks[following - 1]
            time.sleep(LOOK_S / 2)
        raise AssertionError(f"not seen in {timeout_s:.0f} s: {what}; last seen: {self.looks[-1:]}")

    def _run(self) -> None:
        database = sqlite3.connect(f"file:{self._world.service.data_dir / 'fleet.db'}?mode=ro", uri=True)
        with contextlib.closing(database), httpx.Client() as broker:
            while not self._ended.wait(LOOK_S):
                pins = {serial: board.pins() for serial, board in self._world.boards.items()}
                lines = frozenset(row[0] for row in database.execute(_LINES))
                sessions = self._sessions(broker)
                states = {serial: each.state for serial, each in pins.items()}
                starts = {serial: each.pid for serial, each in pins.items()}
                refused = living.REFUSAL in self._log.read_text()[self._said_before :]
                self.looks.append(Look(time.monotonic(), lines, sessions, states, starts, refused))

    def _sessions(self, broker: httpx.Client) -> frozenset[str]:
        answer = broker.get(self._monitor, params={"auth": "true"}).json()
        found: list[dict[str, Any]] = answer["connections"]
        return frozenset(each["mqtt_client"] for each in found if "mqtt_client" in each)


@dataclass(frozen=True, slots=True)
class Swap:
    """One swap, measured in seconds.

    `handover_s`: from the old unit's last service, or its last row if it was away, to the new unit's first.
    `without_s`: the longest time in which neither was in service, and `registration_s` what the registration that
    ended it took, from the unit's start to ready. `noticed_s`: from the swap until the old unit was not ready any more.
    `refused_s`: from the swap, or from the old unit's return, until the broker had refused it.
    """

    blow: Blow
    handover_s: float
    without_s: float
    registration_s: float
    noticed_s: float
    refused_s: float
    both: int
    came_back: int

    @property
    def faults(self) -> tuple[str, ...]:
        """What is not as promised."""
        found = []
        if self.both:
            found.append(f"both units in service in {self.both} looks")
        if self.came_back:
            found.append(f"the old unit in service after the swap in {self.came_back} looks")
        if self.without_s > self.registration_s + RESTART_S:
            found.append(f"neither served for {self.without_s:.2f} s, a registration took {self.registration_s:.2f} s")
        if self.refused_s > REFUSED_WITHIN_S:
            found.append(f"the old unit was refused after {self.refused_s:.2f} s")
        return tuple(f"{self.blow}: {fault}" for fault in found)

    def __str__(self) -> str:
        figures = {
            "from the old unit's last to the new one's first service": self.handover_s,
            "longest with neither": self.without_s,
            "that registration": self.registration_s,
            "the old unit noticed after": self.noticed_s,
            "and was refused after": self.refused_s,
        }
        return f"{self.blow}: " + ", ".join(f"{name} {1000 * s:.0f} ms" for name, s in figures.items())


@dataclass
class Drill:
    """Units in a row, each replaced by the next."""

    world: World
    random: Random
    serials: list[str]
    swaps: list[Swap] = field(default_factory=list)

    def swap(self, blow: Blow) -> Swap:
        """The present unit is replaced by the next one, with `blow` at a random moment."""
        old, new = self.serials[len(self.swaps)], self.serials[len(self.swaps) + 1]
        boards, away = self.world.boards, blow is Blow.OLD_UNIT_AWAY
        living.send_replacement(self.world, old, new)
        with Watch(self.world, old) as watch:
            watch.until(lambda look: look.serves(old), f"{old} in service")
            if away:
                boards[old].set_ethernet(False)
                watch.until(lambda look: old not in look.sessions, f"{old} without a session")
            boards[new].power_on()
            self._strike(watch, new, blow)
            watch.until(lambda look: look.serves(new), f"{new} in service")
            back_at = time.monotonic() if away else 0.0
            boards[old].set_ethernet(True)
            watch.until(lambda look: look.refused, f"{old} told by the broker that it is refused")
        swap = measured(blow, watch.looks, old, new, back_at)
        self.swaps.append(swap)
        boards[old].power_off()
        return swap

    def _strike(self, watch: Watch, new: str, blow: Blow) -> None:
        if blow not in {Blow.NEW_UNIT_KILLED, Blow.GATEWAY_KILLED}:
            return
        knocked = watch.until(lambda look: look.states[new] in {"register", "configure", "ready"}, f"{new} knocks")
        time.sleep(max(0.0, knocked.at + self.random.uniform(0, LATEST_BLOW_S) - time.monotonic()))
        if blow is Blow.GATEWAY_KILLED:
            gateway = self.world.service.pid_of("gateway-0")
            assert gateway is not None
            os.kill(gateway, signal.SIGKILL)
        else:
            self.world.boards[new].kill_unit()
            watch.until(lambda look: look.starts[new] != knocked.starts[new], f"{new} started again")


def measured(blow: Blow, looks: list[Look], old: str, new: str, back_at: float) -> Swap:
    """What `looks` say of the swap of `old` for `new`; `back_at`: when the old unit, if it was away, had its cable."""
    swapped_at = next(look.at for look in looks if new in look.lines)
    last_at = max(look.at for look in looks if (old in look.lines if back_at else look.serves(old)))
    first_at = next(look.at for look in looks if look.serves(new))
    refused_at = next(look.at for look in looks if look.refused)
    served = [
        n for n, look in enumerate(looks) if look.serves(old) or look.serves(new) or (back_at and old in look.lines)
    ]
    gaps = [(looks[later].at - looks[n].at, looks[later].at) for n, later in pairwise(served) if later > n + 1]
    without_s, ended_at = max(gaps, default=(0.0, first_at))
    start = next(look.starts[new] for look in looks if look.at == ended_at)
    return Swap(
        blow=blow,
        handover_s=first_at - last_at,
        without_s=without_s,
        registration_s=ended_at - next(look.at for look in looks if look.starts[new] == start),
        noticed_s=next((look.at for look in looks if look.at >= swapped_at and look.states[old] != "ready"), refused_at)
        - swapped_at,
        refused_s=refused_at - max(swapped_at, back_at),
        both=sum(look.serves(old) and look.serves(new) for look in looks),
        came_back=sum(look.serves(old) for look in looks if look.at > swapped_at),
    )


@contextlib.contextmanager
def opened_drill(random: Random) -> Iterator[Drill]:
    """A service, and as many units as there are blows, and one: the first is at its account."""
    with opened_world(Narrator(as_json=True)) as world:
        making.open_house(world)
        serials = making.make_units(world, len(Blow) + 1, making.sign_first_release(world, FIRST))
        making.sell(world, serials[:1])
        making.plug_in(world, serials[:1])
        yield Drill(world, random, serials)
