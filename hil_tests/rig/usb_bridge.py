"""`plugtone usb-bridge` beside a test: the computer carries what a board without a cable sends."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from types import TracebackType
from typing import Any, Final, Self

from hil_tests.rig.errors import StateError
from hil_tests.rig.hand import Hand

# A simulated board's world is this computer itself, which the bridge keeps a unit from else.
SIMULATED_WORLD: Final = ("--address", "127.0.0.1", "--allow-loopback")
_WAIT_S: Final = 20.0


class BridgeProcess:
    """On `port`, while its context lasts; `events` are the lines it told. `prefix` is a command to run it under."""

    def __init__(self, port: str, *options: str, prefix: tuple[str, ...] = ()) -> None:
        self.events: list[dict[str, Any]] = []
        self._command = [*prefix, sys.executable, "-m", "tools.cli", "usb-bridge", "--port", port, "--json", *options]
        self._changed = threading.Condition()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Plugs the computer in."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def wait_for(self, event: str, after: int = 0, **facts: Any) -> dict[str, Any]:
        """The first line of that event from number `after` on which has these facts; StateError with what came."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            wanted = {"event": event, **facts}
            found[:] = [line for line in self.events[after:] if {**line, **wanted} == line]
            return bool(found)

        with self._changed:
            if not self._changed.wait_for(look, _WAIT_S):
                raise StateError(f"the bridge told no {event} {facts} in {_WAIT_S:g} s: {self.events[after:]}")
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


def bridged(hand: Hand) -> BridgeProcess:
    """The bridge on that board's port."""
    return BridgeProcess(str(hand.port), *(SIMULATED_WORLD if hand.sim is not None else ()))
