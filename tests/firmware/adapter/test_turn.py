"""One TLS connection at a time: whose turn it is."""

from adapter.turn import Turn


def test_nothing_is_lent_to_nobody() -> None:
    turn = Turn()
    turn.lend()
    assert not turn.wanted
    assert not turn.lent


def test_asking_alone_brings_no_connection() -> None:
    turn = Turn()
    turn.ask()
    assert turn.wanted
    assert not turn.lent


def test_who_asked_has_it_until_it_is_given_back() -> None:
    turn = Turn()
    turn.ask()
    turn.lend()
    turn.ask()
    turn.lend()
    assert turn.lent
    turn.give_back()
    turn.lend()
    assert not turn.wanted
    assert not turn.lent


def test_who_thought_better_of_it_is_lent_nothing() -> None:
    turn = Turn()
    turn.ask()
    turn.give_back()
    turn.lend()
    assert not turn.lent
