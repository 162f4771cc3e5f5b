"""The record of a call: how long it took, who ended it, what it sounded like."""

import pytest

from adapter.leg import Leg
from protocol.wire.enumerations import CALL_ENDS
from protocol.wire.messages import pack


def leg(incoming: bool = False) -> Leg:
    return Leg(None, incoming, "5550101", False, 1000)


def test_setup_ends_with_the_answer_and_duration_begins_there() -> None:
    made = leg()
    made.answered_ms = 4000
    record = made.record(200, 64_000)
    assert (record["setup_ms"], record["duration_ms"]) == (3000, 60_000)


def test_a_call_nobody_took_has_no_duration() -> None:
    record = leg().record(486, 31_000)
    assert (record["setup_ms"], record["duration_ms"]) == (30_000, 0)


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (486, "busy"), (600, "busy"), (480, "no_answer"), (408, "no_answer"), (404, "refused"), (403, "refused"),
        (603, "refused"), (488, "refused"), (500, "network"), (503, "network"), (504, "network"),
    ],
)  # fmt: skip
def test_the_status_says_why_a_call_out_came_to_nothing(status: int, end: str) -> None:
    assert CALL_ENDS[leg().record(status, 2000)["ended_by"]] == end


def test_what_we_did_ourselves_goes_before_the_status() -> None:
    made = leg()
    made.ended_by = "cancelled"
    assert CALL_ENDS[made.record(487, 2000)["ended_by"]] == "cancelled"


def test_a_caller_who_gives_up_has_cancelled_and_a_talker_is_the_peer() -> None:
    made = leg(incoming=True)
    assert CALL_ENDS[made.record(487, 2000)["ended_by"]] == "cancelled"
    made.answered_ms = 1500
    assert CALL_ENDS[made.record(200, 2000)["ended_by"]] == "peer"
    assert CALL_ENDS[made.record(408, 2000)["ended_by"]] == "network"


def test_packets_of_several_streams_add_up_and_other_figures_are_the_last() -> None:
    made = leg()
    made.add({"packets_sent": 10, "packets_lost": 1, "mos_tenths": 40})
    made.add({"packets_sent": 5, "packets_lost": 0, "mos_tenths": 44})
    record = made.record(200, 2000)
    assert (record["packets_sent"], record["packets_lost"], record["mos_tenths"]) == (15, 1, 44)


@pytest.mark.parametrize("number", ["", "+15550101", "9" * 80, "\u0664\u0662" * 40, "a b\x7f\n\0" * 20])
def test_every_record_fits_the_wire_even_one_of_a_strange_number_and_no_sound(number: str) -> None:
    made = Leg(None, True, number, True, 0)
    values = made.record(0, 5) | {"record_id": 1, "started_s": 0, "clock_s": 0}
    assert pack("call_record", values, 1, 1)
