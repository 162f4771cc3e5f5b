"""The heap that line and update share: never both in it, and the line is the master."""

from adapter.room import Room
from tests.conftest import RunMicroPython


def test_an_update_waits_until_the_line_has_left() -> None:
    room = Room()
    assert room.enter()
    assert not room.borrow()
    assert room.wanted
    room.leave()
    assert room.borrow()
    assert room.lent


def test_the_line_recalls_the_heap_and_waits_until_it_is_given_back() -> None:
    room = Room()
    assert room.borrow()
    assert not room.enter()
    assert room.recalled
    room.give_back()
    assert room.enter()
    assert not room.recalled
    assert not room.wanted


def test_the_heap_is_not_lent_while_the_line_is_in_whoever_asked_first() -> None:
    room = Room()
    room.enter()
    room.borrow()
    room.give_back()
    assert not room.borrow()


MODULES = """
import sys
import adapter.backoff, protocol.wire
from adapter.room import Room
room = Room(("adapter.clock",))
assert room.enter()
import adapter.clock, adapter.sip.uri, protocol.wire.link, asyncio
room.leave()
print([name for name in ("adapter.backoff", "adapter.clock", "asyncio") if name not in sys.modules])
print([name for name in ("adapter.sip", "adapter.sip.uri", "protocol.wire.link") if name in sys.modules])
print(hasattr(sys.modules["adapter"], "sip"), hasattr(sys.modules["protocol.wire"], "link"))
import adapter.sip.uri
assert room.borrow()
print("adapter.sip.uri" in sys.modules)
import adapter.sip.uri
assert not room.enter() and room.recalled
print("adapter.sip.uri" in sys.modules)
room.give_back()
print("adapter.sip.uri" in sys.modules)
assert room.enter()
import adapter.sip.uri
room.give_back()
print("adapter.sip.uri" in sys.modules)
room.leave()
assert room.borrow()
import adapter.sip.uri
room.leave()
print("adapter.sip.uri" in sys.modules)
"""


def test_with_who_leaves_goes_all_that_was_loaded_since_the_unit_was_built(micropython: RunMicroPython) -> None:
    said = micropython(MODULES).splitlines()
    assert said[:3] == ["[]", "[]", "False False"]
    assert said[3:7] == ["False", "True", "False", "True"]


def test_a_parked_line_that_ends_takes_no_module_from_the_update_at_work(micropython: RunMicroPython) -> None:
    assert micropython(MODULES).splitlines()[7:] == ["True"]
