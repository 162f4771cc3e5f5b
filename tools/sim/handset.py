"""A telephone without its wire: what the hand does becomes frames for the line chip, its frames become what is heard.

The frames are those of firmware/ports/unix/telephone.py. What the line chip of a real board does stands here as well:
it detects the keys, `_DETECTED_TICKS` after their tone has begun and `_RELEASED_TICKS` after it has ended.
"""

from __future__ import annotations

import math
import struct
import wave
from array import array
from collections import deque
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from tools.sim.folder import SimulationError
from tools.sim.hearing import RATE_HZ, Caller

TICK_MS = 20
FRAME_BYTES = 324
PCM_BYTES = 320
FLASH_MS = 300
KEYS = {
    key: (low, high)
    for low, row in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
    for high, key in zip((1209, 1336, 1477, 1633), row, strict=True)
}
_TONE_MS = 100
_PAUSE_MS = 100
_PEAK = 6000  # of each of a key's two tones: about -12 dBm0
_DETECTED_TICKS = 2
_RELEASED_TICKS = 1
_SILENCE = bytes(PCM_BYTES)
_LATE_TICKS = 3  # what has not come by then was a pause
_REMEMBERED_BYTES = 2 * RATE_HZ * 5
MAX_RECORDING_BYTES = 2 * RATE_HZ * 3600

Kind = Literal["ring", "lamp", "caller"]


class Tick(NamedTuple):
    """What a hand and a mouth do for 20 ms."""

    pcm: bytes = _SILENCE
    key: str = ""
    opened: bool = False


class Event(NamedTuple):
    """What was seen, and when: ms since the telephone was made. Of a caller it is the sound, still to be read."""

    at_ms: int
    kind: Kind
    value: bool | bytes | Caller


class Handset:
    """One telephone; `frame` is asked each 20 ms, `heard` is given what comes.

    `line_gain`: what the line between codec and ear adds by itself, in tenths of a dB; calibration makes it good.
    """

    def __init__(self, line_gain: int = 0) -> None:
        self.line_gain = line_gain
        self.off_hook = False
        self.ringing = False
        self.lamp = False
        self.events: list[Event] = []
        self.heard_frames = 0
        self.recording: bytearray | None = None
        self._queue: deque[Tick] = deque()
        self._ticks = 0
        self._record_from = 0
        self._recent = bytearray()  # the last seconds of sound
        self._silent_ticks = 0
        self._between_rings = bytearray()
        self._quiet_told = False

    @property
    def busy(self) -> bool:
        """True while there is something to dial, flash or say."""
        return bool(self._queue)

    @property
    def at_ms(self) -> int:
        """How long the telephone has been there, in ms of its frames."""
        return self._ticks * TICK_MS

    def lift(self) -> None:
        """The handset leaves the hook."""
        self.off_hook = True

    def hang_up(self) -> None:
        """The handset is put down, whatever was to be said."""
        self.off_hook = False
        self._queue.clear()

    def flash(self, length_ms: int = FLASH_MS) -> None:
        """Opens the loop for a moment."""
        self._queue.extend([Tick(opened=True)] * (length_ms // TICK_MS))

    def dial(self, digits: str, tone_ms: int = _TONE_MS, pause_ms: int = _PAUSE_MS) -> None:
        """Presses keys; SimulationError for one a telephone does not have."""
        for key in digits:
            if key not in KEYS:
                raise SimulationError(f"no key {key!r} on a telephone; there are {''.join(sorted(KEYS))}")
            sound, on = key_tone(key, tone_ms), tone_ms // TICK_MS
            for tick in range(on + pause_ms // TICK_MS):
                heard = _DETECTED_TICKS <= tick < on + _RELEASED_TICKS
                pcm = sound[tick * PCM_BYTES : (tick + 1) * PCM_BYTES] or _SILENCE
                self._queue.append(Tick(pcm, key if heard else ""))

    def pulse(self, digits: str) -> None:
        """Turns the dial: pulses of 60 ms open and 40 ms closed, ten a second."""
        for key in digits:
            if not key.isdecimal():
                raise SimulationError(f"a dial has digits only, not {key!r}")
            for _ in range(int(key) or 10):
                self._queue.extend([Tick(opened=True)] * 3 + [Tick()] * 2)
            self._queue.extend([Tick()] * 30)

    def say(self, pcm: bytes) -> None:
        """Speaks `pcm` (8 kHz, 16 bits)."""
        for at in range(0, len(pcm), PCM_BYTES):
            self._queue.append(Tick(pcm[at : at + PCM_BYTES].ljust(PCM_BYTES, b"\0")))

    def record(self) -> None:
        """From now on keeps what is heard in `recording`, an hour at most."""
        self.recording = bytearray()
        self._record_from = self._ticks

    def frame(self) -> bytes | None:
        """The next 20 ms for the line chip; None if it need not be told: on-hook, as before."""
        self._ticks += 1
        self._silent_ticks += 1
        if self._silent_ticks >= _LATE_TICKS:
            self._remember(_SILENCE)
        if self.recording is not None and len(self.recording) < MAX_RECORDING_BYTES:
            missing = self._ticks - self._record_from - _LATE_TICKS - len(self.recording) // PCM_BYTES
            self.recording += _SILENCE * max(0, missing)
        tick = self._queue.popleft() if self._queue and self.off_hook else Tick()
        closed = self.off_hook and not tick.opened
        quiet_told, self._quiet_told = self._quiet_told, not self.off_hook
        if quiet_told and not self.off_hook:
            return None
        return bytes([closed, ord(tick.key or "\0"), 0, 0]) + tick.pcm

    def reattached(self) -> None:
        """The unit has been away: it is to be told how things stand."""
        self._quiet_told = False

    def heard(self, frame: bytes) -> None:
        """A frame came from the line chip."""
        ring, lamp, sounds = frame[0] == 1, frame[1] == 1, frame[2] == 1
        if sounds:
            tenths = (frame[3] ^ 0x80) - 0x80 + self.line_gain
            self._listen(_amplified(frame[4:], tenths) if tenths else frame[4:])
        if ring != self.ringing:
            self.ringing = ring
            if self._between_rings:
                self._note("caller", bytes(self._between_rings))
            self._between_rings.clear()
            self._note("ring", ring)
        if lamp != self.lamp:
            self.lamp = lamp
            self._note("lamp", lamp)

    def recent(self, length_ms: int) -> bytes:
        """What was heard last, 5 s at most."""
        return bytes(self._recent[-2 * RATE_HZ * length_ms // 1000 :])

    def cadence(self) -> list[int]:
        """The ms between changes of the bell, rings and pauses by turns."""
        times = [event.at_ms for event in self.events if event.kind == "ring"]
        return [after - before for before, after in pairwise(times)]

    def between_rings(self) -> bytes:
        """What was heard since the bell last began or ended: caller ID, if any."""
        return bytes(self._between_rings)

    def _listen(self, pcm: bytes) -> None:
        self.heard_frames += 1
        self._silent_ticks = 0
        self._remember(pcm)
        if self.recording is not None and len(self.recording) < MAX_RECORDING_BYTES:
            self.recording += pcm
        if not self.off_hook and len(self._between_rings) < _REMEMBERED_BYTES:
            self._between_rings += pcm

    def _remember(self, pcm: bytes) -> None:
        self._recent += pcm
        del self._recent[:-_REMEMBERED_BYTES]

    def _note(self, kind: Kind, value: bool | bytes) -> None:
        self.events.append(Event(self.at_ms, kind, value))


def _amplified(pcm: bytes, tenths: int) -> bytes:
    factor = 10 ** (tenths / 200)
    return array("h", (max(-32768, min(32767, round(sample * factor))) for sample in array("h", pcm))).tobytes()


def key_tone(key: str, length_ms: int) -> bytes:
    """The two tones of a key (ITU-T Q.23)."""
    low, high = (2 * math.pi * frequency / RATE_HZ for frequency in KEYS[key])
    count = RATE_HZ * length_ms // 1000
    samples = [round(_PEAK * (math.sin(low * at) + math.sin(high * at))) for at in range(count)]
    return struct.pack(f"<{count}h", *samples)


def read_wav(path: Path) -> bytes:
    """The samples of a WAV file as a telephone speaks them; SimulationError for another kind of file."""
    try:
        with wave.open(str(path), "rb") as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE_HZ, 1, 2):
                raise SimulationError(
                    f"{path} is not 8000 Hz, one channel, 16 bits; `sox {path} -r 8000 -c 1 -b 16 OUT.wav` makes it so"
                )
            return file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise SimulationError(f"{path} is no WAV file: {error}") from error


def write_wav(path: Path, pcm: bytes) -> None:
    """`pcm` as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(pcm)
