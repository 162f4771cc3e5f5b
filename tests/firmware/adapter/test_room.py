"""The heap that line and update share: never both in it, and the line is the master."""

from adapter.room import Room


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
