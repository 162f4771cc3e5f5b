"""What a unit last said of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a unit last said; numbers are indexes into the wire's enumerations."""

    received_at: datetime
    uptime_s: int
    state: int
    line_state: int
    update_state: int
    slot: int
    release_counter: int
    config_version: int
    free_heap_bytes: int
