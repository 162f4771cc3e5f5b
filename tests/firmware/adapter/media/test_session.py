"""Whose packets a call believes, where it sends its own, and its end."""

import struct

import pytest

from adapter.media.session import MediaSession
from tests.firmware.adapter.media.sounds import rtp, source

PEER = ("198.51.100.7", 4000)
RENAMED = ("198.51.100.7", 40_001)
STRANGER = ("203.0.113.9", 4000)


def session(host: str = PEER[0]) -> MediaSession:
    made = MediaSession("PCMU", source(1), 0)
    made.describe(host, PEER[1], PEER[1] + 1)
    made.reopen = False
    return made


def send(to: MediaSession, origin: tuple[str, int], first: int, count: int, ssrc: int = 0x11223344) -> None:
    for number in range(first, first + count):
        packet = bytearray(rtp(number, 160 * number, bytes(160), ssrc=ssrc))
        to.packet(packet, len(packet), origin, 20 * number)


def test_the_named_source_is_believed_from_its_first_packet() -> None:
    made = session()
    send(made, PEER, 0, 1)
    assert (made.latched, made.remote, made.stream.reception.received) == (True, PEER, 1)


def test_the_same_host_at_another_port_is_believed_after_three_packets() -> None:
    made = session()
    send(made, RENAMED, 0, 2)
    assert (made.latched, made.remote) == (False, PEER)
    send(made, RENAMED, 2, 2)
    assert (made.latched, made.remote, made.stream.reception.received) == (True, RENAMED, 2)


def test_another_host_is_never_believed_where_the_named_one_can_be_reached() -> None:
    made = session()
    send(made, STRANGER, 0, 50)
    assert (made.latched, made.remote, made.stream.reception.received) == (False, PEER, 0)
    send(made, PEER, 0, 1)
    assert made.remote == PEER


@pytest.mark.parametrize(
    "host", ["10.1.2.3", "172.16.0.1", "172.31.0.1", "192.168.1.5", "100.64.0.1", "169.254.0.1", "127.0.0.1", "0.0.0.0"]
)
def test_a_peer_that_names_an_address_behind_its_router_is_heard_from_the_router(host: str) -> None:
    made = session(host)
    send(made, STRANGER, 0, 3)
    assert (made.latched, made.remote) == (True, STRANGER)


@pytest.mark.parametrize("host", ["172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "192.167.0.1", "8.8.8.8"])
def test_the_neighbours_of_private_networks_are_worldwide(host: str) -> None:
    made = session(host)
    send(made, STRANGER, 0, 5)
    assert not made.latched


@pytest.mark.parametrize(
    ("host", "port"),
    [("", 4000), ("voice.example", 4000), ("1.2.3", 4000), ("1.2.3.4.5", 4000), ("1.2.3.256", 4000), ("1.2.3.4", 0)],
)
def test_what_is_no_address_is_refused_and_changes_nothing(host: str, port: int) -> None:
    made = session()
    assert not made.describe(host, port, port + 1)
    assert made.remote == PEER
    fresh = MediaSession("PCMU", source(1), 0)
    assert not fresh.describe(host, port, port + 1)
    send(fresh, STRANGER, 0, 5)
    fresh.control(bytearray(8), 8, STRANGER, 0)
    fresh.poll(10_000)
    assert (fresh.latched, fresh.remote, fresh.reports) == (False, None, [])
    assert fresh.close(10_000)["packets_received"] == 0


def test_packets_of_two_sources_by_turns_are_nobodys() -> None:
    made = session("10.1.2.3")
    for number in range(20):
        send(made, STRANGER, number, 1, ssrc=number & 1)
    assert not made.latched


def test_rubbish_is_no_source() -> None:
    made = session()
    for rubbish in (b"", b"\x80" * 11, b"\x00" * 20, bytes(200)):
        made.packet(bytearray(rubbish), len(rubbish), PEER, 0)
    assert not made.latched


def test_once_it_is_known_nobody_else_is_heard_until_it_falls_silent() -> None:
    made = session()
    send(made, RENAMED, 0, 5)
    received = made.stream.reception.received
    send(made, PEER, 5, 5, ssrc=1)
    assert (made.remote, made.stream.reception.received) == (RENAMED, received)
    assert not made.reopen
    made.poll(3000)
    assert (made.latched, made.reopen) == (False, True)
    send(made, PEER, 200, 1)
    assert (made.latched, made.remote) == (True, PEER)


def test_the_source_of_before_is_believed_at_once_after_a_silence() -> None:
    made = session()
    send(made, RENAMED, 0, 5)
    made.poll(3000)
    send(made, RENAMED, 150, 1)
    assert (made.latched, made.remote) == (True, RENAMED)


def test_another_address_in_the_description_opens_the_sockets_anew() -> None:
    made = session()
    send(made, PEER, 0, 2)
    made.describe(PEER[0], PEER[1], PEER[1] + 1)
    assert (made.latched, made.reopen) == (True, False)
    made.describe(*STRANGER, 4001)
    assert (made.latched, made.reopen, made.remote) == (False, True, STRANGER)


def test_reports_go_to_the_hosts_rtcp_port_and_tell_that_it_lives() -> None:
    made = session()
    send(made, PEER, 0, 5)
    for now_ms in range(100, 10_000, 20):
        made.poll(now_ms)
    destinations = {destination for _, destination in made.reports}
    assert destinations == {(PEER[0], 4001)}
    report = bytearray(struct.pack(">BBHI", 0x80, 201, 1, 0x11223344))
    made.control(report, len(report), (STRANGER[0], 4001), 9000)
    assert made.heard_ms == 80
    made.control(report, len(report), (PEER[0], 4001), 9000)
    assert made.heard_ms == 9000


def test_while_nothing_is_to_be_heard_silence_is_no_sign_of_death() -> None:
    made = session()
    made.stream.direction = "sendonly"
    made.poll(60_000)
    assert made.heard_ms == 60_000


def test_the_end_says_goodbye_and_gives_the_figures() -> None:
    made = session()
    send(made, PEER, 0, 5)
    made.send(bytearray(320), 100)
    found = made.close(200)
    assert found["packets_received"] == 5
    assert made.reports[-1][0][-8:-6] == b"\x81\xcb"  # RTCP BYE of one source
