"""Keeps child processes alive: starts them in order, restarts the dead with back-off, ends them in order.

- Everything happens in the main thread of one process: the kernel's death signal follows the forking thread, so
  children die with us whatever kills us.
- A child says through a pipe that it is ready; one that is another program is asked by a probe.
"""

from __future__ import annotations

import ctypes
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

FIRST_BACKOFF_S = 0.1
MAX_BACKOFF_S = 10.0
STEADY_S = 30.0  # a child that lived this long starts its back-off anew
STOP_TIMEOUT_S = 0.8  # a stage's children have this long to end by themselves
PROBE_S = 0.02
TICK_S = 0.5
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15

log = logging.getLogger(__name__)

Ready = Callable[[], None]


class StartError(Exception):
    """A child did not become ready."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What a child runs; returning or raising ends the process. `stage`: the higher, the earlier it is stopped."""

    name: str
    run: Callable[[Ready], None]
    stage: int
    probe: Callable[[], bool] | None = None


@dataclass(slots=True)
class Child:
    """A child as it is now. `pid` 0: not running, to be started at `start_at` (monotonic seconds)."""

    spec: ChildSpec
    pid: int = 0
    started_at: float = 0.0
    start_at: float = 0.0
    backoff_s: float = FIRST_BACKOFF_S
    ready: bool = False
    pipe: int = -1
    restarts: int = 0


@dataclass(slots=True)
class Supervisor:
    """Starts and watches children; `every_tick` runs between, and may call `signal_child`."""

    every_tick: Callable[[], None] = lambda: None
    children: dict[str, Child] = field(default_factory=dict)
    _stopping: bool = False
    _wakeup: tuple[int, int] = (-1, -1)

    def __post_init__(self) -> None:
        self._wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def start(self, specs: Sequence[ChildSpec], timeout_s: float) -> None:
        """Start `specs` at once and wait until all are ready; StartError if one is not in time, or died."""
        for spec in specs:
            self.children[spec.name] = Child(spec)
            self._fork(self.children[spec.name])
        until = time.monotonic() + timeout_s
        started = [self.children[spec.name] for spec in specs]
        while not self._stopping and not all(child.ready for child in started):
            self._wait(PROBE_S)
            failed = [child.spec.name for child in started if child.restarts]
            late = [child.spec.name for child in started if not child.ready]
            if failed or (late and time.monotonic() > until):
                raise StartError(f"{', '.join(failed or late)} did not start; its log says why")

    def watch(self) -> None:
        """Run until a signal asks to stop."""
        while not self._stopping:
            self._wait(self._pause())
            self.every_tick()

    def stop(self) -> None:
        """End all children, stage by stage; those that do not listen are killed."""
        self._stopping = True
        for stage in sorted({child.spec.stage for child in self.children.values()}, reverse=True):
            members = [child for child in self.children.values() if child.spec.stage == stage and child.pid]
            self._end(members)

    def signal_child(self, name: str, number: int) -> None:
        """Send a signal to a child, if it runs."""
        child = self.children.get(name)
        if child and child.pid:
            os.kill(child.pid, number)

    @property
    def is_stopping(self) -> bool:
        """Whether a signal has asked to stop."""
        return self._stopping

    @property
    def pids(self) -> dict[str, int]:
        """The running children's process ids."""
        return {name: child.pid for name, child in self.children.items() if child.pid}

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _wait(self, timeout_s: float) -> None:
        """Until something happens, at most `timeout_s`; then reap, note who is ready, restart who is due."""
        pipes = {child.pipe: child for child in self.children.values() if child.pipe >= 0}
        readable, _, _ = select.select([self._wakeup[0], *pipes], [], [], timeout_s)
        for handle in readable:
            if handle in pipes:
                self._hear(pipes[handle])
            else:
                os.read(handle, 4096)
        self._reap()
        now = time.monotonic()
        for child in self.children.values():
            if child.pid and not child.ready and child.spec.probe and child.spec.probe():
                child.ready = True
            if not child.pid and not self._stopping and now >= child.start_at:
                self._fork(child)

    def _pause(self) -> float:
        if any(child.pid and child.spec.probe and not child.ready for child in self.children.values()):
            return PROBE_S
        dead = [child.start_at for child in self.children.values() if not child.pid]
        return min(TICK_S, max(min(dead, default=TICK_S + time.monotonic()) - time.monotonic(), 0.0))

    def _hear(self, child: Child) -> None:
        child.ready = bool(os.read(child.pipe, 16)) or child.ready
        os.close(child.pipe)
        child.pipe = -1

    def _reap(self) -> None:
        by_pid = {child.pid: child for child in self.children.values() if child.pid}
        while by_pid:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in by_pid:
                self._bury(by_pid[pid], os.waitstatus_to_exitcode(status))

    def _bury(self, child: Child, code: int) -> None:
        now = time.monotonic()
        if now - child.started_at > STEADY_S:
            child.backoff_s = FIRST_BACKOFF_S
        child.pid, child.ready, child.restarts = 0, False, child.restarts + 1
        child.start_at = now + child.backoff_s
        child.backoff_s = min(child.backoff_s * 2, MAX_BACKOFF_S)
        if not self._stopping:
            log.warning("%s ended with %d; starting it again", child.spec.name, code)

    def _fork(self, child: Child) -> None:
        if child.pipe >= 0:
            os.close(child.pipe)
        reading, writing = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _become(child.spec, parent, writing)
        os.close(writing)
        child.pid, child.pipe, child.started_at, child.ready = pid, reading, time.monotonic(), False

    def _end(self, members: Sequence[Child]) -> None:
        for child in members:
            os.kill(child.pid, signal.SIGTERM)
        until = time.monotonic() + STOP_TIMEOUT_S
        while any(child.pid for child in members) and time.monotonic() < until:
            self._wait(PROBE_S)
        for child in members:
            if child.pid:
                log.warning("%s does not end by itself; killed", child.spec.name)
                os.kill(child.pid, signal.SIGKILL)
                os.waitpid(child.pid, 0)
                child.pid = 0


def _become(spec: ChildSpec, parent: int, pipe: int) -> None:
    """The rest of a child's life; never returns."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
        _die_with(parent, spec.name)

        def ready() -> None:
            nonlocal pipe
            if pipe >= 0:
                os.write(pipe, b"ready")
                os.close(pipe)
                pipe = -1

        spec.run(ready)
        code = 0
    except Exception:
        log.exception("%s failed", spec.name)
    finally:
        logging.shutdown()
        sys.stderr.flush()
        os._exit(code)


def _die_with(parent: int, name: str) -> None:
    """Have the kernel kill this process when `parent` dies, and call it `name` in process lists."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(_PR_SET_NAME, name.encode()[:15])
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)
