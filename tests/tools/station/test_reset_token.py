"""A unit that was reset, on the real firmware: cut at every step it is closed to all but the fleet's token."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.tools.station.conftest import Bench
from tests.tools.station.fleet_double import client_of
from tests.tools.station.resetting import UID, WHY, CutError, emptied_unit, mode_for_strangers
from tools.sim.board import SimBoard
from tools.station.errors import AwaitingFleetError, RefusedByUnitError, UnitError

# Where a station is cut, by what it has reported: a step, and how many of its parts are through.
CUTS = [
    ("key", 0), ("key", 1), ("certificate", 0), ("certificate", 1), ("identity", 1000), ("identity", -1),
    ("self-test", 0), ("self-test", 1), ("lock", 0),
]  # fmt: skip


@pytest.fixture
def emptied(bench: Bench) -> Iterator[SimBoard]:
    with emptied_unit(bench) as board:
        yield board


def test_cut_at_every_step_it_is_closed_to_others_and_the_station_finishes_it(bench: Bench, emptied: SimBoard) -> None:
    for step, parts in CUTS:

        def cut(at: str, done: int, total: int, step: str = step, parts: int = parts) -> None:
            if at == step and (done == total if parts < 0 else done >= parts):
                raise CutError

        with pytest.raises(CutError):
            bench.flash(emptied, cut, new_epoch=WHY)
        assert mode_for_strangers(emptied) == "reset", f"the station's session ended at {step}"
        emptied.power_off()
        emptied.power_on()
        assert mode_for_strangers(emptied) == "reset", f"the power was cut at {step}"
    finished = bench.flash(emptied, new_epoch=WHY)
    assert (finished.serial, finished.epoch, finished.custody) == ("PT000000018", 2, "in_stock")
    assert list(bench.fleet.stocked) == [finished.serial]
    assert bench.fleet.tokens_given == len(CUTS) + 1
    assert bench.flash(emptied, new_epoch=WHY) == finished


class Away:
    """The fleet as a station without network plays it, once the new epoch has begun."""

    def __init__(self, bench: Bench) -> None:
        self._fleet = client_of(bench.fleet)

    def post(self, path: str, body: Any = None, *, repeatable: bool = False) -> Any:
        assert not path.endswith("provisioning-tokens")
        return {**self._fleet.post(path, body, repeatable=repeatable), "station": ""}


def test_without_network_it_waits(bench: Bench, emptied: SimBoard) -> None:
    with pytest.raises(AwaitingFleetError, match="no network: a unit that was reset is let in by the fleet"):
        bench.flash(emptied, new_epoch=WHY, fleet=Away(bench))
    assert mode_for_strangers(emptied) == "reset"
    assert bench.flash(emptied, new_epoch=WHY).epoch == 2


def test_token_that_another_station_got_is_not_taken(
    bench: Bench, emptied: SimBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.tools.station.fleet_double.STATION", "TO-2")
    with pytest.raises(RefusedByUnitError, match="the token is for another station"):
        bench.flash(emptied, new_epoch=WHY)
    assert bench.fleet.certificates == {}


def test_without_a_new_epoch_it_says_what_to_do_and_asks_for_no_token(bench: Bench, emptied: SimBoard) -> None:
    with pytest.raises(UnitError, match=r"PT000000018 was reset in epoch 1: .* --new-epoch"):
        bench.flash(emptied)
    assert bench.fleet.tokens_given == 0
    assert bench.flash(emptied, new_epoch=WHY).epoch == 2


def test_unit_reset_before_it_was_stocked_gets_another_epoch(bench: Bench, emptied: SimBoard) -> None:
    """By the books it is on its way in the epoch whose key it has just destroyed."""
    bench.fleet.units[UID.hex()]["custody"] = "certified"
    with pytest.raises(UnitError, match=r"PT000000018 was reset in epoch 1: .* --new-epoch"):
        bench.flash(emptied)
    assert bench.flash(emptied, new_epoch=WHY).epoch == 2
