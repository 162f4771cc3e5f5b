"""What a unit wants of the bridge, as the session tells it to who has the sockets."""

from __future__ import annotations

from dataclasses import dataclass

Place = tuple[str, int]  # an IPv4 address as text, a port


@dataclass(frozen=True, slots=True)
class Attached:
    """A unit took the session."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The unit is gone, or began anew: every flow is over."""

    why: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A new flow: `kind` of FLOW_KINDS; an empty `host` is a UDP flow to many, from `local_port` (0: any)."""

    flow: int
    kind: str
    host: str
    port: int
    local_port: int
    dscp: int


@dataclass(frozen=True, slots=True)
class Bytes:
    """The next bytes of a TCP flow, to be sent on; `Session.passed_on` allows as many more."""

    flow: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Datagram:
    """One to be sent; `place` is None for a flow to one host."""

    flow: int
    place: Place | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Room:
    """The unit takes more bytes of that flow."""

    flow: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The unit ended the flow, or broke its rules: `reason` of FLOW_ENDS. Its number is free."""

    flow: int
    reason: str


Event = Attached | Lost | Wanted | Bytes | Datagram | Room | Closed
