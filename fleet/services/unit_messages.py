"""What comes from units and goes to them, between the gateway and the use cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from protocol.wire.messages import Message


@dataclass(frozen=True, slots=True)
class Incoming:
    """A decoded message of the unit whose topic it came on; the broker vouches for `serial`.

    `heard`: its start has registered in the unit's present identity epoch.
    """

    serial: str
    message: Message
    received_at: datetime
    heard: bool = True


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Message `name` of the table of layouts, for one unit; sent after the commit, at most once."""

    serial: str
    name: str
    values: Mapping[str, Any]
