"""Throws a revoked unit's live connection out; keeping it out is the callout's part."""

from __future__ import annotations

import json
from datetime import datetime

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError

from fleet.mqtt.broker import FLEET_ACCOUNT, Broker

CONNECT_TIMEOUT_S = 2
ANSWER_TIMEOUT_S = 0.5  # how long all servers of the broker have to answer
MAX_SERVERS = 16
_FIND = "$SYS.REQ.SERVER.PING.CONNZ"
_KICK = "$SYS.REQ.SERVER.{server}.KICK"


class RevokerError(Exception):
    """The broker could not be asked; try again."""


class Revoker:
    """Speaks to the broker's system account; a connection a use, because revocations are rare."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def kick(self, serial: str, begun_by: datetime) -> int:
        """Close each connection of client `serial` begun until then, on every server; how many there were."""
        seed = self._broker.files.seed("system").read_text()
        try:
            connection = await nats.connect(
                self._broker.url,
                nkeys_seed_str=seed,
                name="plugtone revoker",
                connect_timeout=CONNECT_TIMEOUT_S,
                allow_reconnect=False,
            )
            try:
                return await _kick(connection, serial, begun_by)
            finally:
                await connection.close()
        except (NatsError, OSError) as error:
            raise RevokerError(f"cannot throw out {serial}, the broker does not answer: {error}") from error


async def _kick(connection: Client, serial: str, begun_by: datetime) -> int:
    inbox = connection.new_inbox()
    answers = await connection.subscribe(inbox, max_msgs=MAX_SERVERS)
    await connection.publish(_FIND, json.dumps({"mqtt_client": serial, "acc": FLEET_ACCOUNT}).encode(), reply=inbox)
    kicked = 0
    while True:
        try:
            answer = await answers.next_msg(timeout=ANSWER_TIMEOUT_S)
        except NatsTimeoutError:
            return kicked
        kicked += await _kick_found(connection, answer, begun_by)


async def _kick_found(connection: Client, answer: Msg, begun_by: datetime) -> int:
    found = json.loads(answer.data)
    subject = _KICK.format(server=found["server"]["id"])
    every = found["data"].get("connections") or []
    connections = [each for each in every if _begun(each["start"]) <= begun_by]
    for each in connections:
        # The server kicks only who asks for an answer.
        await connection.request(subject, json.dumps({"cid": each["cid"]}).encode(), timeout=ANSWER_TIMEOUT_S)
    return len(connections)


def _begun(text: str) -> datetime:
    """The whole second of the broker's time stamp, which has nine more digits."""
    return datetime.fromisoformat(text[:19] + "+00:00")
