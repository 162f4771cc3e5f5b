"""A call as tests of the rules tell it: all but what they are about is ordinary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fleet.domain.call_record import CallCodec, CallDirection, CallEnd, CallRecord, Figures

MINUTE = 60_000
HEARD = Figures(
    packets_sent=3000, packets_received=3000, jitter_ms=4, jitter_max_ms=9, buffer_ms=40, round_trip_ms=40, r_factor=92,
    mos_tenths=44,
)  # fmt: skip
CALL = CallRecord(
    record_id=1,
    started_s=0,
    direction=CallDirection.OUT,
    number="+18765550100",
    setup_ms=2000,
    duration_ms=MINUTE,
    ended_by=CallEnd.US,
    status=200,
    codec=CallCodec.PCMU,
    secured=False,
    emergency=False,
    figures=HEARD,
)


def call(**changed: Any) -> CallRecord:
    """An answered call out, over a good connection, but for what is `changed`; figures by their own names."""
    figures = {name: changed.pop(name) for name in list(changed) if hasattr(HEARD, name)}
    return replace(CALL, figures=replace(HEARD, **figures), **changed)
