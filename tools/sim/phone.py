"""A telephone at a simulated board: a Handset on the board's telephone socket, at 50 frames a second.

    with Phone(folder) as phone:
        phone.attach()
        phone.lift()
        phone.wait_for(lambda: phone.tones() == (350, 440), 2)
        phone.dial("911")

A thread of its own keeps the pace; every method may be called from any thread.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.sim.folder import BoardFolder, SimulationError
from tools.sim.handset import FLASH_MS, FRAME_BYTES, TICK_MS, Event, Handset, read_wav, write_wav
from tools.sim.hearing import Caller, caller, tones

ATTACH_LIMIT_S = 5.0
_TRY_AGAIN_TICKS = 5
_SOCKET_NAME = "telephone"
_TONE_MS = 100
_LATE_KEPT = 30_000  # frames: ten minutes


# Reading caller ID takes some 100 ms: never while the lock is held, or frames would leave late; once for each sound.
_read = lru_cache(maxsize=16)(caller)


class Phone:
    """The telephone of the board in `folder`; leaving its context puts it down and pulls its cord."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        faults = BoardFolder(folder).read_faults()
        self._handset = Handset(int(faults.get("line_gain", 0)))
        self._changed = threading.Condition()
        self._socket: socket.socket | None = None
        self._greeted = False
        self._ended = False
        self._late_ms: deque[float] = deque(maxlen=_LATE_KEPT)
        self._thread = threading.Thread(target=self._run, name=f"phone of {folder.name}", daemon=True)
        self._thread.start()

    def attach(self, timeout_s: float = ATTACH_LIMIT_S) -> None:
        """Returns when the unit answers; SimulationError if it does not in time."""
        if not self.wait_for(lambda: self._greeted, timeout_s):
            raise SimulationError(
                f"no unit answers at {self._folder / _SOCKET_NAME}: is the board on, and no other telephone plugged in?"
            )

    def lift(self) -> None:
        """Takes the handset off the hook; who dials before dial tone is heard may lose the first key, as anywhere."""
        with self._changed:
            self._handset.lift()

    def hang_up(self) -> None:
        """Puts the handset down."""
        with self._changed:
            self._handset.hang_up()

    def flash(self, length_ms: int = FLASH_MS) -> None:
        """Taps the hook."""
        with self._changed:
            self._handset.flash(length_ms)

    def dial(self, digits: str, tone_ms: int = 100, pause_ms: int = 100) -> None:
        """Presses keys; returns at once, `done` waits."""
        with self._changed:
            self._handset.dial(digits, tone_ms, pause_ms)

    def pulse(self, digits: str) -> None:
        """Dials as with a rotary dial."""
        with self._changed:
            self._handset.pulse(digits)

    def say(self, what: bytes | Path) -> None:
        """Speaks samples (8 kHz, 16 bits) or a WAV file; returns at once."""
        pcm = what if isinstance(what, bytes) else read_wav(what)
        with self._changed:
            self._handset.say(pcm)

    def record(self) -> None:
        """From now on keeps what is heard."""
        with self._changed:
            self._handset.record()

    def recorded(self) -> bytes:
        """What was heard since `record`, 8 kHz, 16 bits."""
        with self._changed:
            return bytes(self._handset.recording or b"")

    def save(self, path: Path) -> None:
        """Writes what was heard since `record` as a WAV file."""
        write_wav(path, self.recorded())

    @property
    def attached(self) -> bool:
        """True while the unit answers."""
        return self._greeted

    @property
    def off_hook(self) -> bool:
        """True while the handset is lifted."""
        return self._handset.off_hook

    @property
    def busy(self) -> bool:
        """True while there is something to dial or to say."""
        return self._handset.busy

    @property
    def ringing(self) -> bool:
        """True while the bell sounds."""
        return self._handset.ringing

    @property
    def lamp(self) -> bool:
        """True while the message lamp blinks."""
        return self._handset.lamp

    @property
    def events(self) -> list[Event]:
        """All that was seen and shown so far; sound between two rings that is no caller ID is left out."""
        with self._changed:
            found = list(self._handset.events)
        read = [
            event._replace(value=_read(event.value) or b"") if isinstance(event.value, bytes) else event
            for event in found
        ]
        return [event for event in read if not isinstance(event.value, bytes)]

    @property
    def late_ms(self) -> list[float]:
        """How late each of the last frames left, in ms: the telephone's own pace."""
        return list(self._late_ms)

    @property
    def at_ms(self) -> int:
        """How long the telephone has been there, in ms of its frames: the clock of `events`."""
        return self._handset.at_ms

    def tones(self) -> tuple[int, ...]:
        """The frequencies that are heard now."""
        with self._changed:
            heard = self._handset.recent(_TONE_MS)
        return tones(heard)

    def cadence(self) -> list[int]:
        """The ms between changes of the bell so far."""
        with self._changed:
            return self._handset.cadence()

    def caller(self) -> Caller | None:
        """Who rings or rang last, as the display shows it."""
        shown = [event.value for event in self.events if isinstance(event.value, Caller)]
        with self._changed:
            heard = self._handset.between_rings()
        return _read(heard) or (shown[-1] if shown else None)

    def done(self, timeout_s: float) -> bool:
        """Waits until all is dialled and said; False if it is not in time."""
        return self.wait_for(lambda: not self._handset.busy, timeout_s)

    def wait_for(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        """Waits until `predicate` holds, looking each 20 ms; False if it does not in time."""
        deadline = time.monotonic() + timeout_s
        while not predicate():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return predicate()
            with self._changed:
                self._changed.wait(left_s)
        return True

    def close(self) -> None:
        """Puts the handset down and pulls the cord."""
        self._ended = True
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        due = time.monotonic()
        ticks = 0
        while not self._ended:
            due += TICK_MS / 1000
            self._listen(due)
            self._late_ms.append(1000 * (time.monotonic() - due))
            if self._socket is None and ticks % _TRY_AGAIN_TICKS == 0:
                self._plug_in()
            ticks += 1
            with self._changed:
                frame = self._handset.frame()
                self._changed.notify_all()
            if frame is not None:
                self._send(frame)
        if self._socket is not None:
            self._socket.close()

    def _plug_in(self) -> None:
        """By way of the folder's descriptor: a socket's address has room for 107 bytes only."""
        try:
            folder = os.open(self._folder, os.O_PATH | os.O_DIRECTORY)
        except OSError:
            return
        made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            made.setblocking(False)
            made.connect(f"/proc/self/fd/{folder}/{_SOCKET_NAME}")
        except OSError:
            made.close()
            return
        finally:
            os.close(folder)
        self._socket = made
        with self._changed:
            self._handset.reattached()

    def _listen(self, until: float) -> None:
        """Takes in what comes until the next frame is due."""
        while (left_s := until - time.monotonic()) > 0:
            if self._socket is None:
                time.sleep(left_s)
                continue
            if not select.select([self._socket], [], [], left_s)[0]:
                continue
            try:
                frame = self._socket.recv(FRAME_BYTES)
            except OSError:
                frame = b""
            if len(frame) != FRAME_BYTES:
                self._unplugged()
                continue
            with self._changed:
                self._greeted = True
                self._handset.heard(frame)
                self._changed.notify_all()

    def _send(self, frame: bytes) -> None:
        if self._socket is None:
            return
        try:
            self._socket.send(frame)
        except BlockingIOError:
            pass  # the unit does not listen now; a line chip does not wait for it either
        except OSError:
            self._unplugged()

    def _unplugged(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        with self._changed:
            self._greeted = False
            self._handset.heard(bytes(FRAME_BYTES))  # no unit, no bell, no lamp
            self._changed.notify_all()
