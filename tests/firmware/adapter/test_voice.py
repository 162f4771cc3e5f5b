"""Calls between two lines through an exchange, in virtual time: who may call, what is heard, what is recorded."""

import pytest

from adapter.sip import sdp
from adapter.voice import MEDIA_TIMEOUT_MS, Voice
from protocol.wire.enumerations import CALL_CODECS
from tests.firmware.adapter.media.sounds import source
from tests.firmware.adapter.office import EXCHANGE, RTP_PORT, Office, ends, loudness


def test_a_call_is_heard_both_ways_and_recorded_at_both_ends() -> None:
    office = Office().registered()
    office.call()
    office.a.says, office.b.says = 300, 500
    office.run(3000)
    assert loudness(office.a) > 7000
    assert loudness(office.b) > 7000
    office.hang_up(office.a)
    office.run(1000)
    assert (ends(office.a), ends(office.b)) == (["us"], ["peer"])
    out, in_ = office.a.records[0], office.b.records[0]
    assert (out["direction"], out["number"], out["status"]) == (0, "5550101", 200)
    assert (in_["direction"], in_["number"], in_["status"]) == (1, "5550100", 200)
    assert CALL_CODECS[out["codec"]] == "PCMU"
    assert 3000 <= out["duration_ms"] <= 4500
    assert out["setup_ms"] >= 100
    assert out["packets_received"] > 140
    assert out["packets_lost"] == 0
    assert out["mos_tenths"] == 44
    office.hang_up(office.b)
    assert [desk.states[-1] for desk in office.desks] == ["registered"] * 2


def test_a_caller_who_gives_up_cancels() -> None:
    office = Office().registered()
    office.lift(office.a)
    office.dial(office.a, "5550101")
    assert office.b.voice.line.ringing
    office.hang_up(office.a)
    assert not office.b.voice.line.ringing
    assert (ends(office.a), ends(office.b)) == (["cancelled"], ["cancelled"])
    assert office.b.records[0]["duration_ms"] == 0


def test_a_number_nobody_has_gives_the_special_information_tone() -> None:
    office = Office().registered()
    office.lift(office.a)
    office.dial(office.a, "5550199")
    assert office.a.voice.line.state == "refused"
    assert ends(office.a) == ["refused"]
    assert office.a.records[0]["status"] == 404


def test_a_line_in_use_is_busy_while_it_dials_and_knocks_while_it_talks() -> None:
    office = Office().registered()
    office.lift(office.b)
    office.lift(office.a)
    office.dial(office.a, "5550101")
    assert office.a.voice.line.state == "busy"
    assert ends(office.a) == ["busy"]


def test_a_lost_bye_ends_by_the_media_timeout_and_frees_the_line() -> None:
    office = Office().registered()
    office.call()
    office.deaf.add("BYE")
    office.hang_up(office.a)
    assert office.b.voice.media is not None
    office.run(MEDIA_TIMEOUT_MS + 1000)
    assert ends(office.b) == ["timeout"]
    assert office.b.voice.media is None
    assert office.b.voice.line.state == "reorder"
    office.hang_up(office.b)
    assert office.b.states[-1] == "registered"


def test_a_call_of_911_is_ended_by_no_silence() -> None:
    office = Office().registered()
    office.exchange.bindings["911"] = office.exchange.bindings["5550101"]
    office.lift(office.a)
    office.dial(office.a, "911")
    office.lift(office.b)
    office.run(200)
    office.deaf.add("BYE")
    office.rtp_lost = True
    office.run(MEDIA_TIMEOUT_MS + 5000)
    assert ends(office.b) == ["timeout"]
    assert office.a.voice.line.state == "talking"
    office.deaf.clear()
    office.hang_up(office.a)
    assert ends(office.a) == ["us"]


def test_a_call_outlives_a_shorter_silence_of_the_network() -> None:
    office = Office().registered()
    office.call()
    office.a.says = office.b.says = 400
    office.rtp_lost = True
    office.run(MEDIA_TIMEOUT_MS - 3000)
    office.rtp_lost = False
    office.run(2000)
    assert loudness(office.a) > 7000
    assert loudness(office.b) > 7000
    assert office.a.records == []


def test_a_call_outlives_its_registrations_renewal() -> None:
    office = Office(registration_s=60).registered()
    before = office.exchange.requests.count("REGISTER")
    office.call()
    office.a.says = office.b.says = 400
    office.run(60_000)
    assert office.exchange.requests.count("REGISTER") > before
    assert loudness(office.a) > 7000
    assert office.a.records == []


@pytest.mark.parametrize("level", ["emergency_only", "none"])
def test_without_a_full_line_only_emergency_numbers_go_out(level: str) -> None:
    office = Office(level)
    office.run(1500)
    office.lift(office.a)
    office.dial(office.a, "5550101")
    assert "INVITE" not in office.exchange.requests


def test_an_emergency_only_line_reaches_911_and_is_not_called() -> None:
    office = Office("emergency_only")
    office.run(1500)
    assert office.a.states[-1] == "emergency_only"
    office.exchange.bindings["911"] = office.exchange.bindings["5550101"]
    office.lift(office.a)
    office.dial(office.a, "911")
    assert office.exchange.requests.count("INVITE") >= 1
    assert office.b.voice.line.state == "idle"
    assert ends(office.a) == ["no_answer"]
    assert office.a.records[0]["emergency"] == 1
    assert office.a.records[0]["status"] == 480


def test_911_goes_out_at_once_and_unregistered() -> None:
    office = Office().registered()
    office.exchange.bindings["911"] = office.exchange.bindings["5550101"]
    office.exchange.refusing = 503
    office.a.voice.agent.register(office.now_ms)
    office.run(2000)
    office.exchange.refusing = 0
    office.lift(office.a)
    office.a.press("911")
    office.run(1000)
    assert office.b.voice.line.state == "ringing"
    office.lift(office.b)
    office.run(500)
    office.hang_up(office.a)
    assert (office.a.records[0]["emergency"], office.a.records[0]["number"]) == (1, "911")


def test_an_outgoing_line_calls_and_is_not_called() -> None:
    office = Office("outgoing_only").registered()
    office.lift(office.a)
    office.dial(office.a, "5550101")
    assert "INVITE" in office.exchange.requests
    assert office.b.voice.line.state == "idle"
    assert office.a.records[0]["status"] == 480


@pytest.mark.parametrize(
    "changes",
    [
        (b"IN IP4 192.0.2.20", b"IN IP4 voice.example"), (b"IN IP4 192.0.2.20", b"IN IP6 2001:db8::1"),
        (b"IN IP4 192.0.2.20", b"IN IP4 0.0.0.0"), (b"m=audio 4000", b"m=audio 0"), (b"m=audio", b"m=video"),
        (b"sendrecv", b"inactive"), (b" 0 8 ", b" 18 96 "),
    ],
)  # fmt: skip
def test_an_offer_without_a_place_to_send_to_leaves_the_call_up_and_silent(changes: tuple[bytes, bytes]) -> None:
    office = Office().registered()
    office.call()
    leg = office.b.voice.agent.calls[0]
    offered = sdp.offer(office.b.host, RTP_PORT, 1, 9, ["PCMU", "PCMA"], 20, "sendrecv")
    assert changes[0] in offered
    office.b.voice.agent.hold(leg, offered.replace(*changes))
    office.b.voice.due_ms = 0
    office.run(3000)
    assert office.a.voice.line.state == "talking"
    office.b.voice.agent.hold(leg, offered)
    office.b.voice.due_ms = 0
    office.run(500)
    office.b.says = 400
    office.run(2000)
    assert loudness(office.a) > 7000


def test_keys_in_a_call_are_telephone_events_that_end_three_times() -> None:
    office = Office().registered()
    office.call()
    office.packets.clear()
    office.a.press("7#")
    office.run(1500)
    events = [packet for host, packet in office.packets if host == office.a.host and packet[1] & 127 == 101]
    assert {packet[12] for packet in events} == {7, 11}
    for code in (7, 11):
        assert sum(packet[12] == code and packet[13] >> 7 for packet in events) == 3


@pytest.mark.parametrize("ptime_ms", [10, 20, 30])
def test_packets_of_each_length_are_heard(ptime_ms: int) -> None:
    office = Office(ptime_ms=ptime_ms).registered()
    office.call()
    office.a.says = office.b.says = 400
    office.packets.clear()
    office.run(3000)
    assert {len(packet) for _, packet in office.packets} == {12 + 8 * ptime_ms}
    assert abs(len(office.packets) - 2 * 3000 // ptime_ms) <= 4
    assert loudness(office.a) > 7000
    assert loudness(office.b) > 7000


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_line_with_one_law_only_is_understood_by_one_with_both(codec: str) -> None:
    office = Office()
    office.b.voice = Voice(
        office.b.row | {"codecs": codec}, "full", (office.b.host, 5060), RTP_PORT, source(9), office.now_ms
    )
    office.b.voice.start([(*EXCHANGE, "udp")], office.now_ms)
    office.registered().call()
    office.a.says = office.b.says = 400
    office.run(2000)
    assert loudness(office.a) > 7000
    assert loudness(office.b) > 7000
    office.hang_up(office.a)
    assert {CALL_CODECS[desk.records[0]["codec"]] for desk in office.desks} == {codec}


def test_a_pulled_cable_takes_the_dial_tone_and_a_plugged_one_brings_it_back() -> None:
    office = Office().registered()
    office.cable(office.a, False)
    office.lift(office.a)
    assert office.a.voice.line.state == "no_service"
    office.cable(office.a, True)
    office.run(1000)
    assert office.a.voice.line.state == "dial_tone"
    assert office.a.states[-1] == "registered"


def test_a_call_outlives_a_cable_out_for_some_seconds() -> None:
    office = Office().registered()
    office.call()
    office.a.says = office.b.says = 400
    office.cable(office.a, False)
    office.run(5000)
    office.cable(office.a, True)
    office.run(3000)
    assert loudness(office.a) > 7000
    assert loudness(office.b) > 7000
    assert office.a.records == office.b.records == []


def test_a_call_follows_a_host_to_another_address() -> None:
    office = Office().registered()
    office.call()
    office.a.says = office.b.says = 400
    office.move(office.a, "192.0.2.11")
    office.run(2000)
    assert office.b.voice.media.remote == ("192.0.2.11", RTP_PORT)
    assert loudness(office.a) > 7000
    assert loudness(office.b) > 7000
    office.hang_up(office.b)
    assert ends(office.a) == ["peer"]
    assert office.exchange.bindings["5550100"][1] == ("192.0.2.11", 5060)


def test_a_router_that_renames_the_peer_is_followed() -> None:
    office = Office().registered()
    office.renamed[("192.0.2.10", RTP_PORT)] = ("192.0.2.10", 40_001)
    office.call()
    office.a.says = office.b.says = 400
    office.run(2000)
    assert office.b.voice.media.remote == ("192.0.2.10", 40_001)
    assert loudness(office.b) > 7000
    assert loudness(office.a) > 7000


@pytest.mark.parametrize("security", [1, 2])
def test_srtp_is_agreed_and_recorded(security: int) -> None:
    office = Office(media_security=security).registered()
    office.call()
    office.a.says = office.b.says = 400
    office.run(2000)
    assert loudness(office.a) > 7000
    assert loudness(office.b) > 7000
    office.hang_up(office.a)
    assert office.a.records[0]["secured"] == office.b.records[0]["secured"] == 1
