"""`plugtone usb-bridge` beside a test: the bench's computer carries what a board without a cable sends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import IO, Any, Final

from hil_tests.rig.errors import StateError
from hil_tests.rig.hand import Hand

ATTACHED_LIMIT_S: Final = 20.0
# A simulated board's world is this computer itself, which the bridge keeps a unit from else.
_SIMULATED_WORLD: Final = ("--address", "127.0.0.1", "--allow-loopback")
_END_LIMIT_S: Final = 10


class Bridge:
    """What a running bridge tells."""

    def __init__(self, out: IO[str]) -> None:
        self._told: Queue[dict[str, Any]] = Queue()
        self._so_far: list[str] = []
        Thread(target=self._read, args=(out,), daemon=True).start()

    def wait_for(self, event: str, limit_s: float = ATTACHED_LIMIT_S) -> dict[str, Any]:
        """The next event of that name; StateError with what came instead."""
        until = monotonic() + limit_s
        while True:
            try:
                found = self._told.get(timeout=max(until - monotonic(), 0))
            except Empty:
                raise StateError(f"the bridge tells no {event} in {limit_s:g} s, only {self._so_far[-20:]}") from None
            self._so_far.append(found["event"])
            if found["event"] == event:
                return found

    def _read(self, out: IO[str]) -> None:
        for line in out:
            self._told.put(json.loads(line))


@contextmanager
def bridged(hand: Hand) -> Iterator[Bridge]:
    """The bridge on the board's port, to the end of the context."""
    options = _SIMULATED_WORLD if hand.sim is not None else ()
    command = [sys.executable, "-m", "tools.cli", "usb-bridge", "--port", str(hand.port), "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Bridge(process.stdout)
        finally:
            process.terminate()
            process.wait(_END_LIMIT_S)
