"""The registrar with real user agents: who is let in, who reaches whom, and what nobody gets past it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from adapter.sip import sdp
from adapter.sip.message import parse
from tests.firmware.adapter.sip.rig import ALICE, ANSWER, BOB, HELD, OFFER, REGISTRAR, Network, agent, kinds, taken
from tests.firmware.fuzzing.mutations import BYTE_WAYS
from tests.tools.sim.registrar.network import ALICE_USER, BOB_USER, DOMAIN, House, listed, subscriber
from tools.sim.registrar.core import LIST_LIFE_MS, number_of

SEED = 20261123
MALLORY = ("192.0.2.66", 5060)


def sent_to(house: House, address: tuple[str, int]) -> list[Any]:
    return [parse(data) for _, to, data in house.network.seen if to == address]


# Registering


def test_a_subscriber_registers_with_the_password_and_is_gone_when_it_leaves() -> None:
    house = House()
    house.alice.register(1000)
    house.run(500)
    assert taken(house.alice) == [("registered", 3600)]
    assert house.network.methods() == ["REGISTER", "401", "REGISTER", "200"]
    assert "algorithm=SHA-256" in house.network.seen[2][2].decode()  # the stronger of the two
    assert [event[:2] for event in house.registrar.events] == [("registered", ALICE_USER)]
    house.alice.unregister(house.network.now_ms)
    house.run(500)
    assert [event[0] for event in house.registrar.events] == ["registered", "unregistered"]
    assert not house.registrar.bindings.of(ALICE_USER, house.network.now_ms)


@pytest.mark.parametrize(
    "account", [subscriber(ALICE_USER, password="another"), subscriber(ALICE_USER, "none"), None]
)  # fmt: skip
def test_who_has_the_wrong_password_no_line_or_no_account_is_refused(account: Any) -> None:
    house = House()
    house.registrar.set_subscribers(listed(account) if account else {}, 1000)
    house.alice.register(1000)
    house.run(500)
    assert taken(house.alice) == [("registration_failed", 403, "Forbidden")]
    assert house.registrar.events[-1][:2] == ("refused", ALICE_USER)


def test_an_old_nonce_is_stale_and_the_line_registers_on_without_a_hitch() -> None:
    house = House(nonce_life_ms=60_000)
    house.register()
    house.run(3_600_000)
    assert taken(house.alice) == []
    stale = [each for each in sent_to(house, ALICE) if each.status == 401]
    assert stale
    assert all("stale=true" in value for each in stale for value in each.all("www-authenticate"))


def test_a_registration_too_brief_is_told_the_least() -> None:
    house = House(min_expires_s=600)
    brief = agent(ALICE_USER, ALICE, [REGISTRAR], 1, registration_s=60)
    house.network.nodes[ALICE] = brief
    brief.register(1000)
    house.run(1000)
    assert taken(brief) == [("registered", 600)]
    refused = next(each for each in sent_to(house, ALICE) if each.status == 423)
    assert refused.get("min-expires") == "600"


def test_a_binding_ends_when_it_expires() -> None:
    house = House()
    house.register()
    del house.network.nodes[BOB]
    assert house.registrar.bindings.of(BOB_USER, house.network.now_ms)
    assert not house.registrar.bindings.of(BOB_USER, house.network.now_ms + 3_601_000)


def test_what_an_account_bound_is_gone_with_it_and_leads_no_call_of_the_next_one_astray() -> None:
    house = House()
    house.register()
    same = subscriber(BOB_USER, "outgoing_only")
    house.registrar.set_subscribers(listed(subscriber(ALICE_USER), same), house.network.now_ms)
    assert house.registrar.bindings.of(BOB_USER, house.network.now_ms), "another level is no other account"
    changed = subscriber(BOB_USER, password="another")
    house.registrar.set_subscribers(listed(subscriber(ALICE_USER), changed), house.network.now_ms)
    house.alice.dial(BOB_USER, OFFER, house.network.now_ms)
    house.run(500)
    assert [(event[0], event[2]) for event in taken(house.alice)] == [("ended", 480)]
    assert not taken(house.bob)
    house.registrar.set_subscribers(listed(changed), house.network.now_ms)
    assert not house.registrar.bindings.of(ALICE_USER, house.network.now_ms)


def test_who_is_let_in_by_an_old_list_has_it_read_again() -> None:
    """An account that has ended is nowhere unknown: nobody else would ask."""
    house = House()
    house.register()
    assert not house.registrar.list_wanted
    house.network.now_ms += LIST_LIFE_MS
    house.alice.dial(BOB_USER, OFFER, house.network.now_ms)
    house.run(500)
    assert house.registrar.list_wanted
    house.registrar.set_subscribers(None, house.network.now_ms)
    house.alice.register(house.network.now_ms)
    house.run(500)
    assert not house.registrar.list_wanted


# Calls between units


def test_two_units_call_each_other_hold_and_hang_up_through_it() -> None:
    house = House()
    house.register()
    ours = house.alice.dial("5551230002", OFFER, house.network.now_ms)  # as one dials it
    house.run(200)
    ((kind, theirs, number, _),) = taken(house.bob)
    assert (kind, number) == ("incoming", ALICE_USER)
    house.bob.ring(theirs)
    house.run(100)
    house.bob.answer(theirs, ANSWER)
    house.run(100)
    assert kinds(house.alice) == ["progress", "answered"]
    house.alice.hold(ours, HELD)
    house.run(100)
    assert kinds(house.bob) == ["offer"]
    house.bob.answer(theirs, ANSWER)
    house.run(100)
    assert kinds(house.alice) == ["media"]
    house.bob.hang_up(theirs)
    house.run(100)
    assert taken(house.alice) == [("ended", ours, 200, "")]
    house.run(40_000)
    assert house.alice.idle
    assert house.bob.idle
    between = {(source, to) for source, to, _ in house.network.seen}
    assert (ALICE, BOB) not in between  # all of it came by us, and was neither doubled nor looped
    assert house.network.methods(BOB).count("BYE") == 1
    assert house.registrar.events == [("call", ALICE_USER, BOB_USER)]


def test_a_caller_that_hangs_up_while_it_rings_takes_its_call_back() -> None:
    house = House()
    house.register()
    ours = house.alice.dial(BOB_USER, OFFER, house.network.now_ms)
    house.run(200)
    ((_, theirs, _, _),) = taken(house.bob)
    house.bob.ring(theirs)
    house.run(100)
    house.alice.hang_up(ours)
    house.run(1000)
    assert kinds(house.bob) == ["ended"]
    house.run(64_000)
    assert house.alice.idle
    assert not house.alice.endpoint.transactions


@pytest.mark.parametrize("loss", [0.1, 0.3])
def test_calls_come_about_on_a_network_that_loses_much(loss: float) -> None:
    house = House(network=Network(SEED, loss, (5, 60)))
    house.alice.register(1000)
    house.bob.register(1000)
    house.run(60_000)
    assert "registered" in kinds(house.alice)
    assert "registered" in kinds(house.bob)
    ours = house.alice.dial(BOB_USER, OFFER, house.network.now_ms)
    house.run(30_000)
    theirs = next(event[1] for event in taken(house.bob) if event[0] == "incoming")
    house.bob.answer(theirs, ANSWER)
    house.run(30_000)
    assert "answered" in kinds(house.alice)
    house.bob.hang_up(theirs)
    house.run(64_000)
    assert ("ended", ours, 200, "") in taken(house.alice)


@pytest.mark.parametrize(
    ("called", "level", "status"), [("+15559999999", "full", 404), (BOB_USER, "emergency_only", 403)]
)
def test_a_call_to_nobody_or_by_a_line_that_may_not_is_refused(called: str, level: str, status: int) -> None:
    house = House(level)
    house.register()
    call = house.alice.dial(called, OFFER, house.network.now_ms)
    house.run(500)
    assert [(event[0], event[2]) for event in taken(house.alice)] == [("ended", status)]
    assert call.state == "ended"


def test_a_barred_destination_is_not_reached_and_911_always_is() -> None:
    house = House()
    house.register()
    barred = replace(subscriber(ALICE_USER), barred="+1555 +9")
    house.registrar.set_subscribers(listed(barred, subscriber(BOB_USER)), house.network.now_ms)
    house.alice.dial(BOB_USER, OFFER, house.network.now_ms)
    house.run(500)
    assert [(event[0], event[2]) for event in taken(house.alice)] == [("ended", 403)]
    assert not taken(house.bob)
    assert house.registrar.events[-1] == ("refused", ALICE_USER, f"it may not call {BOB_USER}")
    house.alice.dial("911", OFFER, house.network.now_ms)
    house.run(500)
    assert "answered" in [event[0] for event in taken(house.alice)]


@pytest.mark.parametrize("host", ["elsewhere.example", "198.51.100.7"])
def test_911_is_answered_here_whatever_domain_the_unit_has(host: str) -> None:
    """The profile has another domain, and the list is of before."""
    house = House()
    assert answered(house, invite(f"911@{host}", "stranger"))[-1] == 200


@pytest.mark.parametrize("number", ["911", "112", "933"])
def test_who_calls_for_help_by_no_line_is_answered_and_moves_no_terminal(number: str) -> None:
    house = House()
    assert answered(house, invite(f"{number}@{DOMAIN}", "\x1b[2Jx"))[-1] == 200
    assert house.registrar.events == [("call", "?[2Jx", number)]


@pytest.mark.parametrize("level", ["outgoing_only", "emergency_only"])
def test_a_line_that_takes_no_calls_gets_none(level: str) -> None:
    house = House()
    house.register()
    house.registrar.set_subscribers(listed(subscriber(ALICE_USER), subscriber(BOB_USER, level)), house.network.now_ms)
    house.alice.dial(BOB_USER, OFFER, house.network.now_ms)
    house.run(500)
    assert [(event[0], event[2]) for event in taken(house.alice)] == [("ended", 480)]
    assert not taken(house.bob)


def test_who_is_not_registered_cannot_be_reached() -> None:
    house = House()
    house.alice.register(1000)
    house.run(500)
    taken(house.alice)
    house.alice.dial(BOB_USER, OFFER, house.network.now_ms)
    house.run(500)
    assert [(event[0], event[2]) for event in taken(house.alice)] == [("ended", 480)]


# Whom it does not serve


def invite(to: str, caller: str, more: str = "", tag: str = "") -> bytes:
    body = sdp.offer("192.0.2.66", 4000, 1, 1, ("PCMU",), 20, "sendrecv").decode()
    return (
        f"INVITE sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.66:5060;branch=z9hG4bKm\r\nFrom: <sip:{caller}@{DOMAIN}>"
        f";tag=m\r\nTo: <sip:{to}>{tag}\r\nCall-ID: m\r\nCSeq: 1 INVITE\r\nContact: <sip:m@192.0.2.66>\r\n{more}"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def answered(house: House, data: bytes) -> list[int]:
    house.network.send(data, MALLORY, REGISTRAR)
    house.run(100)
    return [each.status for each in sent_to(house, MALLORY)]


def test_strangers_are_challenged_and_calls_elsewhere_are_not_passed_on() -> None:
    house = House()
    house.register()
    assert answered(house, invite(f"{BOB_USER}@{DOMAIN}", "stranger")) == [407]
    house.network.seen.clear()
    assert answered(house, invite("victim@198.51.100.7", "stranger")) == [404]
    assert not taken(house.bob)


@pytest.mark.parametrize(
    ("route", "status"),
    [("", 404), (f"Route: <sip:{REGISTRAR[0]}:{REGISTRAR[1]};lr>\r\n", 403),
     (f"Route: <sip:{REGISTRAR[0]}:{REGISTRAR[1]};lr;t=0123456789abcdef>\r\n", 403),
     ("Route: <sip:198.51.100.9;lr>\r\n", 403)],
)  # fmt: skip
def test_nobody_gets_into_a_call_that_it_did_not_set_up(route: str, status: int) -> None:
    house = House()
    house.register()
    assert answered(house, invite("victim@198.51.100.7", ALICE_USER, route, ";tag=x")) == [status]
    assert {to for _, to, _ in house.network.seen} == {REGISTRAR, MALLORY}


def test_nobody_calls_in_anothers_name() -> None:
    house = House()
    house.register()
    bob = agent(ALICE_USER, BOB, [REGISTRAR], 3, auth_user=BOB_USER)
    house.network.nodes[BOB] = bob
    bob.dial("*43", OFFER, house.network.now_ms)
    house.run(500)
    assert [(event[0], event[2]) for event in taken(bob)] == [("ended", 403)]
    assert house.registrar.events[-1] == ("refused", ALICE_USER, "its credentials are wrong")


def test_an_answer_to_a_challenge_counts_once_and_the_same_request_again_is_the_same() -> None:
    house = House()
    house.register()
    house.alice.dial("*43", OFFER, house.network.now_ms)
    house.run(300)
    data = next(data for _, to, data in house.network.seen if to == REGISTRAR and b"Proxy-Authorization" in data)
    assert house.parties.calls == 1
    house.network.send(data, ALICE, REGISTRAR)
    house.run(300)
    assert house.parties.calls == 1
    replayed = data.replace(parse(data).get("call-id").encode(), b"another-call")
    assert answered(house, replayed)[-1] == 407
    assert house.parties.calls == 1


@pytest.mark.parametrize(("more", "status"), [(("max-forwards", "0"), 483), (("proxy-require", "magic"), 420)])
def test_hops_run_out_and_extensions_are_not_promised(more: tuple[str, str], status: int) -> None:
    house = House()
    house.register()
    call = house.alice.dial(BOB_USER, OFFER, house.network.now_ms)
    message = call.invite.message
    message.headers = [more] + [header for header in message.headers if header[0] != more[0]]
    house.run(1000)
    assert [(event[0], event[2]) for event in taken(house.alice)] == [("ended", status)]
    assert not taken(house.bob)


def test_options_is_answered() -> None:
    house = House()
    data = invite(DOMAIN, ALICE_USER).replace(b"INVITE", b"OPTIONS")
    assert answered(house, data) == [200]


def test_no_mutant_harms_it() -> None:
    house = House()
    house.register()
    house.alice.dial(BOB_USER, OFFER, house.network.now_ms)
    house.alice.dial("*43", OFFER, house.network.now_ms)
    house.run(500)
    chance = random.Random(SEED)
    genuine = [data for _, to, data in house.network.seen if to == REGISTRAR]
    assert {parse(data).method for data in genuine} >= {"INVITE", "ACK", ""}
    for number in range(3000):
        data = chance.choice(genuine)
        for _ in range(chance.choice((1, 2, 5))):
            data = chance.choice(BYTE_WAYS)(data, genuine, chance)
        house.registrar.feed(data, MALLORY, house.network.now_ms + number)
        house.registrar.poll(house.network.now_ms + number)
    house.network.now_ms += 3000
    house.run(100)
    house.network.seen.clear()
    house.alice.register(house.network.now_ms)
    house.run(2000)
    assert [each.status for each in sent_to(house, ALICE) if each.cseq[1] == "REGISTER"][-1] == 200
    assert house.parties.calls == 1


@pytest.mark.parametrize(
    ("dialled", "number"),
    [("5551230002", BOB_USER), ("15551230002", BOB_USER), (BOB_USER, BOB_USER), ("911", "911"), ("*43", "*43"),
     ("555-123-0002", BOB_USER), ("411", "411")],
)  # fmt: skip
def test_numbers_are_read_as_they_are_dialled(dialled: str, number: str) -> None:
    assert number_of(dialled) == number
