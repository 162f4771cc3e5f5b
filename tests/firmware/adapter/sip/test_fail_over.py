"""A call finds the living registrar of two, whatever else finds out meanwhile that the other one is dead."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.sip.registration import PATIENCE_MS
from tests.firmware.adapter.sip.home import Home
from tests.firmware.adapter.sip.rig import OFFER, REGISTRAR, SECOND

LIMIT_MS = 10_000


def home_that_asked(method: str) -> Home:
    """Alice, who has just asked the registrar in use, which died in that moment, for the first time since she came."""
    home = Home(2)
    home.first.expires_s = 60
    home.register()
    home.network.dropped = lambda data: data.startswith(method.encode())
    before = len(home.network.methods())
    while method not in home.network.methods()[before:]:
        home.network.step(1000)
    home.first.down = True
    home.network.dropped = lambda _data: False
    return home


def invites(home: Home) -> list[int]:
    """How many INVITEs each registrar was sent, those sent again apart."""
    return [
        len({data for _, where, data in home.network.seen if where == place and data.startswith(b"INVITE")})
        for place in (REGISTRAR, SECOND)
    ]


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER"])
@pytest.mark.parametrize("later_ms", [0, 1, PATIENCE_MS - 1])
def test_a_call_is_not_sent_back_to_the_registrar_that_the_registration_has_left(method: str, later_ms: int) -> None:
    home = home_that_asked(method)
    home.run(later_ms)
    call = home.alice.dial("5551234", OFFER, home.network.now_ms)
    assert ("progress", call, 180, None) in home.run(PATIENCE_MS + 500)
    assert invites(home) == [1, 1]
    assert home.alice.registration.index == 1
    assert home.registrars[1].bindings
    assert home.state == "registered"


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER"])
def test_a_network_that_does_not_reach_the_registrar_moves_call_and_registration_on_by_one(method: str) -> None:
    home = home_that_asked(method)
    call = home.alice.dial("5551234", OFFER, home.network.now_ms)
    home.run(100)
    home.alice.lost(REGISTRAR, home.network.now_ms)
    assert ("progress", call, 180, None) in home.run(500)
    assert invites(home) == [1, 1]


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 50),
    dead=st.sampled_from([0, 1]),
    granted_s=st.sampled_from([0, 60]),
    served_ms=st.one_of(st.integers(0, 60_000), st.integers(290_000, 305_000)),
    silent_ms=st.integers(0, 6000),
    meanwhile=st.lists(st.tuples(st.integers(0, 6000), st.sampled_from(["lost", "moved"])), max_size=2),
)
def test_a_call_reaches_the_living_registrar_within_10_s_whatever_the_order_of_events(
    seed: int, dead: int, granted_s: int, served_ms: int, silent_ms: int, meanwhile: list[tuple[int, str]]
) -> None:
    """The call may come just before or after the registration's own question, refresh, or try to go back."""
    home = Home(2, seed)
    for registrar in home.registrars:
        registrar.expires_s = granted_s
    home.first.down = dead == 1
    home.register(PATIENCE_MS + 1000)
    assert home.alice.registration.index == dead
    living = home.registrars[1 - dead]
    living.down = False
    home.run(served_ms)
    home.registrars[dead].down = True
    home.run(silent_ms)
    network = home.network
    called_ms = network.now_ms
    call = home.alice.dial("5551234", OFFER, called_ms)
    events = []
    for at_ms, what in sorted(meanwhile):
        events += home.run(called_ms + at_ms - network.now_ms)
        if what == "lost":
            home.alice.lost((REGISTRAR, SECOND)[dead], network.now_ms)
        else:
            home.alice.moved(home.alice.endpoint.local, network.now_ms)
    events += home.run(called_ms + LIMIT_MS - network.now_ms)
    assert ("progress", call, 180, None) in events
    assert max(invites(home)) == 1
    assert "INVITE" in [message.method for message in living.seen]
