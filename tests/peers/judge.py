"""tshark as the judge of what was on the wire: sequence and time of RTP, and the digits of RFC 4733."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_TIMEOUT_S = 30
_EVENTS = "0123456789*#ABCD"
_FIELDS = (
    "rtp.seq", "rtp.timestamp", "rtp.p_type", "rtp.marker", "rtp.ssrc", "rtpevent.event_id", "rtpevent.end_of_event",
    "rtpevent.duration",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One RTP packet as tshark decodes it; `event` is -1 for sound."""

    sequence: int
    timestamp: int
    payload_type: int
    marker: bool
    source: int
    event: int
    end: bool
    duration: int


def rows(pcap: Path, port: int, dtmf_pt: int = 101) -> list[Row]:
    """The RTP packets of a capture that came to `port`."""
    done = subprocess.run(
        ["tshark", "-n", "-r", str(pcap), "-d", f"udp.port=={port},rtp", "-o",
         f"rtpevent.event_payload_type_value:{dtmf_pt}", "-Y", f"rtp && udp.dstport == {port}", "-T", "fields",
         *(word for field in _FIELDS for word in ("-e", field))],
        capture_output=True, timeout=_TIMEOUT_S, check=True,
    )  # fmt: skip
    out = []
    for line in done.stdout.decode().splitlines():
        sequence, timestamp, kind, marker, source, event, end, duration = line.split("\t")
        out.append(
            Row(
                int(sequence), int(timestamp), int(kind), _true(marker), int(source, 16), int(event or -1), _true(end),
                int(duration or 0),
            )
        )  # fmt: skip
    return out


def _true(text: str) -> bool:
    return text in {"1", "True"}


def digits(packets: list[Row]) -> str:
    """The digits in these packets; AssertionError for one that breaks RFC 4733 2.5 (end three times, one stamp)."""
    seen: dict[int, list[Row]] = {}
    for row in packets:
        if row.event >= 0:
            seen.setdefault(row.timestamp, []).append(row)
    out = ""
    for timestamp, of_one in seen.items():
        digit = _EVENTS[of_one[0].event]
        assert {row.event for row in of_one} == {of_one[0].event}, f"two events at {timestamp}"
        assert of_one[0].marker, f"digit {digit} does not begin with a marker"
        assert not any(row.marker for row in of_one[1:]), f"digit {digit} has more than one marker"
        ends = [row for row in of_one if row.end]
        assert len(ends) == 3, f"digit {digit} ends {len(ends)} times"
        assert of_one[-3:] == ends, f"digit {digit} goes on after its end"
        assert len({row.duration for row in ends}) == 1, f"digit {digit} has ends of several durations"
        lengths = [row.duration for row in of_one]
        assert lengths == sorted(lengths), f"digit {digit} grows shorter: {lengths}"
        assert lengths[-1] >= 400, f"digit {digit} lasts {lengths[-1] / 8} ms"  # 50 ms, and none of them dropped
        out += digit
    return out


def faults(packets: list[Row], frame: int = 160) -> list[str]:
    """What breaks RFC 3550 5.1 and 3551 4.1 in the stream: sequence, time stamps of sound, one source."""
    found = []
    if len({row.source for row in packets}) != 1:
        found.append(f"{len({row.source for row in packets})} sources")
    for before, after in pairwise(packets):
        if after.sequence != before.sequence + 1 & 0xFFFF:
            found.append(f"sequence {before.sequence} is followed by {after.sequence}")
        step = after.timestamp - before.timestamp & 0xFFFFFFFF
        sound = before.event < 0 and after.event < 0
        if sound and step != frame and not after.marker:
            found.append(f"the time stamp goes on by {step} at {after.sequence}, a frame has {frame}")
    return found
