"""A parse covers the image without gap, copies only what is there, and finds what a person would."""

from __future__ import annotations

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.firmware.adapter.update.test_delta import images
from tools.release.delta_parse import CHANGE, COPY, INSERT, SEGMENT_BYTES, Costs, Parser, Run, learned


def parsed(base: bytes, image: bytes, costs: Costs | None = None) -> list[Run]:
    return Parser(base, image).parse(costs or Costs())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.booleans())
def test_runs_cover_the_image_and_stay_within_the_base(seed: int, parts: int, again: bool) -> None:
    base, image = images(seed, parts)
    runs = parsed(base, image)
    if again:
        runs = parsed(base, image, learned(base, image, runs))
    assert runs[0].begin == 0
    assert runs[-1].end == len(image)
    for run, following in itertools.pairwise(runs):
        assert run.end == following.begin
    for run in runs:
        assert run.begin < run.end
        if run.kind != INSERT:
            begin, end = run.begin + run.shift, run.end + run.shift
            assert 0 <= begin < end <= len(base)
            assert run.kind == CHANGE or base[begin:end] == image[run.begin : run.end]


def test_an_insertion_and_a_removal_move_the_rest() -> None:
    base = random.Random(3).randbytes(3000)
    image = base[:1000] + b"inserted" + base[1000:2000] + base[2100:]
    assert [(run.kind, run.end - run.begin, run.shift) for run in parsed(base, image)] == [
        (COPY, 1000, 0),
        (INSERT, 8, -8),
        (COPY, 1000, -8),
        (COPY, 900, 92),
    ]


def test_a_changed_byte_amid_a_copy_is_a_change() -> None:
    base = random.Random(4).randbytes(3000)
    image = base[:1500] + bytes([(base[1500] + 1) & 255]) + base[1501:]
    assert [(run.kind, run.begin, run.end) for run in parsed(base, image)] == [
        (COPY, 0, 1500),
        (CHANGE, 1500, 1501),
        (COPY, 1501, 3000),
    ]


def test_what_was_said_often_costs_less_the_next_time() -> None:
    base = bytes(200)
    image = bytes([1] * 100 + [0] * 100)
    costs = learned(base, image, [Run(0, 100, CHANGE, 0), Run(100, 200, INSERT, 0)])
    assert costs.changed[1] < 1 < costs.changed[2]
    assert costs.inserted[0] < 1 < costs.inserted[1]


def test_a_parse_goes_on_over_the_end_of_a_segment() -> None:
    image = random.Random(5).randbytes(SEGMENT_BYTES * 2 + 10)
    assert parsed(image, image) == [Run(0, len(image), COPY, 0)]
