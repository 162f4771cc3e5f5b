"""Between the broker and the use cases: batches in, answers out, acknowledged only after the commit.

- One client object a connection: acknowledgements of a lost connection are never sent on the next one.
- The session is persistent, so that the broker keeps what comes while no gateway runs.
- It tells the callouts that it listens, again and again, once every subscription is granted.
"""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy.exc import OperationalError

from fleet.domain.identity import gateway_subject
from fleet.mqtt.commands import Commands
from fleet.services.ingest import Delivery, Ingest
from fleet.services.unit_messages import Outgoing
from protocol.wire.messages import pack
from protocol.wire.topics import down_topic, up_filter

MAX_BATCH = 500
BATCH_WAIT_S = 0.05
BEAT_S = 0.5
KEEP_ALIVE_S = 30
RETRY_S = 0.2
SUBSCRIBE_TIMEOUT_S = 5.0
PUBLISH_TIMEOUT_S = 2.0  # well within the lease of a command
_REFUSED = 0x80

log = logging.getLogger(__name__)


class GatewayError(Exception):
    """The connection to the broker failed; the next one may not."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the broker is, and what the gateway shows it."""

    host: str
    port: int
    name: str
    authority: Path
    credentials: Path


class Connection:
    """One connection to the broker, subscribed to all units, until it breaks."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._received: SimpleQueue[mqtt.MQTTMessage | None] = SimpleQueue()
        self._subscribed: SimpleQueue[str] = SimpleQueue()
        self._last = mqtt.MQTTMessageInfo(0)
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=endpoint.name,
            clean_session=False,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        context = ssl.create_default_context(cafile=str(endpoint.authority))
        context.load_cert_chain(endpoint.credentials)
        self._client.tls_set_context(context)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = lambda _client, _data, message: self._received.put(message)
        self._client.on_disconnect = self._on_disconnect

    def open(self) -> None:
        """Connect and subscribe; GatewayError if the broker does not grant it all."""
        try:
            self._client.connect(self._endpoint.host, self._endpoint.port, KEEP_ALIVE_S)
        except OSError as error:
            raise GatewayError(f"no broker at {self._endpoint.host}:{self._endpoint.port}: {error}") from error
        self._client.loop_start()
        try:
            failure = self._subscribed.get(timeout=SUBSCRIBE_TIMEOUT_S)
        except Empty:
            failure = f"no answer in {SUBSCRIBE_TIMEOUT_S} s"
        if failure:
            raise GatewayError(f"the broker does not let the gateway listen: {failure}")

    def receive(self) -> list[mqtt.MQTTMessage]:
        """What has come, at most MAX_BATCH, waiting up to BATCH_WAIT_S; GatewayError once the connection is lost."""
        batch: list[mqtt.MQTTMessage] = []
        try:
            message = self._received.get(timeout=BATCH_WAIT_S)
            while message is not None:
                batch.append(message)
                if len(batch) == MAX_BATCH:
                    break
                message = self._received.get_nowait()
            else:
                raise GatewayError("the connection to the broker is lost")
        except Empty:
            pass
        return batch

    def acknowledge(self, messages: Sequence[mqtt.MQTTMessage]) -> None:
        """Tell the broker that `messages` of this connection are handled."""
        for message in messages:
            if message.qos:
                self._client.ack(message.mid, message.qos)

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        """Hand over for sending; what does not arrive is asked for again by the unit."""
        self._last = self._client.publish(topic, payload, qos)

    def flush(self) -> None:
        """Wait until the broker has what was published last, and so all before it; GatewayError if it does not."""
        try:
            self._last.wait_for_publish(PUBLISH_TIMEOUT_S)
            arrived = self._last.is_published()
        except (RuntimeError, ValueError) as error:
            raise GatewayError(f"the broker does not take what the gateway sends: {error}") from error
        if not arrived:
            raise GatewayError(f"the broker has not acknowledged a message in {PUBLISH_TIMEOUT_S} s")

    def close(self) -> None:
        """Say goodbye; the session stays with the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._subscribed.put(str(reason))
        else:
            client.subscribe(up_filter(), 1)

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = [reason for reason in reasons if reason.value >= _REFUSED]
        self._subscribed.put(f"subscription to {up_filter()} refused" if refused else "")

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._subscribed.put(str(reason))
        self._received.put(None)


class Gateway:
    """Runs connections one after the other until told to stop."""

    def __init__(
        self,
        endpoint: Endpoint,
        ingest: Ingest,
        commands: Commands,
        now: Callable[[], datetime],
    ) -> None:
        self._endpoint = endpoint
        self._ingest = ingest
        self._commands = commands
        self._now = now
        self._boot_id = int.from_bytes(os.urandom(4), "big")
        self._sequence = 0
        self._beat_topic = gateway_subject(endpoint.name).replace(".", "/")

    def run(self, stop: Event, ready: Callable[[], None]) -> None:
        """Serve until `stop`; call `ready` whenever units can be heard."""
        while not stop.is_set():
            connection = Connection(self._endpoint)
            try:
                connection.open()
                ready()
                self._serve(connection, stop)
            except GatewayError as error:
                log.warning("%s; trying again", error)
                stop.wait(RETRY_S)
            finally:
                connection.close()

    def _serve(self, connection: Connection, stop: Event) -> None:
        next_beat = 0.0
        while not stop.is_set():
            if time.monotonic() >= next_beat:
                connection.publish(self._beat_topic, b"", 0)
                next_beat = time.monotonic() + BEAT_S
            messages = connection.receive()
            if messages:
                self._handle(connection, messages)
            self._commands.deliver(partial(self._send, connection), connection.flush)

    def _handle(self, connection: Connection, messages: Sequence[mqtt.MQTTMessage]) -> None:
        deliveries = [Delivery(message.topic, bytes(message.payload), self._now()) for message in messages]
        try:
            answers = self._ingest.handle(deliveries)
        except OperationalError as error:
            raise GatewayError(f"the database fails, the broker keeps {len(messages)} messages: {error}") from error
        for answer in answers:
            self._send(connection, answer)
        connection.acknowledge(messages)

    def _send(self, connection: Connection, outgoing: Outgoing) -> None:
        self._sequence = self._sequence % 0xFFFFFFFF + 1
        payload = pack(outgoing.name, dict(outgoing.values), self._boot_id, self._sequence)
        connection.publish(down_topic(outgoing.serial), payload, 1)
