"""Waits between attempts: jittered, doubling, bounded."""

from hypothesis import given
from hypothesis import strategies as st

from adapter.backoff import FIRST_CEILING_MS, LAST_CEILING_MS, Backoff


@given(st.lists(st.binary(min_size=4, max_size=4), min_size=1, max_size=20))
def test_each_wait_lies_below_a_ceiling_that_doubles(draws: list[bytes]) -> None:
    left = iter(draws)
    backoff = Backoff(lambda count: next(left))
    for attempt, _ in enumerate(draws):
        assert 0 <= backoff.next_ms() <= min(FIRST_CEILING_MS << attempt, LAST_CEILING_MS)


def test_the_whole_range_is_used() -> None:
    high = Backoff(lambda count: FIRST_CEILING_MS.to_bytes(count, "big"))
    assert high.next_ms() == FIRST_CEILING_MS
    assert Backoff(bytes).next_ms() == 0


def test_a_success_makes_the_next_wait_short() -> None:
    backoff = Backoff(lambda count: b"\xff" * count)
    for _ in range(12):
        backoff.next_ms()
    backoff.reset()
    assert backoff.next_ms() <= FIRST_CEILING_MS
