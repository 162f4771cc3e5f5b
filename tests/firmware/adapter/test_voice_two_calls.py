"""Two calls on one line: holding, call waiting, an emergency in between; and whatever people do with their handsets."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.firmware.adapter.office import RTP_PORT, Office, ends, loudness


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
