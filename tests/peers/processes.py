"""Programs of the rig: started on free ports of 127.0.0.1, known to be ready, stopped by their own process id."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

HOST = "127.0.0.1"
WAIT_S = 10.0
STEP_S = 0.02
_FIRST_PORT, _PORTS = 20_000, 12_000  # below what the kernel gives to sockets without a port


class PeerError(AssertionError):
    """A peer did not do what it was there for; holds the end of its log."""


def wanted(*programs: str) -> None:
    """Skips the test, or fails it where CI is set, without these programs (tests/run.py installs them)."""
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not installed: {', '.join(missing)}")


def free_ports(count: int) -> int:
    """The first of `count` ports in a row, even, that nobody has bound for UDP or TCP; another one each time."""
    for _ in range(200):
        first = _FIRST_PORT + (int.from_bytes(os.urandom(4), "big") % _PORTS) // 16 * 16
        if all(_free(first + offset) for offset in range(count)):
            return first
    raise PeerError(f"no {count} free ports in a row")


def _free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


def wait_until(true: Callable[[], object], what: str, timeout_s: float = WAIT_S) -> None:
    """Returns as soon as `true()` is; PeerError says `what` was waited for."""
    until = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > until:
            raise PeerError(f"not within {timeout_s:.1f} s: {what}")
        time.sleep(STEP_S)


def answers_sip(port: int) -> bool:
    """Whether a SIP element there answers OPTIONS within a moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        probe.settimeout(STEP_S)
        own = probe.getsockname()[1]
        probe.sendto(
            f"OPTIONS sip:{HOST}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{own};rport;branch=z9hG4bK{own}\r\n"
            f"From: <sip:rig@{HOST}>;tag=1\r\nTo: <sip:{HOST}>\r\nCall-ID: {own}\r\nCSeq: 1 OPTIONS\r\n"
            "Max-Forwards: 5\r\nContent-Length: 0\r\n\r\n".encode(),
            (HOST, port),
        )
        try:
            return probe.recv(2000).startswith(b"SIP/2.0 ")
        except OSError:
            return False


def bound(port: int) -> bool:
    """Whether some process has the UDP port."""
    return any(line.split()[1].endswith(f":{port:04X}") for line in Path("/proc/net/udp").read_text().splitlines()[1:])


class Peer(ABC):
    """One program; a subclass says with what `command` it runs and when it is `ready`."""

    name = "peer"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What it is started with."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it answers."""

    @property
    def log(self) -> str:
        """All that the program has printed."""
        path = self.folder / f"{self.name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Starts the program and waits until it is ready."""
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                list(self.command()), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder,
                start_new_session=True,
            )  # fmt: skip
        try:
            wait_until(lambda: not self.runs or self.ready(), f"{self.name} is ready")
            if not self.runs:
                raise PeerError(f"{self.name} ended at once")
        except PeerError as error:
            self.stop()
            raise PeerError(f"{error}:\n{self.log[-2000:]}") from None
        return self

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Ends this program and its children, and waits for it; harmless when it has ended."""
        if not self._process or self._process.returncode is not None:
            return
        for signal_number in (how, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal_number)  # its children too, which have this group to themselves
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(WAIT_S)
                return

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
