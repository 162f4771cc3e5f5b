"""`plugtone usb-bridge` as a process of its own, on a unit's port, for units whose world is the loopback address."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from types import TracebackType
from typing import Any, Self

from tests.firmware.voice_board import undisturbed

HOST = "127.0.0.1"
WAIT_S = 20.0


class BridgeProcess:
    """On `port`, while its context lasts; `events` are the lines that it printed."""

    def __init__(self, port: str, *options: str) -> None:
        self.events: list[dict[str, Any]] = []
        self._port = port
        self._options = options
        self._changed = threading.Condition()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Plugs the computer in."""
        self._process = subprocess.Popen(
            [*undisturbed(), sys.executable, "-m", "tools.cli", "usb-bridge", "--port", self._port, "--address", HOST,
             "--allow-loopback", "--json", *self._options],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def wait_for(self, event: str, after: int = 0, **facts: Any) -> dict[str, Any]:
        """The first line of that event from number `after` on which has these facts."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            wanted = {"event": event, **facts}
            found[:] = [line for line in self.events[after:] if {**line, **wanted} == line]
            return bool(found)

        with self._changed:
            met = self._changed.wait_for(look, WAIT_S)
        assert met, f"no {event} {facts} in {WAIT_S} s: {self.events[after:]}"
        return found[0]

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        with process.stdout:
            for line in process.stdout:
                with self._changed:
                    self.events.append(json.loads(line))
                    self._changed.notify_all()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
