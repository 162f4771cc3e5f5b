"""Whom one can call at the registrar itself, by real user agents: the echo, and 911."""

from __future__ import annotations

from tests.firmware.adapter.sip.rig import ALICE, HELD, OFFER, REGISTRAR, agent, kinds, taken
from tests.tools.sim.registrar.network import House


def test_the_echo_answers_takes_a_hold_and_hangs_up() -> None:
    house = House()
    house.register()
    ours = house.alice.dial("*43", OFFER, house.network.now_ms)
    house.run(500)
    events = taken(house.alice)
    assert [event[0] for event in events] == ["answered"]
    assert (events[0][2].host, events[0][2].port) == (REGISTRAR[0], 40_000)
    assert house.ports[0].echo.sends
    house.alice.hold(ours, HELD)
    house.run(200)
    assert [(event[0], event[2].direction) for event in taken(house.alice)] == [("media", "recvonly")]
    assert not house.ports[0].echo.sends
    house.alice.hang_up(ours)
    house.run(500)
    assert kinds(house.alice) == ["ended"]
    assert house.ports[0].closed
    house.run(80_000)
    assert house.alice.idle
    assert not house.parties._parties


def test_many_call_the_echo_at_once_and_none_is_forgotten() -> None:
    house = House()
    house.register()
    for each in (house.alice, house.bob):
        for _ in range(2):
            each.dial("echo", OFFER, house.network.now_ms)
    house.run(500)
    assert house.parties.calls == 4
    assert len({id(ports.echo) for ports in house.ports}) == 4
    for each in (house.alice, house.bob):
        assert kinds(each).count("answered") == 2
        for call in list(each.calls):
            each.hang_up(call)
    house.run(500)
    assert house.parties.calls == 0


def test_the_echo_hangs_up_when_the_caller_is_gone_without_a_word() -> None:
    house = House()
    house.register()
    house.alice.dial("*43", OFFER, house.network.now_ms)
    house.run(500)
    del house.network.nodes[ALICE]
    house.run(59_000)
    assert house.parties.calls == 1
    house.run(5_000)
    assert house.parties.calls == 0
    assert house.ports[0].closed


def test_anybody_reaches_911_without_a_password() -> None:
    house = House("emergency_only")
    stranger = agent("+15550000000", ALICE, [REGISTRAR])
    house.network.nodes[ALICE] = stranger
    call = stranger.dial("911", OFFER, house.network.now_ms)
    house.run(500)
    assert kinds(stranger) == ["answered"]
    assert house.registrar.events == [("call", "+15550000000", "911")]
    stranger.hang_up(call)
    house.run(500)
    assert house.parties.calls == 0


def test_a_call_without_a_codec_of_ours_is_refused_and_nothing_stays_open() -> None:
    house = House()
    house.register()
    video = OFFER.replace(b"m=audio", b"m=video")
    house.alice.dial("*43", video, house.network.now_ms)
    house.run(500)
    assert [(event[0], event[2]) for event in taken(house.alice)] == [("ended", 488)]
    assert house.ports[0].closed
