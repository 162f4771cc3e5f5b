"""A message that the heap has no room for is as lost on the way: nothing raises, and it is sent again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapter.sip.message import Message
from tests.firmware.adapter.sip.pair import BOB_NUMBER, Pair
from tests.firmware.adapter.sip.rig import ALICE, ANSWER, BOB, OFFER, taken

Starve = Callable[[int], None]


@pytest.fixture
def starve(monkeypatch: pytest.MonkeyPatch) -> Starve:
    """Has the next so many tries to pack a message find no room: of each two, then one into the spare block."""
    whole, left = Message.pack, [0]

    def pack(message: Message, *buffer: bytearray) -> bytes:
        left[0] -= 1
        if left[0] >= 0:
            raise MemoryError
        packed: bytes = whole(message, *buffer)
        return packed

    def begin(tries: int) -> None:
        left[0] = tries

    monkeypatch.setattr(Message, "pack", pack)
    return begin


def test_what_has_no_room_goes_out_of_the_spare_block_which_is_free_again_once_it_is_sent(starve: Starve) -> None:
    pair = Pair()
    endpoint = pair.alice.endpoint
    block = endpoint.spare
    starve(2)
    pair.alice.dial(BOB_NUMBER, OFFER, pair.network.now_ms)
    assert endpoint.spare is None
    pair.run(100)
    assert [event[0] for event in taken(pair.bob)] == ["incoming"]
    endpoint.prepare()
    assert endpoint.spare is block


def test_a_second_message_does_not_overwrite_one_in_the_spare_block_that_is_still_to_be_sent(starve: Starve) -> None:
    pair = Pair()
    starve(2)
    pair.alice.dial(BOB_NUMBER, OFFER, pair.network.now_ms)
    starve(2)
    pair.alice.register(pair.network.now_ms)
    pair.network.flush()
    assert pair.network.methods(ALICE)[-1] == "INVITE"


def test_a_message_too_long_for_the_spare_block_is_lost(starve: Starve) -> None:
    pair = Pair()
    starve(2)
    pair.alice.dial(BOB_NUMBER, OFFER + b"a=x\r\n" * 500, pair.network.now_ms)
    pair.network.flush()
    assert "INVITE" not in pair.network.methods(ALICE)
    assert pair.alice.endpoint.spare is not None


def test_a_request_is_sent_again_when_there_is_room(starve: Starve) -> None:
    pair = Pair()
    starve(6)
    pair.alice.dial(BOB_NUMBER, OFFER, pair.network.now_ms)
    pair.run(1000)
    assert not taken(pair.bob)
    pair.run(1000)
    assert [event[0] for event in taken(pair.bob)] == ["incoming"]


def test_an_answer_is_sent_again_when_there_is_room(starve: Starve) -> None:
    pair = Pair()
    ours, theirs = pair.dial()
    starve(5)
    pair.bob.answer(theirs, ANSWER)
    pair.run(2000)
    assert (ours.state, theirs.state) == ("up", "up")
    pair.alice.hang_up(ours)
    pair.rest()


def test_an_acknowledgement_is_made_when_there_is_room(starve: Starve) -> None:
    pair = Pair()
    ours, theirs = pair.dial()
    pair.bob.answer(theirs, ANSWER)
    pair.network.flush()
    starve(5)
    pair.run(100)
    assert (ours.state, theirs.state) == ("up", "accepted")
    pair.run(2000)
    assert theirs.state == "up"
    pair.alice.hang_up(ours)
    pair.rest()


def test_a_refusal_and_its_acknowledgement_are_made_when_there_is_room(starve: Starve) -> None:
    pair = Pair()
    _, theirs = pair.dial()
    starve(5)
    pair.bob.reject(theirs, 486)
    pair.network.flush()
    starve(5)
    pair.run(10_000)
    assert ("ended", 486) in [(event[0], event[2]) for event in taken(pair.alice) if len(event) > 2]
    assert pair.network.methods(ALICE)[-1] == "ACK"
    pair.rest()


@pytest.mark.parametrize("tries", range(1, 40))
def test_whenever_the_heap_is_full_for_a_while_a_call_goes_its_way(starve: Starve, tries: int) -> None:
    pair = Pair()
    starve(tries)
    ours = pair.alice.dial(BOB_NUMBER, OFFER, pair.network.now_ms)
    for _ in range(40):
        pair.run(500)
        for event in taken(pair.bob):
            if event[0] == "incoming":
                starve(tries)
                pair.bob.answer(event[1], ANSWER)
    assert BOB in pair.network.nodes
    starve(tries)
    pair.alice.hang_up(ours)
    pair.rest()
