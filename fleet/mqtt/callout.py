"""Answers the broker's question whether a client may come in; silence or a fault means no.

Two of these run side by side in one queue group: either answers, both know whether the gateways listen.
What a callout knows of the gateways it forgets with its connection to the broker, because a restarted broker
must first be listened to again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy.exc import SQLAlchemyError

from fleet.domain.identity import GATEWAYS_READY, Permissions, Refusal, gateway_subject
from fleet.mqtt.broker import FLEET_ACCOUNT, REQUESTS, Broker
from fleet.mqtt.tokens import ConnectionRequest, TokenError, allow, read_request, refuse
from fleet.services.admission import Admission

QUEUE = "callout"
RECONNECT_WAIT_S = 0.1
CONNECT_TIMEOUT_S = 2
_FOR_EVER = -1

log = logging.getLogger(__name__)


class Callout:
    """One authorisation service on the broker's AUTH account."""

    def __init__(self, broker: Broker, admission: Admission, gateways: Collection[str]) -> None:
        self._broker = broker
        self._admission = admission
        self._issuer = broker.files.key("issuer")
        self._awaited = frozenset(gateway_subject(name) for name in gateways)
        self._listening: set[str] = set()

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Serve until `stop`; call `ready` once requests reach us."""
        connection = await self._connect()
        await connection.subscribe(REQUESTS, queue=QUEUE, cb=self._answer)
        await connection.subscribe(GATEWAYS_READY, cb=self._hear_gateway)
        await connection.flush()
        ready()
        await stop.wait()
        await connection.close()

    async def _connect(self) -> Client:
        seed = self._broker.files.seed("callout").read_text()
        return await nats.connect(
            self._broker.url,
            nkeys_seed_str=seed,
            name="plugtone callout",
            connect_timeout=CONNECT_TIMEOUT_S,
            reconnect_time_wait=RECONNECT_WAIT_S,
            max_reconnect_attempts=_FOR_EVER,
            disconnected_cb=self._forget_gateways,
            error_cb=_log_error,
        )

    async def _forget_gateways(self) -> None:
        self._listening.clear()

    async def _hear_gateway(self, message: Msg) -> None:
        self._listening.add(message.subject)

    async def _answer(self, message: Msg) -> None:
        try:
            request = read_request(message.data)
        except TokenError as error:
            log.warning("no answer to a request: %s", error)
            return
        verdict = self._decide(request)
        now_s = int(time.time())
        if isinstance(verdict, Permissions):
            answer = allow(self._issuer, request, verdict, FLEET_ACCOUNT, now_s)
        else:
            log.info("refused %r from %s: %s", request.client_id, request.host, verdict)
            answer = refuse(self._issuer, request, verdict, now_s)
        await message.respond(answer)

    def _decide(self, request: ConnectionRequest) -> Permissions | Refusal:
        listened = self._awaited <= self._listening
        try:
            return self._admission.decide(request.certificate_pem, request.client_id, listened, request.host)
        except SQLAlchemyError as error:
            log.error("refused %r: the records cannot be read: %s", request.client_id, error)
            return Refusal.UNAVAILABLE


async def _log_error(error: Exception) -> None:
    log.warning("the broker's connection: %s", error)
