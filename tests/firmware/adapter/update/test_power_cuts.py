"""Power goes at any write of an update, once: the unit still ends on the new image, and the fleet hears of it."""

from __future__ import annotations

from pathlib import Path

from tests.firmware.adapter.update.repository import BendableRepository
from tests.firmware.adapter.update.unit import UpdatingUnit
from tests.firmware.model_flash import PowerCutError

TORN_SHARES = (0.0, 0.3, 1.0)


def live(unit: UpdatingUnit) -> None:
    """One life of a unit up to its next restart: checks, installs, proves itself, reports."""
    session = unit.session
    session.self_test(True)
    session.fleet_answered()
    unit.report()
    session.check()
    unit.work()
    session.poll(0)


def test_power_may_go_at_any_write(tmp_path: Path) -> None:
    """The write is lost, torn or done, in turn; the sweep over all of them is the power-cut simulator's."""
    repository = BendableRepository()
    name = repository.add_image("1.0.0", 2)
    repository.publish(bump=("all",))
    repository.assign(name)
    unit = UpdatingUnit(tmp_path / "flash.bin", repository)
    whole = (tmp_path / "flash.bin").read_bytes()
    cut_at = cuts = 0
    while True:
        unit.path.write_bytes(whole)
        unit.files.clear()
        unit.reports.clear()
        writes_left = cut_at
        was_cut = False
        for _ in range(6):
            try:
                unit.boot("power_on", None if was_cut else writes_left, TORN_SHARES[cut_at % len(TORN_SHARES)])
                live(unit)
            except PowerCutError:
                was_cut = True
                cuts += 1
            if not was_cut:
                writes_left -= unit.flash.operations
        assert unit.header.version == "1.0.0"
        assert unit.session.state == "idle"
        assert ("confirmed", "none") in unit.told()
        if not was_cut:
            break
        cut_at += 1
    assert cuts > 40
