"""What is in the sound a telephone hears: the frequencies of a tone, and the caller ID between two rings.

Written from the standards (Bell 202, V.23, GR-30), not from the firmware: it judges what the unit sends.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

RATE_HZ = 8000
# What the tones of telephone networks are made of (ITU-T E.180 Supplement 2), DTMF left out.
TONES_HZ = (
    350, 380, 384, 400, 413, 416, 420, 425, 438, 440, 450, 480, 620, 950, 1400, 1800, 2060, 2450, 2600,
)  # fmt: skip
_WINDOW = 800  # 100 ms: tones 20 Hz apart and more are told from each other
_FLOOR_DBM0 = -40.0
_BELOW_STRONGEST_DB = 8.0
_LEAST_SHARE = 0.8  # of the sound's power: speech and data are no tones
_ZERO_DBM0 = 10 ** (-3.14 / 20) * 32768
_BAUD = 1200
_MARKS_BEFORE = 60  # a receiver takes a start bit for one after that many bits of mark
_MARK_SPACE_HZ = ((1200, 2200), (1300, 2100))
_MDMF = 0x80
_MAX_SYMBOLS = 10 * 260


@dataclass(frozen=True, slots=True)
class Caller:
    """What a display shows: `when` as MMDDhhmm; an absent number or name is "" and `absent` says P or O."""

    number: str = ""
    name: str = ""
    when: str = ""
    absent: str = ""


def level_dbm0(samples: Sequence[int], frequency_hz: float) -> float:
    """The level of that frequency in `samples` (8 kHz, 16 bits), in dBm0, by Goertzel's sum; -120 for none."""
    turn = 2 * math.pi * frequency_hz / RATE_HZ
    factor = 2 * math.cos(turn)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    power = last * last + before * before - factor * last * before
    peak = 2 * math.sqrt(max(power, 0.0)) / max(1, len(samples))
    return 20 * math.log10(peak / _ZERO_DBM0) if peak > 0.03 else -120.0


def tones(pcm: bytes) -> tuple[int, ...]:
    """The frequencies of a network tone in the last 100 ms of `pcm`, in Hz, ascending; () for anything else."""
    samples = array("h", pcm[-2 * _WINDOW :])
    if len(samples) < _WINDOW:
        return ()
    levels = {frequency: level_dbm0(samples, frequency) for frequency in TONES_HZ}
    strongest = max(levels.values())
    if strongest < _FLOOR_DBM0:
        return ()
    # Of neighbours that share the energy of one tone only the strongest counts.
    found = tuple(
        frequency
        for frequency, level in levels.items()
        if level > strongest - _BELOW_STRONGEST_DB
        and all(level >= levels[other] for other in TONES_HZ if abs(other - frequency) < RATE_HZ / _WINDOW)
    )
    power = sum(sample * sample for sample in samples) / _WINDOW
    explained = sum((_ZERO_DBM0 * 10 ** (levels[frequency] / 20)) ** 2 / 2 for frequency in found)
    return found if explained > _LEAST_SHARE * power else ()


def caller(pcm: bytes) -> Caller | None:
    """The caller ID in `pcm` (8 kHz, 16 bits); None if there is none, or it is damaged."""
    samples = array("h", pcm)
    for mark_hz, space_hz in _MARK_SPACE_HZ:
        for data in _messages(_softness(samples, mark_hz, space_hz)):
            found = _parsed(data)
            if found is not None:
                return found
    return None


def _softness(samples: Sequence[int], mark_hz: float, space_hz: float) -> list[float]:
    """For each sample, how much more of the mark than of the space the bit round it holds."""
    length = round(RATE_HZ / _BAUD)
    sums = []
    for frequency in (mark_hz, space_hz):
        turn = 2 * math.pi * frequency / RATE_HZ
        in_phase = [sample * math.cos(turn * at) for at, sample in enumerate(samples)]
        quadrature = [sample * math.sin(turn * at) for at, sample in enumerate(samples)]
        sums.append(
            [a * a + b * b for a, b in zip(_moving(in_phase, length), _moving(quadrature, length), strict=True)]
        )
    return [mark - space for mark, space in zip(*sums, strict=True)]


def _moving(values: list[float], length: int) -> list[float]:
    """The sum of the `length` values round each."""
    padded = [0.0] * (length // 2) + values + [0.0] * (length - length // 2)
    total = sum(padded[:length])
    found = []
    for at in range(len(values)):
        found.append(total)
        total += padded[at + length] - padded[at]
    return found


def _messages(soft: list[float]) -> Iterator[bytes]:
    """What follows each stretch of marks, byte by byte, until a stop bit is missing."""
    bit = RATE_HZ / _BAUD
    marks = 0
    for at, value in enumerate(soft):
        if value > 0:
            marks += 1
            continue
        if marks > _MARKS_BEFORE * bit:
            yield _bytes(soft, at)
        marks = 0


def _bytes(soft: list[float], start: float) -> bytes:
    bit = RATE_HZ / _BAUD
    out = bytearray()
    for _ in range(_MAX_SYMBOLS):
        middles = [round(start + (index + 0.5) * bit) for index in range(10)]
        if middles[-1] >= len(soft) or soft[middles[0]] > 0 or soft[middles[9]] <= 0:
            break
        out.append(sum(1 << index for index in range(8) if soft[middles[index + 1]] > 0))
        # The next start bit is where marks end, as every asynchronous receiver looks for it.
        at = middles[9]
        while at < len(soft) and soft[at] > 0 and at < middles[9] + 4 * bit:
            at += 1
        start = at
    return bytes(out)


def _parsed(data: bytes) -> Caller | None:
    if len(data) < 3 or data[0] != _MDMF or len(data) < data[1] + 3 or sum(data[: data[1] + 3]) & 255:
        return None
    texts: dict[int, str] = {}
    at = 2
    while at + 2 <= data[1] + 2:
        texts[data[at]] = data[at + 2 : at + 2 + data[at + 1]].decode("ascii", errors="replace")
        at += 2 + data[at + 1]
    return Caller(texts.get(2, ""), texts.get(7, ""), texts.get(1, ""), texts.get(4, ""))
