"""Calls between two lines through an exchange, in virtual time: who may call, what is heard, what is recorded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.voice import MEDIA_TIMEOUT_MS
from protocol.wire.enumerations import CALL_CODECS, CALL_ENDS
from tests.firmware.adapter.media.sounds import samples
from tests.firmware.adapter.office import RTP_PORT, Desk, Office


def loudness(desk: Desk) -> int:
    return max(map(abs, samples(desk.heard)))


def ends(desk: Desk) -> list[str]:
    return [CALL_ENDS[record["ended_by"]] for record in desk.records]


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


def test_a_flash_holds_a_call_and_another_resumes_it() -> None:
    office = Office().registered()
    office.call()
    office.a.says = office.b.says = 400
    office.flash(office.a)
    office.run(1000)
    assert office.a.voice.line.state == "dial_tone"
    assert office.a.voice.media is None
    assert office.b.voice.media.stream.direction == "recvonly"
    office.flash(office.a)
    office.run(2000)
    assert office.a.voice.line.state == "talking"
    assert office.b.voice.media.stream.direction == "sendrecv"
    assert loudness(office.a) > 7000
    assert loudness(office.b) > 7000
    office.hang_up(office.b)
    assert ends(office.a) == ["peer"]
    assert office.a.records[0]["packets_lost"] == 0


def test_a_second_caller_knocks_is_answered_by_a_flash_and_the_first_waits() -> None:
    office = Office(lines=3).registered()
    office.call()
    office.a.says, office.c.says = 400, 900
    office.lift(office.c)
    office.dial(office.c, "5550101")
    assert office.b.voice.line.other == "knocks"
    assert office.c.voice.line.state == "ringback"
    office.flash(office.b)
    office.run(2000)
    assert office.c.voice.line.state == "talking"
    assert office.a.voice.media.stream.direction == "recvonly"
    assert office.b.voice.media.remote == (office.c.host, RTP_PORT)
    assert loudness(office.b) > 7000
    office.hang_up(office.c)
    office.flash(office.b)
    office.run(1000)
    assert office.b.voice.media.remote == (office.a.host, RTP_PORT)
    office.hang_up(office.b)
    assert ends(office.b) == ["peer", "us"]
    assert ends(office.a) == ["peer"]


def test_a_held_call_rings_back_when_the_handset_is_put_down() -> None:
    office = Office().registered()
    office.call()
    office.a.says = 400
    office.flash(office.b)
    office.hang_up(office.b)
    assert office.b.voice.line.state == "ringing"
    assert office.b.states[-1] == "in_call"
    office.lift(office.b)
    office.run(1000)
    assert loudness(office.b) > 7000
    office.hang_up(office.a)
    assert ends(office.b) == ["peer"]


def test_a_third_caller_is_told_busy() -> None:
    office = Office(lines=3).registered()
    office.call()
    office.flash(office.a)
    office.lift(office.c)
    office.dial(office.c, "5550100")
    assert ends(office.c) == ["busy"]
    assert office.a.voice.line.other == "held"


def test_911_from_the_second_dial_tone_leaves_the_first_call_held() -> None:
    office = Office(lines=3).registered()
    office.exchange.bindings["911"] = office.exchange.bindings["5550102"]
    office.call()
    office.flash(office.a)
    office.a.press("911")
    office.run(1000)
    assert office.c.voice.line.state == "ringing"
    office.lift(office.c)
    assert office.a.voice.line.state == "talking"
    assert office.a.voice.line.emergency


_ACTS = (
    "lift", "lift", "lift", "lift", "hang_up", "flash", "flash", "dial a", "dial b", "dial c", "dial a", "dial b",
    "dial c", "dial 911", "cable", "lost", "refuse",
)  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(_ACTS), st.integers(0, 4000)), max_size=25))
def test_whatever_people_do_every_call_ends_with_one_record_and_the_lines_serve_on(
    acts: list[tuple[int, str, int]],
) -> None:
    office = Office(lines=3).registered()
    for at, act, wait_ms in acts:
        desk = office.desks[at]
        if act == "flash" and desk.voice.line.off_hook:
            office.flash(desk)
        elif act in ("lift", "hang_up"):
            desk.voice.telephone(("hook", act == "lift"), office.now_ms)
        elif act[:4] == "dial":
            desk.press({"a": "5550100", "b": "5550101", "c": "5550102", "911": "911"}[act[5:]])
        elif act == "cable":
            office.cable(desk, not desk.linked)
        elif act == "lost":
            office.deaf ^= {"BYE"}
        elif act == "refuse":
            office.exchange.refusing ^= 503
        office.run(wait_ms)
    office.deaf.clear()
    office.exchange.refusing = 0
    for desk in office.desks:
        desk.voice.telephone(("hook", False), office.now_ms)
        if not desk.linked:
            office.cable(desk, True)
    office.run(240_000)  # the longest ring, the media timeout, the back-off after a refused registration
    for desk in office.desks:
        dialled = [record for record in desk.records if record["direction"] == 0]
        assert len(dialled) == desk.dialled
        assert (desk.voice.media, desk.voice.busy, desk.states[-1]) == (None, False, "registered")


def test_keys_in_a_call_are_telephone_events() -> None:
    office = Office().registered()
    office.call()
    heard = []
    stream = office.b.voice.media.stream
    office.a.press("7#")
    for _ in range(60):
        office.run(20)
        if stream.digits:
            heard.append(stream.digits)
        if office.b.voice.media.stream.reception is None:
            break
    assert "".join(heard) == ""  # taken away at once: they are not for the ear


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
