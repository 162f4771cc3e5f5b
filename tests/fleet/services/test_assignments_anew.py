"""Pending assignments are signed anew before they expire and when the director's key changes; none strands a unit."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Signature
from sqlalchemy import select, update

from fleet.domain.access import Role
from fleet.domain.errors import InvalidError, NotFoundError
from fleet.domain.rollout import UnitState
from fleet.domain.treatment import SOFTLY, Treatment
from fleet.services import releases as releases_module
from fleet.services.build import Services
from fleet.services.ingest import GATEWAY
from fleet.store.tables.equipment import units
from fleet.store.tables.rollouts import assignments
from fleet.updates import director as director_module
from fleet.updates.director import ASSIGNMENT_LIFE
from fleet.updates.errors import MetadataError
from fleet.updates.metadata import parse
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.release_owners import Owners, versions
from tests.fleet.services.fleet_of_units import FakeUnit, put_in_service
from tests.fleet.services.test_rollouts import APPROVER, MANAGER, states
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys


@pytest.fixture
def owners(services: Services, tmp_path: Path, offline_keys: OfflineKeys) -> Owners:
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START)
    owners.initialise()
    owners.sign("2.0.0", 2)
    publish(services, owners)
    return owners


@pytest.fixture
def unit(services: Services, owners: Owners, clock: Clock) -> FakeUnit:
    """A unit that was assigned 2.0.0 and has not stirred since."""
    (serial,) = put_in_service(services, 1, clock.now)
    unit = FakeUnit(services, serial)
    unit.register()
    clock.advance(minutes=1)
    start(services)
    unit.heartbeat()
    return unit


def publish(services: Services, owners: Owners) -> None:
    services.releases.publish(MANAGER, *owners.publication())


def start(services: Services, treatment: Treatment = SOFTLY) -> int:
    rollout = services.rollouts.create(MANAGER, "2.0.0", None, 1, treatment=treatment)
    services.rollouts.approve(APPROVER, rollout.id)
    services.rollouts.start(MANAGER, rollout.id)
    return rollout.id


def order(services: Services, unit: FakeUnit) -> dict[str, Any]:
    """The signed part of the unit's file; it verifies by the key the current targets lists."""
    document = json.loads(services.unit_updates.assignment(unit.serial))
    path = services.repository.metadata_file(f"{versions(services.repository)['targets']}.targets.json")
    assert path is not None
    targets = parse("targets", path.read_bytes()).signed
    payload = encode_canonical(document["signed"])
    assert payload is not None
    signatures = {each["keyid"]: Signature.from_dict(each) for each in document["signatures"]}
    targets.verify_delegate("director", payload.encode(), signatures)
    signed: dict[str, Any] = document["signed"]
    return signed


def state(services: Services) -> UnitState:
    """Of the one unit in the one rollout."""
    ((found, _),) = states(services, 1)
    return found


def pending(services: Services) -> list[int]:
    with services.transactions.read(GATEWAY) as uow:
        return list(uow.connection.scalars(select(assignments.c.sequence).where(assignments.c.pending)))


def test_a_unit_away_for_months_finds_an_order_that_has_not_expired(
    services: Services, unit: FakeUnit, clock: Clock
) -> None:
    seen = [order(services, unit)["version"]]
    for _ in range(20):
        clock.advance(days=5)
        services.releases.renew_metadata(clock.now)
        found = order(services, unit)
        assert found["expires"] > f"{clock.now:%Y-%m-%dT%H:%M:%SZ}"
        assert found["target"]["name"] == "simulated_2.0.0.img"
        seen.append(found["version"])
    assert seen == sorted(seen)
    assert len(set(seen)) > 5
    assert len(pending(services)) == 1
    assert states(services, 1) == [(UnitState.ASSIGNED, "")]
    clock.advance(seconds=20)
    (told,) = unit.heartbeat()
    assert told.values["argument"] == seen[-1]


def test_nothing_is_signed_anew_in_the_first_half_of_its_life(services: Services, unit: FakeUnit, clock: Clock) -> None:
    before = order(services, unit)
    clock.advance(days=6)
    services.releases.renew_metadata(clock.now)
    assert order(services, unit) == before


@pytest.mark.parametrize("state", ["trial", "confirmed"])
def test_a_unit_past_its_download_is_let_be(services: Services, unit: FakeUnit, clock: Clock, state: str) -> None:
    unit.report(state)
    before = order(services, unit)
    clock.advance(days=10)
    services.releases.renew_metadata(clock.now)
    assert order(services, unit) == before


def test_the_end_that_a_unit_reports_of_an_older_number_ends_them_all(
    services: Services, unit: FakeUnit, clock: Clock
) -> None:
    first = unit.sequence
    clock.advance(days=10)
    services.releases.renew_metadata(clock.now)
    assert pending(services) != [first]
    unit.report("confirmed", assignment=first)
    assert pending(services) == []
    clock.advance(days=10)
    assert unit.heartbeat() == []


def test_a_rotation_of_the_directors_key_signs_pending_orders_anew(
    services: Services, owners: Owners, unit: FakeUnit, clock: Clock
) -> None:
    before = order(services, unit)
    owners.rotate_online()
    assert order(services, unit) == before
    publish(services, owners)
    after = order(services, unit)
    assert after["version"] > before["version"]
    assert after["target"] == before["target"]
    publish(services, owners)
    assert order(services, unit) == after
    clock.advance(seconds=20)
    (told,) = unit.heartbeat()
    assert told.values["argument"] == after["version"]


def test_a_crash_before_they_are_signed_is_mended_by_the_job(
    services: Services, owners: Owners, unit: FakeUnit, clock: Clock
) -> None:
    owners.rotate_online()
    owners.publish()  # the files alone, as if the process had died after them
    with pytest.raises(Exception, match="signed by 0/1"):
        order(services, unit)
    services.releases.renew_metadata(clock.now)
    assert order(services, unit)["target"]["name"] == "simulated_2.0.0.img"


def test_many_are_signed_in_batches(
    services: Services, owners: Owners, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases_module, "ASSIGNMENTS_AT_ONCE", 2)
    fleet = [FakeUnit(services, serial) for serial in put_in_service(services, 5, clock.now)]
    for each in fleet:
        each.register()
    clock.advance(minutes=1)
    start(services)
    for each in fleet:
        each.heartbeat()
    before = pending(services)
    owners.rotate_online()
    publish(services, owners)
    after = pending(services)
    assert len(after) == 5
    assert min(after) > max(before)
    for each in fleet:
        order(services, each)


def test_a_rollouts_times_are_in_the_order_and_kept_when_it_is_signed_anew(
    services: Services, owners: Owners, clock: Clock
) -> None:
    (serial,) = put_in_service(services, 1, clock.now)
    unit = FakeUnit(services, serial)
    unit.register()
    clock.advance(minutes=1)
    start(services, Treatment(not_before=START + timedelta(days=1), deadline=START + timedelta(days=30)))
    unit.heartbeat()
    for days in (0, 8):
        clock.advance(days=days)
        services.releases.renew_metadata(clock.now)
        found = order(services, unit)
        assert (found["not_before"], found["deadline"]) == ("2026-03-03T15:00:00Z", "2026-04-01T15:00:00Z")


def test_without_times_the_order_has_none(services: Services, unit: FakeUnit) -> None:
    assert not {"not_before", "deadline"} & set(order(services, unit))


@pytest.mark.parametrize(("not_before", "deadline"), [(None, 0), (None, -1), (2, 2), (3, 2)])
def test_a_deadline_that_is_over_or_too_early_is_refused(
    services: Services, owners: Owners, not_before: int | None, deadline: int
) -> None:
    earliest = None if not_before is None else START + timedelta(days=not_before)
    with pytest.raises(InvalidError, match="deadline"):
        start(services, Treatment(not_before=earliest, deadline=START + timedelta(days=deadline)))
    assert services.rollouts.page(MANAGER, 10, None) == []


def test_an_order_longer_than_a_unit_takes_is_not_signed(owners: Owners, monkeypatch: pytest.MonkeyPatch) -> None:
    from adapter.update.assignment import MAX_ASSIGNMENT_BYTES

    assert MAX_ASSIGNMENT_BYTES == director_module.MAX_ASSIGNMENT_BYTES
    longest = director_module.AssignedImage("x" * 64, 1 << 22, "0" * 64, 0xFFFFFFFF, "b" * 16)
    at = START + ASSIGNMENT_LIFE
    director = owners.repository.director
    signed = director.sign("PT000000018", 0xFFFFFFFF, longest, START, at, at)
    assert len(signed) <= MAX_ASSIGNMENT_BYTES
    monkeypatch.setattr(director_module, "MAX_ASSIGNMENT_BYTES", len(signed) - 20)  # signatures differ in length
    with pytest.raises(MetadataError, match="units take"):
        director.sign("PT000000018", 0xFFFFFFFF, longest, START, at, at)


def test_a_unit_that_begins_a_new_epoch_is_waited_for_by_no_rollout_and_told_nothing_of_before(
    services: Services, unit: FakeUnit, clock: Clock
) -> None:
    assert state(services) is UnitState.ASSIGNED
    with services.transactions.begin(GATEWAY) as uow:
        uow.connection.execute(update(units).values(custody="in_stock", service="unplaced"))
        uow.commit()
    services.provisioning.begin_epoch(someone(Role.ADMIN), unit.serial, "its key was seen")
    (rollout,) = services.rollouts.page(MANAGER, 10, None)
    assert (state(services), rollout.state) == (UnitState.SUPERSEDED, "finished")
    assert pending(services) == []
    with pytest.raises(NotFoundError):
        services.unit_updates.assignment(unit.serial)
    unit.report("confirmed")
    assert state(services) is UnitState.SUPERSEDED, "a report of the old identity counts for nothing"
