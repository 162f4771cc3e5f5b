"""Many ports side by side: what is plugged in goes through the bench by itself, each on a thread of its own.

While a board is worked on, its port may vanish for a moment (a chip that restarts leaves USB): only the work's own
error counts then. A board that nobody works on and that is gone at a look was pulled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from boards.catalogue import BoardError
from tools.errors import ToolError
from tools.sim.loader import LoaderError
from tools.station.errors import AwaitingFleetError, StationError
from tools.station.port_states import AWAITING, WORKING, PortEvent, PortState, after, at_step
from tools.station.provision import STEPS, Finished, Report

MAX_PORTS: Final = 32
LOOK_S: Final = 0.2
# What a board at the bench can fail with; the others go on.
BENCH_ERRORS: Final = (ToolError, LoaderError, BoardError, OSError)

Watch = Callable[[], Mapping[str, Path]]
"""The ports on which a board is now, by the name people know them by."""


@dataclass(frozen=True, slots=True)
class Board:
    """Which board is on a port, as far as it is known."""

    uid: str = ""
    serial: str = ""
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Port:
    """A port as it is shown. `done` of `total` is the present step's; `took_s` are the steps that are through."""

    name: str
    state: PortState = PortState.WAITING
    step: str = ""
    done: int = 0
    total: int = 0
    board: Board = Board()
    reason: str = ""
    began_s: float = 0.0  # on the clock of time.monotonic
    ended_s: float = 0.0
    took_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """What of the whole way is behind it, 0 to 1: every step has the same share, whatever time it takes."""
        if self.state is PortState.DONE:
            return 1.0
        step = STEPS.index(self.step) if self.step in STEPS else 0
        return (step + self.done / max(self.total, 1)) / len(STEPS)


Flash = Callable[[Path, Report, Callable[[Board], None]], Finished]
"""Takes the board on a port through the bench; says which board it is as soon as that is known."""


class Listener(Protocol):
    """Who is told of the ports; called by many threads, one at a time, which hold the station meanwhile."""

    def changed(self, before: Port, port: Port) -> None:
        """A port has another state, step or board."""


class Station:
    """The ports, and the threads that work on them. `may_begin` and `may_go_on` hold boards back while they say no."""

    def __init__(
        self,
        flash: Flash,
        listeners: list[Listener],
        may_begin: Callable[[], bool] = lambda: True,
        may_go_on: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._flash = flash
        self._listeners = listeners
        self._may_begin = may_begin
        self._may_go_on = may_go_on
        self._clock = clock
        self._ports: dict[str, Port] = {}
        self._paths: dict[str, Path] = {}
        self._lock = threading.RLock()
        self._pool = ThreadPoolExecutor(MAX_PORTS, thread_name_prefix="port")

    @property
    def ports(self) -> list[Port]:
        """Every port ever seen, as it is now."""
        with self._lock:
            return list(self._ports.values())

    def add(self, name: str) -> None:
        """Show a port before anything is on it; StationError if there are too many."""
        with self._lock:
            if name in self._ports:
                return
            if len(self._ports) >= MAX_PORTS:
                raise StationError(f"a station has at most {MAX_PORTS} ports, {name} is one too many")
            self._ports[name] = Port(name)

    def look(self, present: Mapping[str, Path]) -> None:
        """Begin with what was plugged in, let go what was pulled, go on with what waited for the fleet."""
        with self._lock:
            for name, path in present.items():
                if not self._admits(name):
                    continue  # the work on the others goes on
                port, known = self._ports[name], name in self._paths
                if port.state not in WORKING and not known and self._may_begin():
                    self._begin(port, path, PortEvent.PLUG)
                elif port.state in AWAITING and known and self._may_go_on():
                    self._begin(port, path, PortEvent.RETRY)
            for name in self._paths.keys() - present.keys():
                port = self._ports[name]
                if port.state not in WORKING:
                    del self._paths[name]
                    self._set(port, state=after(port.state, PortEvent.PULL), step="", done=0, total=0)

    def _admits(self, name: str) -> bool:
        """Whether there is a port of that name now, if need be in the place of one that nothing is on any more."""
        if name not in self._ports and len(self._ports) >= MAX_PORTS:
            empty = [known for known in self._ports if known not in self._paths]
            if not empty:
                return False
            # The reason why a board failed is read after it was pulled, so those go last.
            del self._ports[min(empty, key=lambda known: self._ports[known].state is not PortState.WAITING)]
        self.add(name)
        return True

    def retry(self, name: str) -> None:
        """Try the failed board on a port once more; StationError if there is none."""
        with self._lock:
            port, path = self._ports.get(name), self._paths.get(name)
            if port is None or path is None or port.state is not PortState.FAILED:
                raise StationError(f"no board that failed is on {name}; plug it in, and it goes by itself")
            self._begin(port, path, PortEvent.RETRY)

    def run(self, watch: Watch, ended: Callable[[], bool], wait: Callable[[float], object]) -> None:
        """Look until `ended`; `wait` sleeps between two looks. Work that is under way is finished."""
        try:
            while not ended():
                self.look(watch())
                wait(LOOK_S)
        finally:
            self._pool.shutdown()

    def _begin(self, port: Port, path: Path, event: PortEvent) -> None:
        self._paths[port.name] = path
        self._set(Port(port.name, port.state), state=after(port.state, event), step=STEPS[0], began_s=self._clock())
        self._pool.submit(self._work, port.name, path)

    def _work(self, name: str, path: Path) -> None:
        last = self._clock()

        def report(step: str, done: int, total: int) -> None:
            nonlocal last
            with self._lock:
                port = self._ports[name]
                took = port.took_s
                if done == total:
                    now = self._clock()
                    took, last = {**took, step: took.get(step, 0.0) + now - last}, now
                state = at_step(port.state, step)
                self._set(port, state=state, step=step, done=done, total=total, took_s=took)

        def identified(board: Board) -> None:
            with self._lock:
                self._set(self._ports[name], board=board)

        try:
            unit = self._flash(path, report, identified)
        except AwaitingFleetError as error:
            self._settle(name, self._awaiting(name), str(error))
        except BENCH_ERRORS as error:
            self._settle(name, PortEvent.FAIL, str(error))
        except Exception as error:  # a fault of the program must not leave a port that works for ever
            self._settle(name, PortEvent.FAIL, f"the station's program failed: {type(error).__name__}: {error}")
            raise
        else:
            identified(Board(unit.board_uid, unit.serial, unit.mac))
            self._settle(name, PortEvent.PASS, "")

    def _awaiting(self, name: str) -> PortEvent:
        if self._ports[name].state is PortState.PROVISIONING:
            return PortEvent.AWAIT_CERTIFICATE
        return PortEvent.AWAIT_FLEET

    def _settle(self, name: str, event: PortEvent, reason: str) -> None:
        with self._lock:
            port = self._ports[name]
            self._set(port, state=after(port.state, event), reason=reason, ended_s=self._clock())

    def _set(self, port: Port, **changes: object) -> None:
        changed = replace(port, **changes)  # type: ignore[arg-type]
        before, self._ports[port.name] = self._ports[port.name], changed
        for listener in self._listeners:
            listener.changed(before, changed)
