"""Whether the machine itself kept time: how late a thread on each core was woken at worst.

What is judged in real time is judged only where there was real time: a virtual machine's host may take a core away for
a tenth of a second, and nobody on it can be punctual then.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

LATE_MS = 8  # of the 20 that a frame has
_TRIES = 8
_LOOK_S = 0.005
_LOOKS = 12_000  # a minute: who forgets to stop it leaves nothing running


class Stalls:
    """Looks from its making until `stop`, 200 times a second on each core (about 1 % of one)."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._worst_s: dict[int, float] = dict.fromkeys(os.sched_getaffinity(0), 0.0)
        self._threads = [threading.Thread(target=self._look, args=(core,), daemon=True) for core in self._worst_s]
        for thread in self._threads:
            thread.start()

    def stop(self) -> float:
        """The worst lateness of any core, ms."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        return 1000 * max(self._worst_s.values())

    def _look(self, core: int) -> None:
        os.sched_setaffinity(threading.get_native_id(), {core})
        for _ in range(_LOOKS):
            if self._stopped.is_set():
                break
            due_s = time.monotonic() + _LOOK_S
            time.sleep(_LOOK_S)
            self._worst_s[core] = max(self._worst_s[core], time.monotonic() - due_s)


def tries() -> Iterator[int]:
    """A turn for each try of something in real time, at most 8: the last is the first in which the machine kept time.

    Who was content breaks off, and after the loop what was seen last is judged.
    """
    for turn in range(_TRIES):
        stalls = Stalls()
        try:
            yield turn
        finally:
            late_ms = stalls.stop()
        if late_ms < LATE_MS:
            return
