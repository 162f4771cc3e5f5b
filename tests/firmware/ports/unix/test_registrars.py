"""From a registrar's name to addresses, in RFC 3263's order, with name servers that fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from adapter.errors import AdapterError
from ports.unix.registrars import locate
from tests.firmware.name_server import NAPTR, SRV, A, NameServer, address, pointer, service

SERVER, SPARE = {"host": "192.0.2.53", "port": 53}, {"host": "192.0.2.54", "port": 53}
RECORDS = {
    ("voice.test", NAPTR): [
        pointer(20, 1, "SIP+D2U", "_sip._udp.voice.test"),
        pointer(10, 1, "SIPS+D2T", "_sips._tcp.voice.test"),
    ],
    ("_sip._udp.voice.test", SRV): [service(2, 0, 5070, "two.voice.test"), service(1, 0, 5060, "one.voice.test")],
    ("_sips._tcp.voice.test", SRV): [service(1, 0, 5061, "one.voice.test")],
    ("_sip._udp.plain.test", SRV): [service(1, 0, 5080, "one.voice.test")],
    ("one.voice.test", A): [address("192.0.2.1"), address("192.0.2.2")],
    ("two.voice.test", A): [address("192.0.2.3")],
}


class Net:
    """Stands in for the port's: the name servers that are there, by address."""

    def __init__(self, *servers: str) -> None:
        self.names = NameServer(dict(RECORDS))
        self._servers = servers

    async def udp_exchange(
        self, host: str, port: int, data: bytes, accept: Callable[[bytes, int], Any], limit_ms: int
    ) -> Any:
        if host not in self._servers:
            raise AdapterError("no route to host")
        assert accept(b"rubbish", 1) is None
        other = bytes(2) if data[:2] != bytes(2) else b"\1\1"
        assert accept(other + self.names.answer(data)[2:], 1) is None  # somebody guesses
        return accept(self.names.answer(data), 2)


def found(host: str, port: int = 0, transport: int = 0, net: Net | None = None) -> list[tuple[str, int, str]]:
    row = {"host": host, "port": port, "transport": transport}
    result: list[tuple[str, int, str]] = asyncio.run(
        locate(net or Net(SERVER["host"]), row, [SERVER, SPARE], lambda count: bytes(range(1, count + 1)))
    )
    return result


def test_an_address_is_asked_nobody_about() -> None:
    net = Net()
    assert found("192.0.2.9", 5070, net=net) == [("192.0.2.9", 5070, "udp")]
    assert found("192.0.2.9", net=net) == [("192.0.2.9", 5060, "udp")]
    assert found("192.0.2.9", transport=2, net=net) == [("192.0.2.9", 5061, "tls")]
    assert net.names.asked == []


def test_naptr_leads_to_srv_leads_to_addresses_in_their_order() -> None:
    assert found("voice.test") == [("192.0.2.1", 5060, "udp"), ("192.0.2.2", 5060, "udp"), ("192.0.2.3", 5070, "udp")]


def test_the_accounts_transport_is_kept_whatever_naptr_prefers() -> None:
    assert found("voice.test", transport=2)[0] == ("192.0.2.1", 5061, "tls")


def test_a_domain_without_naptr_has_srv() -> None:
    assert found("plain.test") == [("192.0.2.1", 5080, "udp"), ("192.0.2.2", 5080, "udp")]


def test_a_name_without_srv_has_addresses_at_the_usual_port() -> None:
    assert found("two.voice.test") == [("192.0.2.3", 5060, "udp")]


def test_a_name_with_a_port_has_addresses_only() -> None:
    net = Net(SERVER["host"])
    assert found("one.voice.test", 5090, net=net) == [("192.0.2.1", 5090, "udp"), ("192.0.2.2", 5090, "udp")]
    assert set(net.names.asked) == {("one.voice.test", A)}


def test_the_second_name_server_is_asked_where_the_first_is_away() -> None:
    assert found("two.voice.test", 5060, net=Net(SPARE["host"])) == [("192.0.2.3", 5060, "udp")]


def test_no_name_server_and_no_such_name_are_errors_that_name_it() -> None:
    with pytest.raises(AdapterError, match=r"no name server answers for voice\.test"):
        found("voice.test", net=Net())
    with pytest.raises(AdapterError, match=r"no address for registrar nowhere\.test"):
        found("nowhere.test")
