"""The real broker lets in whom the fleet knows, to their own topics, and nobody else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from fleet.domain.identity import Permissions, Refusal, Standing, gateway_subject
from fleet.mqtt.revoker import Revoker
from fleet.pki.authority import DeviceAuthority
from fleet.services.admission import Admission
from fleet.services.certificates import GATEWAYS
from protocol.wire.serial_number import make_serial
from protocol.wire.topics import down_topic, up_filter, up_topic
from tests.fleet.mqtt.conftest import Client, Door, callout_running, until

REFUSED = 128


def listen(door: Door) -> Client:
    """A gateway that listens and says so."""
    gateway = door.client(GATEWAYS[0], door.state.credentials.gateway(GATEWAYS[0]), clean=False)
    assert gateway.connect() == "Success"
    assert gateway.subscribe(up_filter()) == 1
    gateway.client.publish(gateway_subject(GATEWAYS[0]).replace(".", "/"), b"", 1)
    gateway.next("puback")
    return gateway


@pytest.fixture
def open_door(door: Door) -> Iterator[Door]:
    with callout_running(door):
        yield door


@pytest.fixture
def gateway(open_door: Door) -> Client:
    return listen(open_door)


def test_a_unit_speaks_on_its_own_topics_alone(open_door: Door, gateway: Client) -> None:
    serial, credentials = open_door.unit(1)
    unit = open_door.client(serial, credentials)
    assert unit.connect() == "Success"
    assert unit.subscribe(down_topic(serial)) == 1
    for topic in ("#", up_filter(), down_topic(make_serial(2)), "$MQTT/sub/#", "$SYS/#", "pt/1/gateway/+/ready"):
        assert unit.subscribe(topic) == REFUSED, topic

    unit.client.publish(up_topic(make_serial(2), "register"), b"forged", 1)
    unit.client.publish(down_topic(serial), b"forged", 1)
    unit.client.publish(up_topic(serial, "register"), b"own", 1)
    gateway.client.publish(down_topic(serial), b"answer", 1)
    heard, answered = gateway.next("message"), unit.next("message")
    assert (heard.topic, heard.payload) == (up_topic(serial, "register"), b"own")
    assert (answered.topic, answered.payload) == (down_topic(serial), b"answer")


def test_the_door_keeps_where_a_unit_comes_from_and_nothing_of_who_is_refused(open_door: Door, gateway: Client) -> None:
    (serial, credentials), (other, others) = open_door.unit(1), open_door.unit(2)
    open_door.stand(other, Standing.REVOKED)
    assert open_door.client(other, others).connect() == "Not authorized"
    assert open_door.client(serial, credentials).connect() == "Success"
    assert open_door.seen == [(serial, "127.0.0.1")]


@pytest.mark.parametrize(
    ("standing", "said"), [(Standing.REVOKED, "Not authorized"), (Standing.DEAD, "Not authorized")]
)
def test_a_unit_that_lost_its_standing_stays_out(
    open_door: Door, gateway: Client, standing: Standing, said: str
) -> None:
    serial, credentials = open_door.unit(1)
    open_door.stand(serial, standing)
    assert open_door.client(serial, credentials).connect() == said


def test_an_unknown_certificate_of_our_own_authority_stays_out(open_door: Door, gateway: Client) -> None:
    serial, credentials = open_door.unit(1)
    open_door.records.clear()
    assert open_door.client(serial, credentials).connect() == "Not authorized"


def test_a_client_id_other_than_the_certificates_stays_out(open_door: Door, gateway: Client) -> None:
    _, credentials = open_door.unit(1)
    other, _ = open_door.unit(2)
    assert open_door.client(other, credentials).connect() == "Not authorized"
    assert open_door.client(GATEWAYS[0], credentials).connect() == "Not authorized"
    assert gateway.subscribe(up_filter()) == 1, "the real gateway was thrown out"


def test_no_certificate_or_a_foreign_one_ends_in_the_handshake(open_door: Door, gateway: Client, tmp_path) -> None:
    foreign = DeviceAuthority.create(tmp_path / "foreign", datetime.now(UTC))
    serial, credentials = open_door.unit(1, foreign)
    for shown in (credentials, None):
        with pytest.raises((OSError, AssertionError)):
            assert open_door.client(serial, shown).connect() in ("Success", "Not authorized")


def test_units_wait_until_the_gateway_listens_and_after_a_broker_restart_again(open_door: Door) -> None:
    serial, credentials = open_door.unit(1)
    assert open_door.client(serial, credentials).connect() == "Not authorized"
    listen(open_door)
    assert open_door.client(serial, credentials).connect() == "Success"

    open_door.kill_broker()
    open_door.start_broker()
    time.sleep(0.3)  # the callout comes back by itself
    assert open_door.client(serial, credentials).connect() == "Not authorized"
    listen(open_door)
    assert open_door.client(serial, credentials).connect() == "Success"


def test_nobody_comes_in_without_a_callout(door: Door) -> None:
    serial, credentials = door.unit(1)
    began = time.monotonic()
    assert door.client(serial, credentials).connect() != "Success"
    assert door.client(GATEWAYS[0], door.state.credentials.gateway(GATEWAYS[0])).connect() != "Success"
    assert time.monotonic() - began < 6


def test_records_that_cannot_be_read_let_nobody_in(door: Door) -> None:
    class Unreadable(Admission):
        def decide(
            self, certificate_pem: str, client_id: str, gateways_listen: bool, address: str
        ) -> Permissions | Refusal:
            if client_id.startswith("PT"):
                raise OperationalError("SELECT", {}, Exception("disk I/O error"))
            return super().decide(certificate_pem, client_id, gateways_listen, address)

    unreadable = Unreadable(door.admission()._reader, door, door.saw)
    with callout_running(door, unreadable):
        listen(door)
        serial, credentials = door.unit(1)
        began = time.monotonic()
        assert door.client(serial, credentials).connect() == "Not authorized"
        assert time.monotonic() - began < 1.5, "the callout kept silent"


def test_one_of_two_callouts_is_enough(open_door: Door, gateway: Client) -> None:
    serial, credentials = open_door.unit(1)
    with callout_running(open_door):
        pass
    assert open_door.client(serial, credentials).connect() == "Success"


def test_a_live_unit_is_thrown_out_and_stays_out(open_door: Door, gateway: Client) -> None:
    serial, credentials = open_door.unit(1)
    other, others = open_door.unit(2)
    unit, bystander = open_door.client(serial, credentials), open_door.client(other, others)
    assert unit.connect() == bystander.connect() == "Success"

    open_door.stand(serial, Standing.REVOKED)
    before = datetime.now(UTC) - timedelta(minutes=1)
    assert asyncio.run(Revoker(open_door.broker).kick(serial, before)) == 0, "it came in later than that"
    began = time.monotonic()
    assert asyncio.run(Revoker(open_door.broker).kick(serial, datetime.now(UTC))) == 1
    unit.next("disconnect")
    assert time.monotonic() - began < 1.0
    assert open_door.client(serial, credentials).connect() == "Not authorized"
    assert bystander.events.empty()
    assert asyncio.run(Revoker(open_door.broker).kick(serial, datetime.now(UTC))) == 0


def test_the_brokers_own_port_needs_a_key_of_ours(open_door: Door) -> None:
    import nats

    async def intrude() -> None:
        await nats.connect(open_door.broker.url, allow_reconnect=False, connect_timeout=3)

    with pytest.raises(nats.errors.Error):
        asyncio.run(intrude())
    until(open_door.broker.is_ready, "the broker lives on")
