"""The voice driver's turns in virtual time, over real sockets of MicroPython: parking, keep-alive, long datagrams."""

from __future__ import annotations

import pytest

from tests.conftest import RunMicroPython
from tests.firmware.ports.unix.driver import PARK, run


def test_a_parked_line_keeps_its_router_awake_and_ignores_the_answers(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        PARK
        + """
heard.clear()
for _ in range(6):
    run(20000)
    peer.sendto(b"\\r\\n", source)
print(json.dumps([[word for _, word in heard], parked(), unit.room.recalled]))
""",
    )
    assert isinstance(found, list)
    assert 4 <= len(found[0]) <= 6
    assert set(found[0]) == {"\r\n\r\n"}
    assert found[1:] == [True, False]


def test_a_parked_line_wakes_for_its_registration(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        PARK
        + """
heard.clear()
while not unit.room.recalled and unit.now_ms < 100000:
    run(100)
woken_ms = unit.now_ms
unit.room.give_back()
run(200)
print(json.dumps([woken_ms, [word for _, word in heard if word == "REGISTER"], service.line_state]))
""",
        registration_s=60,
    )
    assert isinstance(found, list)
    assert 25_000 < found[0] < 61_000
    assert found[1:] == [["REGISTER"], "registered"]


def test_a_look_up_that_the_heap_has_no_room_for_is_tried_again_soon_and_ever_less_often(
    micropython: RunMicroPython,
) -> None:
    found = run(
        micropython,
        """
import asyncio
from ports.unix import registrars

tries = []


async def locate_all(unit, rows, servers):
    tries.append(unit.now_ms)
    if len(tries) < 5:
        raise MemoryError("in pieces")
    return [(HOST, port, "udp")]


async def others():
    await asyncio.sleep_ms(0)


registrars.locate_all = locate_all
service.configure(dict(row, registrars=[{"host": "sip.example.net", "port": 0, "transport": 0}]), "full")
heard.clear()
while len(tries) < 5:
    run(100)
    asyncio.run(others())
run(200)
waits = [(later - sooner) // 1000 for sooner, later in zip(tries, tries[1:])]
run(100000)
asyncio.run(others())
print(json.dumps([waits, service.line_state, notes, len(tries)]))
""",
    )
    assert found == [[2, 4, 8, 16], "registered", ["in pieces"] * 4, 5]


def test_a_line_that_is_lifted_is_not_parked_and_a_parked_one_wakes_when_it_is(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
Telephone.events.append(("hook", True))
run(100)
unit.room.borrow()
run(1000)
found = [parked()]
Telephone.events.append(("hook", False))
run(2000)
found.append(parked())
unit.room.borrow()
Telephone.events.append(("hook", True))
run(100)
found.append(unit.room.recalled)
unit.room.give_back()
run(300)
found.append(service._voice.line.state)
print(json.dumps(found))
""",
    )
    assert found == [False, True, True, "dial_tone"]


def test_a_message_longer_than_usual_is_understood_when_it_comes_again(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
long = ("OPTIONS sip:x@127.0.0.1 SIP/2.0\\r\\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK1\\r\\n"
    "From: <sip:a@b>;tag=1\\r\\nTo: <sip:x@127.0.0.1>\\r\\nCall-ID: 1\\r\\nCSeq: 1 OPTIONS\\r\\nMax-Forwards: 70\\r\\n"
    "%s\\r\\n" % (port, ("X: " + "x" * 200 + "\\r\\n") * 15)).encode()
heard.clear()
found = []
for _ in range(2):
    peer.sendto(long, source)
    run(200)
    found.append([word for _, word in heard if word != "OPTIONS"])
print(json.dumps(found))
""",
    )
    assert found == [[], ["SIP/2.0"]]


def test_911_pressed_before_the_line_has_its_heap_back_goes_out(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        PARK
        + """
heard.clear()
Telephone.events += [("hook", True)] + [("digit", key, down) for key in "911" for down in (True, False)]
run(100)  # the update is still at it
asked = unit.room.recalled, service.call_up()
unit.room.give_back()
run(100)
print(json.dumps([asked, [word for _, word in heard if word.strip() and word != "OPTIONS"]]))
""",
    )
    assert found == [[True, True], ["INVITE"]]


LEFT = """
Telephone.events.append(("hook", True))
run(120000)  # dial tone, fast busy, howler
assert service._voice.line.state == "silent"
"""


def test_a_handset_left_beside_the_telephone_keeps_no_update_away(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        LEFT
        + "busy = service.call_up()\n"
        + PARK
        + """
run(60000)
print(json.dumps([busy, parked(), unit.room.recalled]))
""",
    )
    assert found == [False, True, False]


@pytest.mark.parametrize("lend", [False, True])
def test_a_handset_left_beside_the_telephone_still_calls_911(micropython: RunMicroPython, lend: bool) -> None:
    found = run(
        micropython,
        LEFT
        + (PARK if lend else "")
        + """
heard.clear()
Telephone.events += [("digit", key, down) for key in "911" for down in (True, False)]
run(100)
unit.room.give_back()
run(100)
print(json.dumps([word for _, word in heard if word.strip() and word != "OPTIONS"]))
""",
    )
    assert found == ["INVITE"]


def test_an_address_that_changed_while_parked_is_registered_at_once(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        PARK
        + """
heard.clear()
Board.address = lambda self: "127.0.0.2"
run(500)
unit.room.give_back()
run(500)
words = [word for _, word in heard if word.strip() and word != "OPTIONS"]
print(json.dumps([words, source and place(source)[0], service.line_state]))
""",
    )
    assert found == [["REGISTER"], "127.0.0.2", "registered"]


@pytest.mark.parametrize("worn", [True, False])
def test_a_line_whose_calls_left_the_heap_in_pieces_begins_anew_at_another_address(
    micropython: RunMicroPython, worn: bool
) -> None:
    """The session with the fleet is made anew there, too, and wants its large pieces."""
    found = run(
        micropython,
        f"""
if {worn}:
    service._tell(("call_record", {{}}))
heard.clear()
Board.address = lambda self: "127.0.0.2"
found = []
for _ in range(20):
    run(20)
    found.append(parked())
run(500)
words = [word for _, word in heard if word.strip() and word != "OPTIONS"]
print(json.dumps([any(found), words, source and place(source)[0], service.line_state]))
""",
    )
    assert found == [worn, ["REGISTER"], "127.0.0.2", "registered"]


def test_an_address_that_cannot_be_had_yet_is_tried_again(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
Board.address = lambda self: "192.0.2.1"  # none of this host's
run(1000)
Board.address = lambda self: HOST
heard.clear()
run(1000)
print(json.dumps([len(notes) > 1, heard[0][1], service.line_state]))
""",
    )
    assert found == [True, "REGISTER", "registered"]


def test_a_lamp_that_blinks_goes_on_after_an_update(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
service._voice.line.event("messages", unit.now_ms, 1)
run(100)
"""
        + PARK
        + """
unit.room.give_back()
run(500)
print(json.dumps([event for event in shown if event[0] == "lamp"]))
""",
    )
    assert found == [["lamp", "blink"]]
