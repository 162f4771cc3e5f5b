"""A simulated unit's session with the fleet: starts, registration, heartbeats, reports (firmware/adapter/uplink.py).

Reports wait, over sessions and starts, until the fleet acknowledges them, and are sent anew meanwhile. Nothing but
`register` is said before the fleet has accepted and configured the unit. Pure; instants are UTC seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fleet.rehearsal.behaviour import NEVER_S, Image
from fleet.rehearsal.order import Hours
from protocol.wire.enumerations import (
    BOOT_REASONS,
    COMMAND_RESULTS,
    LINE_STATES,
    REGISTER_RESULTS,
    UNIT_STATES,
    UPDATE_STATES,
)
from protocol.wire.messages import Message

ABI = 6
EPOCH = 1  # of the identity: a simulated unit has its first
RESEND_S = 20  # a report that is not acknowledged is sent again
ANSWER_S = 15  # a registration that is not answered is sent again
COMMANDS_REMEMBERED = 16
_READY = UNIT_STATES.index("ready")
_NOT_CONFIGURED = LINE_STATES.index("not_configured")  # a line without an account is settled at once
_DONE = COMMAND_RESULTS.index("done")


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a unit is made of."""

    serial: str
    mac: bytes
    board: str
    revision: int


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the fleet told the unit to be."""

    version: int
    heartbeat_s: int
    hours: Hours


@dataclass(slots=True)
class Session:
    """`online`: the fleet has accepted and configured the unit; `heartbeat_s` and the like: when it is due next."""

    hardware: Hardware
    boot_id: int = 0
    sequence: int = 0
    reason: str = "power_on"  # of the start
    started_s: int = 0
    online: bool = False
    configuration: Configuration | None = None
    ready_told: int = 0  # the version of the configuration that `service_ready` told of in this start
    heartbeat_s: int = NEVER_S
    resend_s: int = NEVER_S
    register_s: int = NEVER_S
    waiting: list[Message] = field(default_factory=list)
    commands: list[int] = field(default_factory=list)

    @property
    def next_s(self) -> int:
        """When `poll` has something to say."""
        return min(self.heartbeat_s, self.resend_s, self.register_s)

    def begin(self, now_s: int, reason: str, boot_id: int) -> None:
        """The unit starts; what waits goes on waiting."""
        self.close()
        self.reason, self.started_s, self.boot_id, self.sequence, self.ready_told = reason, now_s, boot_id, 0, 0
        self.commands.clear()

    def close(self) -> None:
        """There is no session any more, and none is sought."""
        self.online, self.heartbeat_s, self.resend_s, self.register_s = False, NEVER_S, NEVER_S, NEVER_S

    def register(self, now_s: int, image: Image, slot: int) -> list[Message]:
        """Seek a session."""
        self.close()
        self.register_s = now_s + ANSWER_S
        values = {
            "serial": self.hardware.serial,
            "mac": self.hardware.mac,
            "epoch": EPOCH,
            "board": self.hardware.board,
            "hardware_revision": self.hardware.revision,
            "version": image.version,
            "release_counter": image.release_counter,
            "image_sha256": bytes.fromhex(image.sha256),
            "slot": slot,
            "abi": ABI,
            "boot_reason": BOOT_REASONS.index(self.reason),
            "free_heap_bytes": 0,
            "clock_s": now_s,
        }
        return [self._message("register", values)]

    def registered(self, now_s: int, message: Message) -> list[Message]:
        """The fleet's answer; one that is refused asks again after the time it is told."""
        if REGISTER_RESULTS[message["result"]] != "accepted":
            self.close()
            self.register_s = now_s + max(ANSWER_S, message["retry_s"])
        elif self.configuration is not None and self.configuration.version == message["config_version"]:
            return self.configured(now_s, self.configuration)  # held already, from before the session was lost
        return []

    def configured(self, now_s: int, configuration: Configuration) -> list[Message]:
        """The unit is in service: it says so once a start, and all that waits."""
        fresh = not self.online
        self.configuration, self.online, self.register_s = configuration, True, NEVER_S
        self.heartbeat_s = now_s + configuration.heartbeat_s
        ready = self.ready_told != configuration.version
        if ready:
            self.ready_told = configuration.version
            told = {"config_version": configuration.version, "line_state": _NOT_CONFIGURED, "clock_s": now_s}
            self.keep("service_ready", told | {"configured_ms": 0, "tls_ms": 0})
        return self.flush(now_s) if fresh or ready else []

    def commanded(self, now_s: int, message: Message) -> list[Message]:
        """The result of a command; nothing if it was carried out already."""
        if message["command_id"] in self.commands or not self.online:
            return []
        self.commands.append(message["command_id"])
        del self.commands[:-COMMANDS_REMEMBERED]
        self.resend_s = min(self.resend_s, now_s + RESEND_S)
        return [self.keep("command_result", {"command_id": message["command_id"], "result": _DONE, "detail": ""})]

    def acknowledged(self, message: Message) -> None:
        """The fleet has that report."""
        key = message["boot_id"], message["sequence"]
        self.waiting = [each for each in self.waiting if (each.boot_id, each.sequence) != key]
        if not self.waiting:
            self.resend_s = NEVER_S

    def keep(self, name: str, values: Mapping[str, Any]) -> Message:
        """A report that waits from now on."""
        message = self._message(name, values)
        self.waiting.append(message)
        return message

    def flush(self, now_s: int) -> list[Message]:
        """All reports that wait; none without a session."""
        if not self.online:
            return []
        self.resend_s = now_s + RESEND_S if self.waiting else NEVER_S
        return list(self.waiting)

    def poll(self, now_s: int, image: Image, slot: int, update_state: str) -> list[Message]:
        """What is due at that time."""
        if now_s >= self.register_s:
            return self.register(now_s, image, slot)
        said = self.flush(now_s) if now_s >= self.resend_s else []
        if now_s >= self.heartbeat_s and self.configuration is not None:
            self.heartbeat_s = now_s + self.configuration.heartbeat_s
            said.append(self._heartbeat(now_s, image, slot, update_state))
        return said

    def _heartbeat(self, now_s: int, image: Image, slot: int, update_state: str) -> Message:
        values = {
            "uptime_s": max(0, now_s - self.started_s),
            "state": _READY,
            "line_state": _NOT_CONFIGURED,
            "update_state": UPDATE_STATES.index(update_state),
            "slot": slot,
            "release_counter": image.release_counter,
            "config_version": self.configuration.version if self.configuration is not None else 0,
            "free_heap_bytes": 0,
            "waiting_reports": min(len(self.waiting), 255),
            "clock_s": now_s,
        }
        return self._message("heartbeat", values)

    def _message(self, name: str, values: Mapping[str, Any]) -> Message:
        self.sequence += 1
        return Message(name, dict(values), self.boot_id, self.sequence)
