"""Where a unit goes from a beta release, by cases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fleet.domain.channel_return import OnBeta, way_back
from fleet.domain.configuration import Channel
from fleet.domain.release import Release, ReleaseImage
from fleet.domain.rollout import Fit, Running

NOW = datetime(2026, 3, 2, tzinfo=UTC)
RUNNING = Running("simulated", 1, 6, "9.0.0", 9, "ab" * 32)


def release(version: str, counter: int, board: str = "simulated", revision: int = 1, beta: bool = False) -> Release:
    fit = Fit(board, revision, revision, 6, beta)
    image = ReleaseImage(f"{version}.img", 1, "00" * 32, fit, counter, 0, 1, 1)
    return Release(counter, version, "", "PE-1", NOW, {board: image})


OLD, NEW = release("1.0.0", 1), release("2.0.0", 2)
BETA = release("8.0.0", 8, beta=True)


@pytest.mark.parametrize(
    ("rolled_out", "floor", "failed", "goes", "words"),
    [
        ([OLD, NEW], 0, (), "2.0.0", "it goes back to 2.0.0"),
        ([NEW, OLD, BETA], 2, (), "2.0.0", "it goes back to 2.0.0"),
        ([OLD, NEW], 3, (), None, "release counter 2, below the unit's security floor 3"),
        ([OLD, NEW], 0, ("2.0.0",), "1.0.0", "it goes back to 1.0.0"),
        ([OLD, NEW], 2, ("2.0.0",), None, "release counter 1, below"),
        ([OLD], 0, ("1.0.0",), None, "works on it"),
        ([], 0, (), None, "no stable release that fits it was rolled out yet"),
        ([BETA], 0, (), None, "no stable release that fits it"),
        ([release("2.0.0", 2, board="other")], 0, (), None, "no stable release that fits it"),
        ([release("2.0.0", 2, revision=2)], 0, (), None, "no stable release that fits it"),
    ],
)
def test_the_newest_that_fits_and_works_and_is_not_below_the_floor(
    rolled_out: list[Release], floor: int, failed: tuple[str, ...], goes: str | None, words: str
) -> None:
    back = way_back(OnBeta("PT000000018", RUNNING, floor, failed), rolled_out)
    assert back.release == goes
    assert words in back.words


def test_a_release_is_beta_if_an_image_of_it_is_and_bars_who_is_not() -> None:
    assert (BETA.beta, OLD.beta) == (True, False)
    fit = BETA.images["simulated"].fit
    assert fit.bars(Channel.BETA) == ""
    assert fit.bars(Channel.STABLE) == "the release is beta, and the unit is on channel stable"
    assert OLD.images["simulated"].fit.bars(Channel.STABLE) == ""
