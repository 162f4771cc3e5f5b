"""A rollout from draft to its end, as people and units drive it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from fleet.domain.access import Actor, ForbiddenError, Role, Seen
from fleet.domain.errors import ConflictError, IllegalTransitionError, InvalidError, NotFoundError, StaleVersionError
from fleet.domain.rollout import Rollout, RolloutState, UnitState
from fleet.domain.unit import Trust
from fleet.services.build import Services
from fleet.services.ingest import GATEWAY
from fleet.store.tables.equipment import commands, units
from fleet.store.tables.journal import audit_log, outbox
from fleet.updates.director import ASSIGNMENT_LIFE
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.release_owners import Owners, make_image
from tests.fleet.services.fleet_of_units import FakeUnit, beat_together, put_in_service
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys
from tools.release.sign import sign_image

MANAGER = someone(Role.RELEASE_MANAGER)
APPROVER = Actor(MANAGER.kind, "PE-901", someone(Role.APPROVER).permissions)


@pytest.fixture
def owners(services: Services, tmp_path: Path, offline_keys: OfflineKeys) -> Owners:
    """The release owners, with releases 2.0.0 and 3.0.0 published."""
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START)
    owners.initialise()
    owners.sign("2.0.0", 2)
    owners.sign("3.0.0", 3, payload=b"broken")
    files = owners.bundle.files_after({})
    services.releases.publish(MANAGER, files, owners.bundle.payloads_after({}))
    return owners


@pytest.fixture
def fleet(services: Services, owners: Owners, clock: Clock) -> list[FakeUnit]:
    """Three units in service, registered."""
    fleet = [FakeUnit(services, serial) for serial in put_in_service(services, 3, clock.now)]
    for unit in fleet:
        assert unit.register() == []
    clock.advance(minutes=1)
    return fleet


def run(services: Services, release: str = "2.0.0", serials: list[str] | None = None, limit: int = 1) -> int:
    rollout = services.rollouts.create(MANAGER, release, serials, limit)
    services.rollouts.approve(APPROVER, rollout.id)
    services.rollouts.start(MANAGER, rollout.id)
    return rollout.id


def now(services: Services, rollout_id: int) -> Rollout:
    return services.rollouts.get(MANAGER, rollout_id)


def states(services: Services, rollout_id: int) -> list[tuple[UnitState, str]]:
    return [(unit.state, unit.reason) for unit in services.rollouts.units(MANAGER, rollout_id, 100, None)]


def count(rollout: Rollout) -> dict[str, int]:
    return {state.value: number for state, number in rollout.counts.items() if number}


def test_a_release_reaches_every_unit_and_the_rollout_finishes(services: Services, fleet: list[FakeUnit]) -> None:
    rollout_id = run(services)
    assert now(services, rollout_id).expected == 3
    for unit in fleet:
        (told,) = unit.heartbeat()
        assert told.name == "command"
        for state in ("metadata_ok", "downloading", "staged", "armed", "trial"):
            unit.report(state)
        assert now(services, rollout_id).state is RolloutState.RUNNING
        unit.report("confirmed")
    rollout = now(services, rollout_id)
    assert (rollout.state, rollout.reason) == (RolloutState.FINISHED, "3 of 3 confirmed, 0 failed")
    assert count(rollout) == {"confirmed": 3}
    assert rollout.ended_at is not None


def test_a_unit_that_returns_pauses_the_rollout_with_the_reason(services: Services, fleet: list[FakeUnit]) -> None:
    rollout_id = run(services, "3.0.0", [fleet[0].serial])
    fleet[0].heartbeat()
    fleet[0].report("trial")
    fleet[0].report("reverted", "self_test", detail="ram failed")
    rollout = now(services, rollout_id)
    assert (rollout.state, rollout.reason) == (RolloutState.PAUSED, "1 unit failed, the limit is 1")
    assert states(services, rollout_id) == [(UnitState.REVERTED, "self_test: ram failed")]
    assert fleet[1].heartbeat() == []


def test_resuming_tolerates_the_failures_so_far(services: Services, fleet: list[FakeUnit]) -> None:
    rollout_id = run(services)
    fleet[0].heartbeat()
    fleet[0].report("failed", "network")
    assert fleet[1].heartbeat() == []
    services.rollouts.resume(MANAGER, rollout_id)
    for unit in fleet[1:]:
        unit.heartbeat()
        unit.report("confirmed")
    rollout = now(services, rollout_id)
    assert (rollout.state, rollout.reason) == (RolloutState.FINISHED, "2 of 3 confirmed, 1 failed")


def test_a_stop_recalls_what_is_not_on_trial_and_waits_for_what_is(services: Services, fleet: list[FakeUnit]) -> None:
    rollout_id = run(services)
    for unit in fleet[:2]:
        unit.heartbeat()
    fleet[0].report("trial")
    stopping = services.rollouts.stop(MANAGER, rollout_id, "a doubt")
    assert stopping.state is RolloutState.STOPPING
    (told,) = fleet[1].heartbeat()
    assert json.loads(services.unit_updates.assignment(fleet[1].serial))["signed"]["target"] is None
    assert json.loads(services.unit_updates.assignment(fleet[1].serial))["signed"]["version"] == told.values["argument"]
    assert fleet[2].heartbeat() == []
    fleet[0].report("confirmed")
    assert now(services, rollout_id).state is RolloutState.STOPPED
    assert [state for state, _ in states(services, rollout_id)] == [UnitState.CONFIRMED, UnitState.SUPERSEDED]


def test_one_recalled_too_late_still_says_how_it_ended(services: Services, fleet: list[FakeUnit]) -> None:
    rollout_id = run(services)
    fleet[0].heartbeat()
    services.rollouts.stop(MANAGER, rollout_id, "")
    fleet[0].report("confirmed")
    assert count(now(services, rollout_id)) == {"confirmed": 1}
    assert now(services, rollout_id).state is RolloutState.STOPPED


def test_of_two_rollouts_on_one_unit_the_newer_wins(services: Services, fleet: list[FakeUnit], clock: Clock) -> None:
    older = run(services, "2.0.0", [fleet[0].serial])
    fleet[0].heartbeat()
    clock.advance(seconds=1)
    newer = run(services, "3.0.0", [fleet[0].serial])
    fleet[0].heartbeat()
    document = json.loads(services.unit_updates.assignment(fleet[0].serial))
    assert document["signed"]["target"]["name"] == "simulated_3.0.0.img"
    assert states(services, older) == [(UnitState.SUPERSEDED, f"RO-{newer} is newer")]
    assert now(services, older).state is RolloutState.FINISHED
    assert states(services, newer) == [(UnitState.ASSIGNED, "")]


def test_a_unit_that_runs_the_image_already_is_confirmed(services: Services, fleet: list[FakeUnit]) -> None:
    rollout_id = run(services, serials=[fleet[0].serial])
    image = services.releases.get(MANAGER, "2.0.0").images["simulated"]
    assert fleet[0].register(image_sha256=bytes.fromhex(image.sha256)) == []
    assert now(services, rollout_id).state is RolloutState.FINISHED


def test_a_listed_unit_the_image_does_not_fit_fails_with_the_reason(services: Services, fleet: list[FakeUnit]) -> None:
    rollout_id = run(services, serials=[fleet[0].serial])
    assert fleet[0].register(hardware_revision=77) == []
    ((state, reason),) = states(services, rollout_id)
    assert state is UnitState.FAILED
    assert "the unit is revision 77" in reason


def test_a_rollout_that_pauses_within_a_batch_assigns_nobody_more(services: Services, fleet: list[FakeUnit]) -> None:
    fleet[0].register(abi=7)  # this image is not for it
    rollout_id = run(services, serials=[unit.serial for unit in fleet])
    beat_together(services, fleet)
    assert now(services, rollout_id).state is RolloutState.PAUSED
    assert count(now(services, rollout_id)) == {"failed": 1, "waiting": 2}


def test_units_that_do_not_fit_or_came_later_are_no_targets_of_all(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    fleet[2].register(abi=7)
    with services.transactions.begin(GATEWAY) as uow:
        uow.connection.execute(update(units).where(units.c.serial == fleet[1].serial).values(trust=Trust.QUARANTINED))
        uow.commit()
    rollout_id = run(services)
    assert now(services, rollout_id).expected == 1
    clock.advance(seconds=1)
    assert fleet[1].heartbeat() == fleet[2].heartbeat() == []
    assert len(fleet[0].heartbeat()) == 1


def test_a_unit_is_told_again_only_while_it_does_not_stir(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    run(services)
    (told,) = fleet[0].heartbeat()
    assert fleet[0].heartbeat() == []
    clock.advance(seconds=15)
    (again,) = fleet[0].heartbeat()
    assert again.values == told.values
    fleet[0].report("downloading")
    clock.advance(seconds=15)
    assert fleet[0].heartbeat() == []


def test_an_assignment_is_signed_anew_before_it_expires_under_a_new_number(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    run(services)
    fleet[0].heartbeat()
    first = json.loads(services.unit_updates.assignment(fleet[0].serial))["signed"]
    clock.now += ASSIGNMENT_LIFE / 2 + timedelta(seconds=1)
    fleet[0].heartbeat()
    second = json.loads(services.unit_updates.assignment(fleet[0].serial))["signed"]
    assert second["version"] > first["version"]
    assert second["expires"] > first["expires"]
    assert second["target"] == first["target"]


def test_reports_late_double_or_unknown_change_nothing(services: Services, fleet: list[FakeUnit]) -> None:
    rollout_id = run(services)
    fleet[0].heartbeat()
    fleet[0].report("confirmed")
    before = (now(services, rollout_id), states(services, rollout_id))
    fleet[0].report("confirmed")
    fleet[0].report("downloading")
    fleet[0].report("idle")
    fleet[0].report("reverted", assignment=999)
    fleet[1].report("reverted", assignment=fleet[0].sequence)
    assert (now(services, rollout_id), states(services, rollout_id)) == before


def test_the_author_cannot_approve_not_even_with_a_token(services: Services, fleet: list[FakeUnit]) -> None:
    rollout = services.rollouts.create(MANAGER, "2.0.0", None, 1)
    author = Actor(MANAGER.kind, MANAGER.reference, APPROVER.permissions)
    with pytest.raises(ForbiddenError, match="PE-900 created RO-1"):
        services.rollouts.approve(author, rollout.id)
    assert now(services, rollout.id) == rollout


def test_a_token_of_the_host_approves_anothers_rollout_but_not_its_own(
    services: Services, fleet: list[FakeUnit]
) -> None:
    """Decision 0007."""
    first, second = (
        services.access.actor_of_secret(services.access.issue_host_token(name, Role.ADMIN).secret)
        for name in ("pipeline", "night shift")
    )
    rollout = services.rollouts.create(first, "2.0.0", None, 1)
    with pytest.raises(ForbiddenError, match="TO-1 created RO-1"):
        services.rollouts.approve(first, rollout.id)
    assert services.rollouts.approve(second, rollout.id).approver == "TO-2"


def test_nothing_starts_without_approval_and_no_end_begins_again(services: Services, fleet: list[FakeUnit]) -> None:
    rollout = services.rollouts.create(MANAGER, "2.0.0", None, 1, draft=True)
    assert rollout.state is RolloutState.DRAFT
    for step in (services.rollouts.start, services.rollouts.resume):
        with pytest.raises(IllegalTransitionError, match="RO-1 is draft"):
            step(MANAGER, rollout.id)
    services.rollouts.submit(MANAGER, rollout.id)
    services.rollouts.stop(MANAGER, rollout.id, "changed my mind")
    with pytest.raises(IllegalTransitionError, match="only nothing"):
        services.rollouts.submit(MANAGER, rollout.id)
    assert now(services, rollout.id).reason == "changed my mind"


def test_a_rollout_to_nobody_or_of_nothing_is_refused(
    services: Services, fleet: list[FakeUnit], owners: Owners
) -> None:
    with pytest.raises(NotFoundError, match=r"no release has version '9\.9\.9'"):
        services.rollouts.create(MANAGER, "9.9.9", None, 1)
    with pytest.raises(InvalidError, match="there is no unit 'PT999999990'"):
        services.rollouts.create(MANAGER, "2.0.0", ["PT999999990"], 1)
    with pytest.raises(InvalidError, match="got 0"):
        services.rollouts.create(MANAGER, "2.0.0", [], 1)
    sign_image(owners.bundle, owners.keys, make_image("4.0.0", 4), START, retire=["2.0.0"])
    owners.publish()
    rollout = services.rollouts.create(MANAGER, "2.0.0", None, 1)
    services.rollouts.approve(APPROVER, rollout.id)
    with pytest.raises(ConflictError, match="was retired"):
        services.rollouts.start(MANAGER, rollout.id)
    assert now(services, rollout.id).state is RolloutState.READY


def test_a_change_of_an_old_reading_is_refused(services: Services, fleet: list[FakeUnit]) -> None:
    rollout = services.rollouts.create(MANAGER, "2.0.0", None, 1)
    seen = Seen(rollout.reference, rollout.version)
    services.rollouts.approve(replace(APPROVER, seen=seen), rollout.id)
    with pytest.raises(StaleVersionError):
        services.rollouts.start(replace(MANAGER, seen=seen), rollout.id)


@pytest.mark.parametrize("actor", [someone(Role.VIEWER), someone(Role.ADMIN, account_id=1)])
def test_others_than_the_operator_s_release_people_change_nothing(
    services: Services, fleet: list[FakeUnit], actor: Actor
) -> None:
    with pytest.raises(ForbiddenError):
        services.rollouts.create(actor, "2.0.0", None, 1)
    with pytest.raises(ForbiddenError):
        services.releases.publish(actor, {}, {})


def test_every_step_is_audited_told_by_webhook_and_each_command_numbered(
    services: Services, fleet: list[FakeUnit]
) -> None:
    run(services, serials=[fleet[0].serial])
    fleet[0].heartbeat()
    fleet[0].report("confirmed")
    with services.transactions.read(GATEWAY) as uow:
        actions = list(uow.connection.scalars(select(audit_log.c.action).where(audit_log.c.subject == "RO-1")))
        events = [json.loads(text)["event"] for text in uow.connection.scalars(select(outbox.c.payload))]
        ids = list(uow.connection.scalars(select(commands.c.id).where(commands.c.serial == fleet[0].serial)))
    assert actions == [f"rollout:{each}" for each in ("create", "submit", "approve", "start", "finish")]
    assert events == [f"rollout_{each}" for each in ("submit", "approve", "start", "finish")]
    assert ids == [fleet[0].heard[0].values["command_id"]]


def test_publishing_again_after_a_crash_between_files_and_rows_brings_the_release(
    services: Services, owners: Owners
) -> None:
    owners.sign("4.0.0", 4)
    owners.publish()  # the files alone, as if the process had died after them
    files = owners.bundle.files_after({})
    (release,) = services.releases.publish(MANAGER, files, owners.bundle.payloads_after({}), "healed")
    assert (release.version, release.notes) == ("4.0.0", "healed")
    assert services.releases.publish(MANAGER, files, owners.bundle.payloads_after({})) == []
    assert [each.version for each in services.releases.page(MANAGER, 10, None)] == ["4.0.0", "3.0.0", "2.0.0"]


def test_metadata_is_audited_when_it_is_published_and_once(services: Services, owners: Owners) -> None:
    """New keys come with root and targets, without an image: nobody may slip them in unseen."""

    def published() -> list[str]:
        with services.transactions.read(GATEWAY) as uow:
            query = select(audit_log.c.subject).where(audit_log.c.action == "metadata:publish")
            return sorted(uow.connection.scalars(query))

    names = sorted(owners.bundle.files_after({}))
    assert published() == names
    assert "1.root.json" in names
    services.releases.publish(MANAGER, owners.bundle.files_after({}), {})
    assert published() == names


def test_the_renewal_job_warns_once_of_what_only_the_owners_can_renew(services: Services, owners: Owners) -> None:
    assert services.releases.renew_metadata(START) == []
    later = START + timedelta(days=340)
    assert services.releases.renew_metadata(later) == ["snapshot", "timestamp"]
    assert services.releases.renew_metadata(later) == []
    with services.transactions.read(GATEWAY) as uow:
        warned = [json.loads(text)["role"] for text in uow.connection.scalars(select(outbox.c.payload))]
    assert warned == ["board-simulated", "targets"]
