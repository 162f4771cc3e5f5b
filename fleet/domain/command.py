"""A command to a unit, and the unit's answer once it came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the wire's COMMANDS; `result` and `detail` are None until the unit answers."""

    id: int
    serial: str
    command: str
    argument: int
    asked_at: datetime
    result: str | None = None
    detail: str | None = None
