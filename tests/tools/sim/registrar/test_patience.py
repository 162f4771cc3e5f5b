"""The registrar lets those wait whom a newer list may know, and nobody for longer than that."""

from __future__ import annotations

from adapter.sip.transaction import LIFE_MS
from tests.firmware.adapter.sip.rig import ALICE, BOB, REGISTRAR, agent, taken
from tests.tools.sim.registrar.network import ALICE_USER, House, listed, subscriber


def test_somebody_new_waits_until_the_list_has_been_read_again_and_is_then_let_in() -> None:
    house = House(patient=True)
    house.registrar.set_subscribers({}, 999)
    house.alice.register(1000)
    house.run(400)
    assert house.registrar.list_wanted
    assert house.network.methods() == ["REGISTER"]
    house.registrar.set_subscribers({}, 1000)  # read before it was asked for
    house.run(800)
    assert house.registrar.list_wanted
    assert set(house.network.methods()) == {"REGISTER"}
    house.registrar.set_subscribers(listed(subscriber(ALICE_USER)), house.network.now_ms)
    house.run(1000)
    assert taken(house.alice) == [("registered", 3600)]


def test_who_gets_the_number_of_one_who_waited_once_waits_too() -> None:
    """A number moves to a replacement, which may be here before the list that says so."""
    house = House(patient=True)
    house.registrar.set_subscribers({}, 999)
    house.alice.register(1000)
    house.run(400)
    house.registrar.set_subscribers(listed(subscriber(ALICE_USER)), house.network.now_ms)
    house.run(1000)
    assert taken(house.alice) == [("registered", 3600)]
    replacement = agent(ALICE_USER, BOB, [REGISTRAR], 3, password="another")
    house.network.nodes = {REGISTRAR: house.registrar, BOB: replacement}
    replacement.register(house.network.now_ms)
    house.run(400)
    assert house.registrar.list_wanted
    assert not taken(replacement)
    house.registrar.set_subscribers(listed(subscriber(ALICE_USER, password="another")), house.network.now_ms)
    house.run(1000)
    assert taken(replacement) == [("registered", 3600)]


def test_who_stopped_asking_before_a_list_came_has_not_waited_for_the_one_after() -> None:
    house = House(patient=True)
    house.network.nodes[ALICE] = stranger = agent(ALICE_USER, ALICE, [REGISTRAR], 3, password="wrong")
    stranger.register(1000)
    house.run(400)
    assert house.registrar.list_wanted
    house.network.now_ms += LIFE_MS
    house.registrar.set_subscribers(None, house.network.now_ms)
    house.network.nodes[ALICE] = replacement = agent(ALICE_USER, ALICE, [REGISTRAR], 4, password="another")
    replacement.register(house.network.now_ms)
    house.run(400)
    assert house.registrar.list_wanted
    assert not taken(replacement)


def test_who_is_unknown_to_a_new_list_too_is_refused() -> None:
    house = House(patient=True)
    house.registrar.set_subscribers({}, 999)
    house.alice.register(1000)
    for _ in range(10):
        house.run(500)
        house.registrar.set_subscribers({}, house.network.now_ms)
    assert ("registration_failed", 403, "Forbidden") in taken(house.alice)
