"""Registered, and staying so: refresh, refusals, waits, the next registrar and the way back, NAT."""

from itertools import pairwise
from typing import Any

import pytest

from adapter.sip.registration import FIRST_WAIT_MS, HOLD_MS, LAST_WAIT_MS, PATIENCE_MS, TRANSITIONS
from adapter.sip.uri import parameter
from tests.firmware.adapter.sip.home import Home
from tests.firmware.adapter.sip.pair import ALICE_NUMBER
from tests.firmware.adapter.sip.rig import ALICE, OFFER, REGISTRAR

REGISTERS = {"registered", "refreshing"}


def test_the_table_has_a_way_back_to_registered_from_everywhere_and_ends_when_left() -> None:
    lines = [line.split(" ") for line in TRANSITIONS.strip().split("\n")]
    states = {line[0] for line in lines} | {line[2] for line in lines}
    reached = {"registered"}
    for _ in states:
        reached |= {state for state, _, after in lines if after in reached}
    assert reached == states
    assert {state for state, event, _ in lines if event == "leave"} == states - {"unregistered", "leaving"}
    assert len({(state, event) for state, event, _ in lines}) == len(lines)


def test_a_register_has_what_the_rfc_wants() -> None:
    home = Home()
    home.register()
    first, second = home.first.seen
    assert first.uri == "sip:example.net"
    assert first.get("to") == f'"" <sip:{ALICE_NUMBER}@example.net>'
    assert first.get("from").startswith(first.get("to") + ";tag=")
    assert first.get("max-forwards") == "70"
    assert first.get("expires") == "3600"
    assert parameter(first.get("contact"), "expires") == "3600"
    assert (first.cseq, second.cseq) == ((1, "REGISTER"), (2, "REGISTER"))
    assert first.get("authorization") is None
    assert home.first.credentials[0]["uri"] == "sip:example.net"


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_both_algorithms_are_answered(algorithm: str) -> None:
    home = Home()
    home.first.algorithm = algorithm
    assert home.register() == [("registered", 3600)]
    assert home.first.credentials[0]["algorithm"] == algorithm


def test_a_stale_nonce_is_replaced_without_a_word() -> None:
    home = Home()
    home.first.expires_s = 60
    home.register()
    for nonce in ("n2", "n3"):
        home.first.nonce = nonce
        assert home.run(60_000) == []
        assert home.state == "registered"
    assert [fields["nonce"] for fields in home.first.credentials] == ["n1", "n1", "n2", "n2", "n3"]
    assert [fields["nc"] for fields in home.first.credentials] == ["00000001", "00000002"] * 2 + ["00000001"]


def test_a_wrong_password_is_held_off_not_hammered() -> None:
    home = Home(password="wrong")
    assert home.register() == [("registration_failed", 401, "")]
    assert len(home.first.seen) == 2
    assert home.state == "held"
    assert home.run(HOLD_MS // 2 - 2000) == []
    assert len(home.first.seen) == 2
    home.run(HOLD_MS)
    assert 3 <= len(home.first.seen) <= 4
    for _ in range(24):
        home.run(3_600_000)
    assert len(home.first.seen) < 2 * 40


def test_a_refresh_comes_before_the_registration_expires_with_room_for_another_registrar() -> None:
    for seed in range(20):
        home = Home(seed=seed)
        home.first.expires_s = 60
        home.register()
        begin_ms = home.network.now_ms
        while len(home.first.seen) < 3:
            home.network.run(100)
        assert 40_000 <= home.network.now_ms - begin_ms <= 52_000


def test_a_granted_time_of_nothing_does_not_make_us_hammer() -> None:
    home = Home()
    home.first.expires_s = 1
    home.register(60_000)
    assert len(home.first.seen) <= 11


def test_423_is_answered_with_the_time_that_it_asks_for_and_that_lasts() -> None:
    home = Home(registration_s=60)
    home.first.verdict = (423, [("min-expires", "1800")])
    home.network.dropped = lambda data: b"expires=1800" in data and data.startswith(b"REGISTER")
    home.register(10)
    home.first.verdict = None
    home.network.dropped = lambda _data: False
    assert home.run(1000) == [("registered", 1800)]


@pytest.mark.parametrize("headers", [[], [("min-expires", "30")], [("min-expires", "x")], [("min-expires", "1800")]])
def test_423_without_sense_or_end_is_a_failure(headers: list[tuple[str, str]]) -> None:
    home = Home(registration_s=60)
    home.first.verdict = (423, headers)
    assert home.register()[0][:2] == ("registration_failed", 423)
    assert len(home.first.seen) <= 4


def test_403_holds_off_and_longer_each_time() -> None:
    home = Home()
    home.first.verdict = (403, [])
    assert home.register() == [("registration_failed", 403, "Forbidden")]
    waits = []
    for _ in range(6):
        begin_ms, count = home.network.now_ms, len(home.first.seen)
        while len(home.first.seen) == count:
            home.network.run(1000)
        waits.append(home.network.now_ms - begin_ms)
    assert HOLD_MS // 2 - 2000 <= waits[0] <= HOLD_MS
    assert waits[0] < waits[2] < waits[-1] + 1_800_000
    assert max(waits) <= 3_602_000
    home.first.verdict = None
    assert ("registered", 3600) in home.run(3_700_000)


@pytest.mark.parametrize("status", [500, 503])
def test_retry_after_is_honoured(status: int) -> None:
    home = Home()
    home.first.verdict = (status, [("retry-after", "120 (soon);duration=60")])
    assert home.register()[0][:2] == ("registration_failed", status)
    home.run(119_000)
    assert len(home.first.seen) == 1
    home.run(12_000)
    assert len(home.first.seen) == 2


def test_failures_are_waited_out_longer_each_time_up_to_a_bound_and_no_two_units_alike() -> None:
    first_waits = set()
    for seed in range(10):
        home = Home(seed=seed)
        home.first.verdict = (500, [])
        home.register(0)
        times = []
        while len(times) < 10:
            count = len(home.first.seen)
            home.network.step(1_000_000)
            if len(home.first.seen) > count:
                times.append(home.network.now_ms)
        waits = [later - sooner for sooner, later in pairwise(times)]
        for at, wait in enumerate(waits):
            ceiling = min(FIRST_WAIT_MS << at, LAST_WAIT_MS)
            assert ceiling // 2 <= wait <= ceiling + 10
        first_waits.add(waits[0])
    assert len(first_waits) > 8


def test_a_registrar_that_says_nothing_is_replaced_by_the_second_within_seconds() -> None:
    home = Home(2)
    home.first.down = True
    events = home.register(PATIENCE_MS + 1000)
    assert events == [("registrar", 1), ("registered", 3600)]
    assert [message.method for message in home.registrars[1].seen] == ["REGISTER"] * 2


def test_a_registrar_killed_while_we_are_registered_is_replaced_at_the_next_call_within_ten_seconds() -> None:
    home = Home(2)
    home.register()
    home.first.down = True
    call = home.alice.dial("+15550009", OFFER, home.network.now_ms)
    events = home.run(10_000)
    assert [event[0] for event in events] == ["registrar", "progress"]
    second = home.registrars[1].seen
    assert {message.method for message in second} == {"INVITE", "REGISTER"}
    invite = next(message for message in second if message.method == "INVITE")
    assert invite.get("call-id") == call.id
    assert invite.cseq[0] == 2
    assert home.state == "registered"


def test_a_call_tries_each_registrar_once() -> None:
    home = Home(2)
    home.register()
    for registrar in home.registrars:
        registrar.down = True
    call = home.alice.dial("+15550009", OFFER, home.network.now_ms)
    events = home.run(2 * PATIENCE_MS + 500)
    assert ("ended", call, 408, "no answer") in events


def test_when_no_registrar_answers_the_line_is_told_and_the_round_begins_anew() -> None:
    home = Home(2)
    for registrar in home.registrars:
        registrar.down = True
    events = home.register(2 * PATIENCE_MS + 100)
    assert events == [("registrar", 1), ("registration_failed", 408, "no answer")]
    home.registrars[0].down = False
    events = home.run(FIRST_WAIT_MS + 100)
    assert events == [("registrar", 0), ("registered", 3600)]


def test_losing_the_registration_is_told_once() -> None:
    home = Home()
    home.first.expires_s = 60
    home.register()
    home.first.down = True
    events = home.run(300_000)
    assert [event[0] for event in events].count("unregistered") == 1
    assert [event[0] for event in events].count("registration_failed") >= 2
    home.first.down = False
    assert ("registered", 60) in home.run(400_000)


def test_the_first_registrar_is_gone_back_to_when_it_answers_again_but_not_during_a_call() -> None:
    home = Home(2)
    home.first.down = True
    home.register(PATIENCE_MS + 1000)
    assert home.run(1_000_000) == []  # asked now and then, in vain: nobody needs to know
    assert home.state == "registered"
    home.alice.dial("+15550009", OFFER, home.network.now_ms)
    home.first.down = False
    assert [event[0] for event in home.run(170_000)] == ["progress"]
    assert {message.method for message in home.registrars[1].seen} == {"REGISTER", "INVITE"}
    assert not home.first.seen
    for call in list(home.alice.calls):
        home.alice.hang_up(call)
    events = home.run(700_000)
    assert ("registrar", 0) in events
    assert home.state == "registered"
    assert len(home.first.bindings) == 1


def test_the_first_registrar_is_gone_back_to_however_short_the_second_one_registers_us() -> None:
    home = Home(2)
    home.registrars[1].expires_s = 60
    home.first.down = True
    home.register(PATIENCE_MS + 1000)
    home.first.down = False
    assert ("registrar", 0) in home.run(330_000)
    assert home.run(600_000) == []


def test_behind_a_nat_the_contact_becomes_what_the_registrar_sees() -> None:
    home = Home()
    home.first.natted = ("203.0.113.7", 31000)
    assert home.register() == [("registered", 3600)]
    (binding,) = home.first.bindings
    assert binding.endswith("@203.0.113.7:31000")
    last = home.first.seen[-1]
    assert len(last.all("contact")) == 2
    assert last.all("contact")[1].endswith("192.0.2.10:5060>;expires=0")
    assert home.run(3_600_000) == []
    assert len(home.first.bindings) == 1


def test_a_nat_that_changes_its_mind_each_time_does_not_make_us_hammer() -> None:
    home = Home()
    ports = iter(range(31000, 40000))
    feed = home.first.feed

    def moving(data: bytes, source: Any, now_ms: int) -> None:
        home.first.natted = ("203.0.113.7", next(ports))
        feed(data, source, now_ms)

    home.first.feed = moving  # type: ignore[method-assign]
    home.register(60_000)
    assert len(home.first.seen) <= 6
    assert home.state == "registered"


@pytest.mark.parametrize("natted", [("not-an-address", 1), ("203.0.113.7", 0)])
def test_what_a_registrar_sees_must_make_sense(natted: tuple[str, int]) -> None:
    home = Home()
    home.first.natted = natted
    home.register(1000)
    assert home.alice.endpoint.public == ALICE
    assert len(home.first.seen) == 2


def test_a_new_address_is_registered_at_once_and_the_old_one_taken_back() -> None:
    home = Home()
    home.register()
    moved = ("192.0.2.99", 5060)
    home.network.nodes[moved] = home.network.nodes.pop(ALICE)
    home.alice.moved(moved, home.network.now_ms)
    home.run(1000)
    (binding,) = home.first.bindings
    assert binding.endswith("@192.0.2.99:5060")
    assert home.state == "registered"


def test_the_cable_back_in_forgets_every_wait() -> None:
    home = Home()
    home.first.verdict = (403, [])
    home.register()
    home.first.verdict = None
    home.alice.moved(ALICE, home.network.now_ms)
    assert home.run(100) == [("registered", 3600)]


def test_unregistering_takes_the_contact_back() -> None:
    home = Home()
    home.register()
    home.alice.unregister(home.network.now_ms)
    assert home.run(1000) == [("unregistered", "")]
    assert home.first.bindings == {}
    assert home.state == "unregistered"
    assert home.run(7_200_000) == []


def test_unregistering_without_an_answer_is_over_in_seconds() -> None:
    home = Home()
    home.register()
    home.first.down = True
    home.alice.unregister(home.network.now_ms)
    assert home.run(PATIENCE_MS + 100) == [("unregistered", "")]
    home.alice.unregister(home.network.now_ms)
    assert home.run(1000) == []


def test_unregistering_while_waiting_is_at_once() -> None:
    home = Home()
    home.first.verdict = (403, [])
    home.register()
    home.alice.unregister(home.network.now_ms)
    assert home.run(0) == [] or home.state == "unregistered"
    assert home.state == "unregistered"


def test_the_service_route_is_the_way_of_calls() -> None:
    home = Home()
    home.first.extra = [("service-route", "<sip:192.0.2.1;lr>")]
    home.register()
    home.alice.dial("+15550009", OFFER, home.network.now_ms)
    home.run(10)
    assert home.first.seen[-1].all("route") == ["<sip:192.0.2.1;lr>"]


def test_an_answer_that_cannot_be_read_is_waited_out_not_hammered() -> None:
    home = Home()
    home.first.extra = [("contact", '"open <sip:x@y>')]
    home.register(10_000)
    assert len(home.first.seen) <= 12
    assert home.state not in REGISTERS


def test_an_icmp_error_goes_to_the_next_registrar_at_once() -> None:
    home = Home(2)
    home.first.down = True
    home.alice.register(home.network.now_ms)
    home.run(10)
    home.alice.lost(REGISTRAR, home.network.now_ms)
    assert home.run(100) == [("registrar", 1), ("registered", 3600)]
