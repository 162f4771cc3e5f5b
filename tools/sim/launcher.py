"""The chip around a simulated unit: power, reset causes, watchdog, boot strap, ROM loader, pins.

One process a board, single-threaded: it starts MicroPython on the pseudo-terminal, restarts it when it
ends, and is its parent, so that the unit dies with it.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import tty
from pathlib import Path
from typing import Any

from boards import catalogue
from protocol.wire.enumerations import BOOT_REASONS
from tools.release.build import build_boot_rom
from tools.sim.folder import BoardFolder, SimulationError, write_atomically
from tools.sim.rom_loader import RomLoader

# Exit status of the unit: see firmware/boot.py.
RESET_STATUS = 64
LOADER_STATUS = 80
_READ_BYTES = 65536
# A unit that fails at once is not started again for this long: a real chip's reset takes time, too.
_QUICK_FAILURE_S = 1.0
_RESET_PAUSE_S = 0.25
_WRITE_LIMIT_S = 1.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class Launcher:
    """`lifeline` is a pipe whose end means that the owner died; `doorbell` one that is rung at each change."""

    def __init__(self, folder: BoardFolder, lifeline: int | None, doorbell: int | None) -> None:
        self._folder = folder
        self._chip = folder.chip()
        self._board = catalogue.load(self._chip.board)
        self._boot_rom = build_boot_rom(self._board.name)
        self._lifeline = lifeline
        self._doorbell = doorbell
        self._facts: dict[str, Any] = {}
        self._boots = 0
        self._master, self._slave = os.openpty()  # the slave stays open: a station leaving is no hang-up
        self._signals, self._wakeup = os.pipe()
        self._unit: subprocess.Popen[bytes] | None = None
        self._pidfd = self._pins = -1
        self._pins_rest = b""
        self._started_s = self._fed_s = 0.0
        self._pending: tuple[float, str] | None = None  # (when, reset cause) of the next start
        self._watchdog_bit = False
        self._loader: RomLoader | None = None

    def run(self) -> None:
        """Plays the chip until power is cut: SIGTERM, or the end of the lifeline."""
        self._open_port()
        self._reset("power_on", sample_strap=True)
        try:
            while self._turn():
                pass
        finally:
            self._cut()
            self._publish(mode="off", pid=0)

    def _open_port(self) -> None:
        tty.setraw(self._slave)
        for descriptor in (self._master, self._signals, self._wakeup):
            os.set_blocking(descriptor, False)
        if self._doorbell is not None:
            os.set_blocking(self._doorbell, False)
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, lambda *_: None)  # the wake-up pipe tells the loop
        self._folder.usb.unlink(missing_ok=True)
        self._folder.usb.symlink_to(os.ttyname(self._slave))

    def _turn(self) -> bool:
        """Waits for one thing to happen and handles it; False when power is cut."""
        poll = select.poll()
        for descriptor in (self._signals, self._lifeline, self._pidfd, self._pins):
            if descriptor is not None and descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        if self._loader:
            poll.register(self._master, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(self._wait_ms())}
        if self._signals in ready and not self._take_signals():
            return False
        if self._lifeline in ready and not os.read(self._lifeline or 0, 1):
            return False
        if self._pins in ready:
            self._take_pins()
        if self._pidfd in ready:
            self._unit_ended()
        if self._master in ready:
            self._feed_loader()
        self._check_clocks()
        return True

    def _wait_ms(self) -> int | None:
        if self._pending:
            due = self._pending[0]
        elif self._unit:
            due = self._fed_s + self._board.watchdog_ms / 1000
        else:
            return None
        return max(0, int((due - time.monotonic()) * 1000) + 1)

    def _check_clocks(self) -> None:
        now = time.monotonic()
        if self._pending and now >= self._pending[0]:
            cause, self._pending = self._pending[1], None
            self._reset(cause, sample_strap=True)
        elif self._unit and not self._watchdog_bit and now >= self._fed_s + self._board.watchdog_ms / 1000:
            self._watchdog_bit = True
            self._unit.kill()

    def _take_signals(self) -> bool:
        numbers = os.read(self._signals, 64)
        if signal.SIGTERM in numbers:
            return False
        if signal.SIGUSR1 in numbers and self._unit:
            self._unit.kill()  # seen as a power cut of the unit alone
        return True

    def _reset(self, cause: str, *, sample_strap: bool) -> None:
        """Starts the unit, or the ROM loader if nothing can run or the boot button is held."""
        record = self._folder.boot_record(self._board)
        if record is None or (sample_strap and self._folder.strap.exists()):
            self._enter_loader(cause)
            return
        self._loader = None
        image_bytes = max(length for length, _ in record.slots)
        read, write = os.pipe()
        with self._folder.log.open("ab") as log:
            self._unit = subprocess.Popen(
                [
                    micropython(), "-X", f"heapsize={self._board.simulated_heap_bytes(image_bytes)}",
                    "-m", "boot", str(self._folder.path), str(write), cause,
                ],
                # MicroPython looks for modules in its working directory first.
                cwd=self._boot_rom, stdin=self._master, stdout=self._master, stderr=log, pass_fds=[write],
                env={**os.environ, "MICROPYPATH": str(self._boot_rom)}, preexec_fn=die_with_parent,  # noqa: PLW1509 one thread
            )  # fmt: skip
        os.close(write)
        os.set_blocking(read, False)
        self._pins, self._pidfd = read, os.pidfd_open(self._unit.pid)
        self._started_s = self._fed_s = time.monotonic()
        self._watchdog_bit, self._pins_rest = False, b""
        self._boots += 1
        self._facts = {}
        self._publish(mode="unit", pid=self._unit.pid, boots=self._boots, reset_cause=cause)

    def _enter_loader(self, cause: str, led: str = "loader") -> None:
        self._loader = RomLoader(self._folder.flash, self._board, self._chip)
        self._facts = {}
        self._publish(mode="loader", pid=0, boots=self._boots, reset_cause=cause, led=led)

    def _feed_loader(self) -> None:
        if self._loader is None:
            return
        loader = self._loader
        answer = loader.feed(os.read(self._master, _READ_BYTES))
        if loader.run_wanted:  # first of all, so that who hears the answer finds the unit started
            self._reset("restart", sample_strap=False)
        while answer:
            try:
                answer = answer[os.write(self._master, answer) :]
            except BlockingIOError:
                if not select.select([], [self._master], [], _WRITE_LIMIT_S)[1]:
                    return  # nobody reads: the rest is lost, as on a real serial line

    def _take_pins(self) -> None:
        try:
            data = os.read(self._pins, _READ_BYTES)
        except BlockingIOError:
            return
        *lines, self._pins_rest = (self._pins_rest + data).split(b"\n")
        changes: dict[str, Any] = {}
        for line in lines:
            report = json.loads(line)
            if not report:  # an empty report feeds the watchdog
                self._fed_s = time.monotonic()
            changes.update(report)
        if changes:
            self._publish(**changes)

    def _unit_ended(self) -> None:
        if self._unit is None:
            return
        self._take_pins()
        status = self._unit.wait()
        lived_s = time.monotonic() - self._started_s
        os.close(self._pidfd)
        os.close(self._pins)
        self._unit, self._pidfd, self._pins = None, -1, -1
        if status == LOADER_STATUS:
            self._enter_loader("restart", self._facts.get("led", ""))
            return
        self._publish(mode="reset", pid=0, state="")
        cause = "watchdog" if self._watchdog_bit else reset_cause(status)
        pause_s = _RESET_PAUSE_S if cause in ("crash", "watchdog") and lived_s < _QUICK_FAILURE_S else 0.0
        self._pending = (time.monotonic() + pause_s, cause)

    def _publish(self, **changes: Any) -> None:
        self._facts.update(changes)
        write_atomically(self._folder.pins, json.dumps(self._facts))
        if self._doorbell is not None:
            try:
                os.write(self._doorbell, b"!")
            except BlockingIOError:
                pass  # nobody looks; it rings already
            except BrokenPipeError:
                self._doorbell = None  # the owner is gone, and the lifeline will say so

    def _cut(self) -> None:
        if self._unit:
            self._unit.kill()
            self._unit.wait()


def reset_cause(status: int) -> str:
    """The name in BOOT_REASONS of what ended a unit with this exit status (negative: a signal)."""
    if status == -signal.SIGKILL:
        return "power_on"
    if RESET_STATUS <= status < RESET_STATUS + len(BOOT_REASONS):
        return BOOT_REASONS[status - RESET_STATUS]
    return "crash"


def die_with_parent() -> None:
    """Called in a child: the kernel kills it when the thread that made it ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def micropython() -> str:
    """The program that runs units here; SimulationError if it is not installed."""
    beside = Path(sys.executable).parent / "micropython"
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if not found:
        raise SimulationError("no MicroPython on the path; run `make setup`")
    return found
