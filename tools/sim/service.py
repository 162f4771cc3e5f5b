"""The fleet service in a process of its own, as the demo and a simulated station run it: killed and started at will."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tools.sim.launcher import die_with_parent

READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
PORT_RANGE = range(20_000, 32_000)
PORT_SETTINGS = ("http_port", "https_port", "broker_port", "nats_port", "monitor_port", "ntp_port")


class ServiceError(RuntimeError):
    """The service did not start; holds the last lines it wrote."""


def free_ports(count: int) -> list[int]:
    """Loopback ports free for TCP and UDP, below those the kernel gives to outgoing connections."""
    candidates = random.sample(PORT_RANGE, len(PORT_RANGE))
    ports = itertools.islice((port for port in candidates if _is_free(port)), count)
    return list(ports)


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


class Service:
    """One `plugtone serve` over a data directory; `ready` is the last ready line it printed."""

    def __init__(self, data_dir: Path, settings: dict[str, str] | None = None, dies_with_us: bool = False) -> None:
        """`dies_with_us`: killed with the thread that starts it, which has to be the main one."""
        self.data_dir = data_dir
        self.ports = dict(zip(PORT_SETTINGS, free_ports(len(PORT_SETTINGS)), strict=True))
        self.ready: dict[str, Any] = {}
        self._settings = settings or {}
        self._before = die_with_parent if dies_with_us else None
        self._process: subprocess.Popen[bytes] | None = None
        self._log = data_dir.parent / "service.log"

    @property
    def url(self) -> str:
        """The console's and the API's address."""
        return f"http://127.0.0.1:{self.ports['http_port']}"

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        if self._process is None:
            raise ServiceError("the service is not running")
        return self._process.pid

    def start(self) -> None:
        """Start and wait until ready; ServiceError with the end of its log if it does not come up."""
        values = {"data_dir": str(self.data_dir)} | {k: str(v) for k, v in self.ports.items()} | self._settings
        environment = os.environ | {f"PLUGTONE_{name.upper()}": value for name, value in values.items()}
        ready_file = self.data_dir.parent / "ready.json"
        ready_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tools.cli", "serve", "--json"]
        with self._log.open("ab") as log, ready_file.open("wb") as out:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=log, stdin=subprocess.DEVNULL, env=environment,
                preexec_fn=self._before,  # noqa: PLW1509 - a system call and no lock
            )  # fmt: skip
        until = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < until:
            lines = ready_file.read_text().splitlines()
            if lines and self._healthy():
                self.ready = json.loads(lines[0])
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise ServiceError(f"the service did not become ready in {READY_TIMEOUT_S:.0f} s:\n{self._tail()}")

    def kill(self) -> None:
        """kill -9 of the supervisor; its children die with it."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)

    def pid_of(self, child: str) -> int | None:
        """The process id of `broker`, `gateway-0` ..., as the supervisor wrote it down; None between two lives."""
        try:
            status = json.loads((self.data_dir / "service.json").read_text())
        except (OSError, ValueError):
            return None
        pid: int | None = status["pids"].get(child)
        return pid

    def stop(self) -> None:
        """End the service in order; kill it if it will not."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2.0).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])
