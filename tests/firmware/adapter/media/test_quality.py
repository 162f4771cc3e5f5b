"""R and MOS against the E-model in full and published tables; gaps and bursts by their definition."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.media.quality import Bursts, figures, metrics, rating
from tests.conftest import RunMicroPython
from tests.firmware.adapter.media.emodel import Line, r_of
from tests.firmware.adapter.media.streams import CountedStream

GMIN = 16


def test_nothing_impaired_is_the_recommendations_93_2_and_4_41() -> None:
    assert r_of(Line()) == pytest.approx(93.2, abs=0.05)
    r, mos = rating(0, 0.0, 1.0)
    assert r == pytest.approx(93.2, abs=0.05)
    assert mos == pytest.approx(4.41, abs=0.005)


@pytest.mark.parametrize("one_way_ms", [0, 1, 20, 50, 99, 100, 101, 150, 177, 200, 250, 300, 400, 600, 2000])
@pytest.mark.parametrize(("loss", "ratio"), [(0.0, 1.0), (0.01, 1.0), (0.05, 1.0), (0.05, 2.0), (0.2, 4.0)])
def test_the_rating_is_the_e_models_in_full(one_way_ms: int, loss: float, ratio: float) -> None:
    line = Line(t=one_way_ms, ta=one_way_ms, tr=2 * one_way_ms, ppl=100 * loss, burst_r=ratio, bpl=25.1)
    assert rating(one_way_ms, loss, ratio)[0] == pytest.approx(max(0.0, r_of(line)), abs=0.05)


@pytest.mark.parametrize(
    ("percent", "published"), [(0, 0), (1, 5), (2, 7), (3, 10), (5, 15), (7, 20), (10, 25), (15, 35), (20, 45)]
)
def test_loss_costs_what_g113_publishes_for_g711_with_concealment(percent: int, published: int) -> None:
    impairment = rating(0, 0.0, 1.0)[0] - rating(0, percent / 100, 1.0)[0]
    assert impairment == pytest.approx(published, abs=3.0)


@pytest.mark.parametrize(("r", "mos"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)])
def test_mos_of_r_is_annex_bs_table(r: int, mos: float) -> None:
    # Random loss that gives this R: (7-29) turned round.
    impairment = rating(0, 0.0, 1.0)[0] - r
    loss = impairment * 25.1 / (95 - impairment) / 100
    assert rating(0, loss, 1.0) == (pytest.approx(r, abs=0.01), pytest.approx(mos, abs=0.01))


@given(st.integers(0, 65535), st.floats(0, 1), st.floats(0, 1e6))
def test_r_and_mos_keep_their_ranges_and_more_loss_is_never_better(one_way: int, loss: float, ratio: float) -> None:
    r, mos = rating(one_way, loss, ratio)
    assert 0 <= r <= 93.3
    assert 1 <= mos <= 4.5
    assert rating(one_way, min(1.0, loss + 0.01), ratio)[0] <= r


def by_definition(played: str) -> tuple[int, int, int, int]:
    """(packets in bursts, missing in them, bursts, missing in all): RFC 3611 4.7.2, from the whole row."""
    missing = [at for at, outcome in enumerate(played) if outcome == "x"]
    groups: list[list[int]] = []
    for at in missing:
        if groups and at - groups[-1][-1] - 1 < GMIN:
            groups[-1].append(at)
        else:
            groups.append([at])
    bursts = [group for group in groups if len(group) > 1]
    spans = sum(group[-1] - group[0] + 1 for group in bursts)
    return spans, sum(map(len, bursts)), len(bursts), len(missing)


def heard(played: str) -> tuple[int | float, ...]:
    bursts = Bursts()
    for outcome in played:
        bursts.packet(outcome == ".")
    return tuple(bursts.values())


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 4)), max_size=12), st.integers(0, 40))
def test_bursts_are_those_of_the_definition(rows: list[tuple[int, int]], tail: int) -> None:
    played = "".join("." * good + "x" * bad for good, bad in rows) + "." * tail
    packets, missing, bursts, gap_packets, gap_missing, gaps, ratio = heard(played)
    assert (packets, missing, bursts, missing + gap_missing) == by_definition(played)
    assert packets + gap_packets == len(played)
    assert gaps == bursts + 1
    lengths = [len(list(row)) for outcome, row in itertools.groupby(played) if outcome == "x"]
    if lengths:
        loss = sum(lengths) / len(played)
        assert ratio == pytest.approx(sum(lengths) / len(lengths) * (1 - loss))


def test_the_example_of_rfc_3611() -> None:
    # 4.7.2: "11110111111111111111111X111X1011110111111111111111111X111111111" with 0 lost and X discarded
    assert heard(
        "1111" "0" "1111111111111111111" "X" "111" "X" "1" "0" "1111" "0" "111111111111111111" "X" "111111111"
        .replace("1", ".").replace("0", "x").replace("X", "x")
    )[:3] == (12, 4, 1)  # fmt: skip


def test_a_call_without_loss_is_rated_by_its_delay_alone() -> None:
    stream = CountedStream()
    stream.hear("." * 500)
    found = metrics(stream, 60, 0)
    assert found[:5] == (0, 0, 0, 0, 0)
    assert found[5:8] == (10_000, 60, 60)  # one gap of 10 s; round trip; packet and buffer
    one_way_ms = (60 + 60 + 60) / 2
    assert found[8] == round(r_of(Line(t=one_way_ms, ta=one_way_ms, tr=2 * one_way_ms)))
    assert found[9:] == (44, 44)


def test_the_far_ends_own_delay_counts_once_it_says_so() -> None:
    stream = CountedStream()
    stream.hear("." * 500)
    assert metrics(stream, 60, 400)[8] < metrics(stream, 60, 0)[8]


def test_the_figures_are_fields_of_the_call_record() -> None:
    stream = CountedStream()
    stream.hear("." * 40 + "xx.d" + "." * 56)
    stream.speak(100, 2000)
    stream.reception.jitter, stream.reception.jitter_max = 5 << 7, 12 << 7
    found = figures(stream, SimpleNamespace(round_trip_ms=33, peer_delay_ms=0))
    line = Line(ppl=3, bpl=25.1, burst_r=1.5 * 0.97)
    r = round(r_of(Line(ppl=3, bpl=25.1, burst_r=1.5 * 0.97, t=76, ta=76, tr=152)))
    assert found == {
        "packets_sent": 100, "packets_received": 98, "packets_lost": 2, "packets_discarded": 1,
        "burst_loss_permille": 750, "jitter_ms": 5, "jitter_max_ms": 12, "buffer_ms": 40, "round_trip_ms": 33,
        "r_factor": r, "mos_tenths": 41,
    }  # fmt: skip
    assert rating(0, 0.03, 1.5 * 0.97)[0] == pytest.approx(r_of(line), abs=0.05)


def test_a_call_in_which_nothing_was_heard_has_no_rating() -> None:
    stream = CountedStream(peer_ssrc=0)
    found = figures(stream, SimpleNamespace(round_trip_ms=0, peer_delay_ms=0))
    assert (found["r_factor"], found["mos_tenths"], found["packets_received"]) == (0, 0, 0)


def test_figures_stay_within_the_fields_whatever_the_counters() -> None:
    stream = CountedStream()
    stream.hear("." + "x" * 200)
    stream.buffer.discarded, stream.buffer.delay_ms = 10_000, 1 << 20
    stream.reception.jitter = stream.reception.jitter_max = 1 << 40
    found = figures(stream, SimpleNamespace(round_trip_ms=1 << 20, peer_delay_ms=1 << 20))
    for name in ("jitter_ms", "jitter_max_ms", "buffer_ms", "round_trip_ms"):
        assert found[name] == 65535
    assert found["r_factor"] == 0
    assert found["mos_tenths"] == 12  # 17.3 is the worst R that random loss alone gives


SCRIPT = """
import json, micropython, sys
from adapter.media.quality import Bursts, rating
cases, played = json.loads(sys.stdin.read())
bursts = Bursts()
slots = bytes(outcome == "." for outcome in played)
def play(at):
    while at < len(slots):
        bursts.packet(slots[at])
        at += 1
micropython.heap_lock()
play(0)
micropython.heap_unlock()
print(json.dumps([[rating(*case)[0] for case in cases], bursts.values()]))
"""


def test_micropython_computes_the_same_and_counts_without_allocating(micropython: RunMicroPython) -> None:
    cases = list(itertools.product((0, 1, 100, 101, 250, 900), (0.0, 0.02, 0.3), (0.5, 1.0, 3.0, 99.0)))
    played = ("." * 30 + "x.x" + "." * 15 + "x" + "." * 16 + "x") * 20
    ratings, values = json.loads(micropython(SCRIPT, stdin=json.dumps([cases, played])))
    assert ratings == pytest.approx([rating(*case)[0] for case in cases], abs=1e-6)
    assert values == pytest.approx(heard(played))
