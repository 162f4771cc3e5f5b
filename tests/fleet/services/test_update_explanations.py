"""Why a unit runs what it runs, as rollouts and units bring it about, asked over HTTP and by the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fleet.domain.access import Role
from fleet.domain.configuration import Channel, parse_window
from fleet.domain.errors import NotFoundError
from fleet.services.build import Services
from fleet.services.ingest import GATEWAY
from fleet.store.heartbeats import HeartbeatRepository
from protocol.wire.enumerations import UPDATE_STATES
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.release_owners import Owners
from tests.fleet.services.fleet_of_units import HEARTBEAT, FakeUnit, put_in_service
from tests.fleet.services.test_rollouts import APPROVER, MANAGER
from tools.commands.update import update
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys


@pytest.fixture
def unit(services: Services, tmp_path: Path, offline_keys: OfflineKeys, clock: Clock) -> FakeUnit:
    """A unit in service, with releases 2.0.0 and 3.0.0 published."""
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START)
    owners.initialise()
    owners.sign("2.0.0", 2)
    owners.sign("3.0.0", 3, payload=b"other")
    services.releases.publish(MANAGER, owners.bundle.files_after({}), owners.bundle.payloads_after({}))
    (serial,) = put_in_service(services, 1, clock.now)
    return FakeUnit(services, serial)


def beat(services: Services, clock: Clock, unit: FakeUnit, update_state: str = "idle") -> None:
    values: dict[str, Any] = {**HEARTBEAT, "update_state": UPDATE_STATES.index(update_state)}
    row = {name: value for name, value in values.items() if name != "clock_s"}
    with services.transactions.begin(GATEWAY) as uow:
        HeartbeatRepository(uow).save([{**row, "clock_s": 0, "serial": unit.serial, "received_at": clock.now}])
        uow.commit()


def said(services: Services, unit: FakeUnit) -> tuple[str, str]:
    found = services.update_explanations.explain(MANAGER, unit.serial)
    return found.state.value, found.sentence


def started(services: Services, release: str, serials: list[str] | None = None) -> int:
    rollout = services.rollouts.create(MANAGER, release, serials, 1)
    services.rollouts.approve(APPROVER, rollout.id)
    services.rollouts.start(MANAGER, rollout.id)
    return rollout.id


def test_a_unit_on_its_way_through_a_rollout(services: Services, unit: FakeUnit, clock: Clock) -> None:
    assert said(services, unit)[0] == "never_registered"
    unit.register()
    clock.advance(minutes=1)
    assert said(services, unit) == ("no_rollout", f"{unit.serial} runs 1.0.0: no rollout names it.")
    draft = services.rollouts.create(MANAGER, "2.0.0", [unit.serial], 1)
    assert said(services, unit)[0] == "held_back"
    services.rollouts.approve(APPROVER, draft.id)
    services.rollouts.start(MANAGER, draft.id)
    assert said(services, unit)[0] == "waiting"
    unit.heartbeat()
    assert said(services, unit)[0] == "assigned"
    unit.report("downloading", detail="10 %")
    assert "it is downloading 2.0.0 of RO-1, 10 %, since" in said(services, unit)[1]
    unit.report("downloading", detail="40 %")
    assert "it is downloading 2.0.0 of RO-1, 40 %, since" in said(services, unit)[1]
    beat(services, clock, unit, "staged")
    assert said(services, unit)[1].endswith("waits until 2026-03-03 02:00 UTC for its maintenance hours 02:00-05:00.")
    services.units.configure(someone(Role.ADMIN), unit.serial, Channel.STABLE, parse_window("03:00", "04:00"))
    assert said(services, unit)[1].endswith("waits until 2026-03-03 03:00 UTC for its maintenance hours 03:00-04:00.")
    unit.report("trial")
    assert said(services, unit)[0] == "trial"
    unit.report("reverted", "self_test", detail="led")
    state, sentence = said(services, unit)
    assert state == "reverted"
    assert sentence.endswith("because its self-test failed: led.")


def test_a_rollout_to_all_that_has_not_come_to_a_unit_is_named(
    services: Services, unit: FakeUnit, clock: Clock
) -> None:
    unit.register()
    clock.advance(minutes=1)
    rollout_id = started(services, "2.0.0")
    assert said(services, unit) == ("waiting", f"{unit.serial} runs 1.0.0: RO-1 gives it 2.0.0 when it is heard next.")
    services.rollouts.pause(MANAGER, rollout_id, "lunch")
    assert said(services, unit)[1].endswith("RO-1, which is to bring it 2.0.0, is paused (lunch).")


def test_what_moved_the_unit_last_is_said(services: Services, unit: FakeUnit, clock: Clock) -> None:
    unit.register()
    for number, release in enumerate(("2.0.0", "3.0.0"), start=1):
        clock.advance(minutes=1)
        started(services, release, [unit.serial])
        unit.heartbeat()
        unit.report("confirmed")
        assert f"RO-{number} brought it {release}" in said(services, unit)[1]


def test_what_is_under_way_is_said_before_what_is_to_come(services: Services, unit: FakeUnit, clock: Clock) -> None:
    unit.register()
    clock.advance(minutes=1)
    started(services, "2.0.0", [unit.serial])
    unit.heartbeat()
    unit.report("downloading")
    clock.advance(minutes=1)
    services.rollouts.create(MANAGER, "3.0.0", [unit.serial], 1)
    assert said(services, unit)[0] == "downloading"
    clock.advance(minutes=1)
    unit.report("confirmed")
    assert said(services, unit)[0] == "confirmed"


def test_quarantine_and_silence_are_said(services: Services, unit: FakeUnit, clock: Clock) -> None:
    unit.register()
    beat(services, clock, unit)
    services.units.quarantine(someone(Role.ADMIN), unit.serial, "doubt")
    assert said(services, unit)[0] == "quarantined"
    clock.advance(minutes=4)
    assert said(services, unit)[1].endswith("; it is offline since 2026-03-02 15:00 UTC.")


def test_another_account_learns_nothing(services: Services, unit: FakeUnit) -> None:
    with pytest.raises(NotFoundError):
        services.update_explanations.explain(someone(Role.ACCOUNT_ADMINISTRATOR, account_id=77), unit.serial)


def test_the_command_says_the_sentence(
    services: Services, unit: FakeUnit, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit.register()
    monkeypatch.setenv("PLUGTONE_URL", url)
    monkeypatch.setenv("PLUGTONE_TOKEN", services.access.issue_host_token("viewer", Role.VIEWER).secret)
    runner = CliRunner()
    sentence = f"{unit.serial} runs 1.0.0: no rollout names it."
    assert runner.invoke(update, ["explain", unit.serial]).stdout == sentence + "\n"
    shown = json.loads(runner.invoke(update, ["explain", unit.serial, "--json"]).stdout)
    assert (shown["state"], shown["sentence"], shown["since"]) == ("no_rollout", sentence, None)
    assert "there is no unit" in str(runner.invoke(update, ["explain", "PT999999990"]).exception)
    helped = runner.invoke(update, ["explain", "--help"]).stdout
    assert "Example: plugtone update explain PT000000018" in helped


def test_a_unit_that_fell_silent_after_its_start_is_offline_without_any_heartbeat(
    services: Services, unit: FakeUnit, clock: Clock
) -> None:
    unit.register()
    started_at = clock.now
    clock.advance(minutes=3)
    assert services.update_explanations.explain(MANAGER, unit.serial).offline_since is None
    clock.advance(seconds=1)
    assert services.update_explanations.explain(MANAGER, unit.serial).offline_since == started_at
