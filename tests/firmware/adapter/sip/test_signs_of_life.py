"""The registrar in use is asked whether it is there; one that says nothing any more is left for the next."""

from itertools import pairwise

import pytest

from adapter.sip.registration import LAST_WAIT_MS, PATIENCE_MS
from tests.firmware.adapter.sip.home import Home
from tests.firmware.adapter.sip.rig import OFFER, SECOND, taken


def test_the_way_through_a_nat_is_kept_open_with_a_sign_of_life_at_most_each_28_seconds() -> None:
    home = Home()
    home.register(300_000)
    waits = [later - sooner for sooner, later in pairwise(home.first.asked_ms)]
    assert 10 <= len(home.first.asked_ms) <= 15
    assert all(19_000 <= wait <= 29_000 for wait in waits)
    assert len(set(waits)) > 3
    assert home.first.asked_ms[0] < 22_000
    assert len(home.first.seen) == 2  # no REGISTER more for it


@pytest.mark.parametrize("status", [200, 401, 404, 405, 503])
def test_any_answer_is_a_sign_of_life_and_none_gets_credentials(status: int) -> None:
    home = Home(2)
    home.first.mood = status
    assert home.register(120_000) == [("registered", 3600)]
    assert len(home.first.seen) == 2
    assert 4 <= len(home.first.asked_ms) <= 6
    assert not any(b"uthorization" in data for _, _, data in home.network.seen if data.startswith(b"OPTIONS"))


def test_a_registrar_that_dies_while_nobody_calls_is_left_for_the_next_one_within_28_seconds_and_its_patience() -> None:
    for seed in range(8):
        home = Home(2, seed=seed)
        home.register(30_000)
        home.first.down = True
        died_ms = home.network.now_ms
        while not home.registrars[1].bindings:
            home.network.run(20)
        assert home.network.now_ms - died_ms < 28_000 + PATIENCE_MS + 200
        assert taken(home.alice) == [("registrar", 1)]  # the line was served all the time
        assert home.alice.endpoint.destination == SECOND
        home.run(100_000)
        assert len(home.registrars[1].asked_ms) >= 3


def test_the_only_registrar_that_dies_is_missed_and_found_again_when_it_is_back() -> None:
    home = Home()
    home.register(30_000)
    home.first.down = True
    events = home.run(100_000)
    assert [event[0] for event in events] == ["unregistered", "registration_failed"]
    home.run(1_000_000)
    sent = [data for _, _, data in home.network.seen if data.startswith(b"REGISTER")]
    assert len(sent) < 12 * 12  # some ten rounds of a dozen repeats: it is not hammered
    home.first.down = False
    home.first.bindings.clear()
    assert home.run(LAST_WAIT_MS)[-1] == ("registered", 3600)
    assert home.first.bindings


def test_a_registrar_that_a_call_has_left_already_is_not_left_again() -> None:
    """The question that waits for its answer then was to another than the one in use."""
    known = Home(2)
    known.register(60_000)
    home = Home(2)
    home.register(known.first.asked_ms[1] - 1000 - home.network.now_ms)
    home.first.down = True
    home.alice.dial("5551234", OFFER, home.network.now_ms)
    home.run(20_000)
    assert home.alice.registration.index == 1
    assert {message.method for message in home.registrars[1].seen} == {"INVITE", "REGISTER"}
    assert len(home.registrars[1].seen) == 2


def test_a_question_on_its_way_does_not_keep_the_agent_from_being_put_aside() -> None:
    home = Home()
    home.register()
    home.first.down = True
    while not home.network.seen[-1][2].startswith(b"OPTIONS"):
        home.network.run(20)
    assert home.alice.idle
