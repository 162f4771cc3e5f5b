"""What units say to a fleet service that runs, heard at its broker beside its gateways."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from fleet.pki.authority import GatewayAuthority, ServerAuthority
from protocol.wire.messages import Message, unpack
from protocol.wire.topics import parse_up_topic, up_filter

NAME = "listener"  # of no gateway the service waits for
START_LIMIT_S = 10.0


class NotHeardError(AssertionError):
    """What was waited for was not said in time; holds what was said instead."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of a unit, and when it came (monotonic, s)."""

    at_s: float
    serial: str
    message: Message


class Listener:
    """Listens from its making until `close`. `authorities`: the service's folder of them; it signs its own way in."""

    def __init__(self, authorities: Path, folder: Path, host: str, port: int) -> None:
        self._heard: list[Heard] = []
        self._changed = threading.Condition()
        pair = GatewayAuthority.load(authorities).issue(NAME, datetime.now(UTC))
        credentials = folder / f"{NAME}.pem"
        credentials.touch(mode=0o600)
        credentials.write_bytes(pair.key_pem + pair.certificate_pem)
        context = ssl.create_default_context(cafile=str(authorities / f"{ServerAuthority.name}.crt"))
        context.load_cert_chain(credentials)
        ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, NAME, clean_session=True)
        self._client.tls_set_context(context)
        self._client.on_connect = lambda *_: self._client.subscribe(up_filter(), 1)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = self._on_message
        self._client.connect(host, port)
        self._client.loop_start()
        if not ready.wait(START_LIMIT_S):
            raise NotHeardError(f"the broker does not let us listen in {START_LIMIT_S:g} s")

    def mark(self) -> int:
        """From where `since` is to tell."""
        return len(self._heard)

    def since(self, mark: int, serial: str) -> list[Heard]:
        """What that unit has said since."""
        return [each for each in self._heard[mark:] if each.serial == serial]

    def wait(self, what: str, holds: Callable[[Sequence[Heard]], Any], mark: int, serial: str, limit_s: float) -> Any:
        """The first true answer of `holds` to what that unit has said since `mark`."""
        found: Any = None

        def looks() -> bool:
            nonlocal found
            found = holds(self.since(mark, serial))
            return bool(found)

        with self._changed:
            if not self._changed.wait_for(looks, limit_s):
                said = [f"{each.message.name} {each.message.values}" for each in self.since(mark, serial)]
                raise NotHeardError(f"not heard in {limit_s:g} s: {what}; last: " + "\n".join(said[-12:]))
        return found

    def close(self) -> None:
        """Goes away."""
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _on_message(self, _client: paho.Client, _data: Any, incoming: paho.MQTTMessage) -> None:
        serial, _ = parse_up_topic(incoming.topic)
        with self._changed:
            self._heard.append(Heard(time.monotonic(), serial, unpack(incoming.payload)))
            self._changed.notify_all()
