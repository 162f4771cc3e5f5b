"""`plugtone rollout why` against the real service: units that stand well, that do not, and that do not exist."""

from __future__ import annotations

import json
from pathlib import Path

from fleet.domain.access import Role
from fleet.services.build import Services
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.fleet_of_units import FakeUnit, put_in_service
from tests.tools.release.desk import RUNNER
from tools.release import rollout


def test_each_unit_has_its_cause_and_what_to_do(desk: Path, services: Services, clock: Clock) -> None:
    well, doubted = put_in_service(services, 2, clock.now)
    FakeUnit(services, well).register()
    services.units.quarantine(someone(Role.ADMIN), doubted, "doubt")
    told = RUNNER.invoke(rollout.app, ["why", well, doubted.lower()])
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        f"{well} runs 1.0.0: no rollout names it.",
        f"{doubted} has not registered yet: it is quarantined, so no rollout reaches it until it is cleared.",
        "  cause: quarantined",
        "  to do (support): Find out why it was quarantined, then clear it or revoke it.",
    ]
    shown = json.loads(RUNNER.invoke(rollout.app, ["why", well, doubted, "--json"]).stdout)
    assert [(each["serial"], each["cause"], each["until"]) for each in shown] == [
        (well, None, None),
        (doubted, "quarantined", None),
    ]


def test_an_unknown_unit_fails_and_does_not_hide_the_others(desk: Path, services: Services, clock: Clock) -> None:
    (serial,) = put_in_service(services, 1, clock.now)
    told = RUNNER.invoke(rollout.app, ["why", "PT999999990", serial])
    assert told.exit_code == 1
    assert "PT999999990: there is no unit" in told.stderr
    assert told.stdout.startswith(f"{serial} has not registered yet: rollouts reach it once it comes on.")


def test_the_command_explains_itself(desk: Path) -> None:
    assert RUNNER.invoke(rollout.app, ["why"]).exit_code == 2
    assert "Example: plugtone rollout why PT000000018" in RUNNER.invoke(rollout.app, ["why", "--help"]).stdout
