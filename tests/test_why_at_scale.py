"""What a question costs does not grow with the fleet: no table with rows by the unit is read from end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import event

from fleet.services.build import Services
from protocol.wire.serial_number import make_serial
from tests.fleet.conftest import START, authorities, clock, passwords, services, settings
from tests.fleet.release_owners import Owners, offline_keys
from tests.why_at_scale import MANAGER, REVISIONS, fill, measure
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys

__all__ = ["authorities", "clock", "offline_keys", "passwords", "services", "settings"]

UNITS = 200
OF_THE_FLEET = {"units", "running_images", "heartbeats", "rollout_units", "unit_events", "configurations"}
OF_THE_FLEET |= {"assignments", "placements", "rollout_watches", "rollout_failures", "download_slots", "identities"}


def test_no_question_reads_the_fleet(services: Services, tmp_path: Path, offline_keys: OfflineKeys) -> None:
    fill(services, Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START), UNITS)
    asked: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked[statement] = parameters

    event.listen(services.transactions.engine, "before_cursor_execute", note)
    causes = set()
    for number in range(2 * REVISIONS):
        causes.add(services.update_explanations.explain(MANAGER, str(make_serial(number + 1))).cause)
    measure(services, UNITS, 1)
    event.remove(services.transactions.engine, "before_cursor_execute", note)
    assert {"later_group", "not_asked"} <= causes
    plans = []
    with services.transactions.engine.connect() as connection:
        for statement, parameters in asked.items():
            if statement.startswith("SELECT"):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans += [(row.detail.split()[:2], statement) for row in rows]
    assert any(step == ["SEARCH", "rollout_units"] for step, _ in plans)
    assert [each for each in plans if each[0][0] == "SCAN" and each[0][1] in OF_THE_FLEET] == []
