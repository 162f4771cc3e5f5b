"""The whole service as `plugtone serve` starts it, on ports of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fleet.settings import Settings
from tests.fleet.mqtt.conftest import free_ports

PORTS = ("http_port", "https_port", "broker_port", "nats_port", "monitor_port", "ntp_port")
START_S = 30.0


@dataclass
class RunningService:
    """`plugtone serve` on a data directory."""

    settings: Settings
    process: subprocess.Popen[str] | None = None
    ready: dict[str, Any] = field(default_factory=dict)

    def launch(self) -> subprocess.Popen[str]:
        """Start one more, without waiting."""
        ports = {f"PLUGTONE_{name.upper()}": str(getattr(self.settings, name)) for name in PORTS}
        return subprocess.Popen(
            [sys.executable, "-m", "tools.cli", "serve", "--json", "--data", str(self.settings.data_dir)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **ports},
        )

    def start(self) -> None:
        self.process = self.launch()
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.ready = json.loads(line)

    def pids(self) -> dict[str, int]:
        """The processes that run now, by name."""
        pids: dict[str, int] = json.loads((self.settings.data_dir / "service.json").read_text())["pids"]
        return pids

    def stop(self) -> int:
        assert self.process
        self.process.terminate()
        return self.process.wait(START_S)

    def kill(self, name: str) -> None:
        os.kill(self.pids()[name], signal.SIGKILL)


def until(condition: Callable[[], bool], what: str, timeout_s: float = 15.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service that runs; a test may kill what it likes, as long as it comes back."""
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    running = RunningService(Settings(data_dir=tmp_path_factory.mktemp("service") / "data", **ports))
    running.start()
    yield running
    if running.process and running.process.poll() is None:
        running.process.kill()
        running.process.communicate()


def is_alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False
