"""What Administrators hear of an update that is to reach their units."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleet.domain.access import Actor, Role
from fleet.domain.account import Account
from fleet.domain.configuration import Channel
from fleet.domain.treatment import SOFTLY, Mode, Treatment
from fleet.services import unit_updates
from fleet.services.build import Services
from fleet.services.jobs import SCHEDULER
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.release_owners import Owners, make_image
from tests.fleet.services.equipment import Warehouse, sent
from tests.fleet.services.fleet_of_units import FakeUnit
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys
from tools.release.record import ReleaseFacts
from tools.release.sign import sign_image

MANAGER = someone(Role.RELEASE_MANAGER)
APPROVER = Actor(MANAGER.kind, "PE-901", someone(Role.APPROVER).permissions)


@pytest.fixture
def owners(services: Services, tmp_path: Path, offline_keys: OfflineKeys) -> Owners:
    """2.0.0 is beta, 3.0.0 a security fix."""
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository, START)
    owners.initialise()
    sign_image(owners.bundle, offline_keys, make_image("2.0.0", 2), START, facts=ReleaseFacts(beta=True))
    sign_image(owners.bundle, offline_keys, make_image("3.0.0", 3), START, facts=ReleaseFacts(security=True))
    services.releases.publish(MANAGER, owners.bundle.files_after({}), owners.bundle.payloads_after({}))
    return owners


@pytest.fixture
def fleet(warehouse: Warehouse, account: Account, owners: Owners) -> list[FakeUnit]:
    """Two units of one account, one of another."""
    accounts = [account, account, warehouse.open_account("Somebody else")]
    fleet = [FakeUnit(warehouse.services, warehouse.place(each).serial) for each in accounts]
    for unit in fleet:
        unit.register()
    return fleet


def run(services: Services, release: str, treatment: Treatment = SOFTLY, serials: list[str] | None = None) -> int:
    rollout = services.rollouts.create(MANAGER, release, serials, 9, treatment=treatment)
    services.rollouts.approve(APPROVER, rollout.id)
    services.rollouts.start(MANAGER, rollout.id)
    return rollout.id


def letters(services: Services) -> list[dict[str, Any]]:
    return [letter for letter in sent(services, "mail") if "to be updated" in letter["subject"]]


def test_each_account_hears_once_of_a_rollout_when_its_first_unit_is_assigned(
    services: Services, fleet: list[FakeUnit], clock: Clock
) -> None:
    run(services, "3.0.0")
    assert letters(services) == [], "nothing is enumerated"
    fleet[0].heartbeat()
    (letter,) = letters(services)
    assert letter["subject"] == "Your adapters are to be updated to version 3.0.0"
    assert "in its maintenance hours." in letter["text"]
    assert "never restarts during a call" in letter["text"]
    clock.advance(days=40)
    services.outbox.sweep(SCHEDULER)
    fleet[1].heartbeat()
    clock.advance(minutes=1)
    fleet[0].heartbeat()
    assert len(letters(services)) == 1
    fleet[2].heartbeat()
    assert len({letter["person"] for letter in letters(services)}) == 2


@pytest.mark.parametrize(
    ("treatment", "words"),
    [
        (Treatment(Mode.FORCED), "as soon as it is loaded, at any hour."),
        (Treatment(Mode.FORCED, urgent=True), "urgent security fix"),
        (Treatment(deadline=START + timedelta(days=9)), "from 2026-03-11 15:00 UTC on at any hour."),
        (Treatment(not_before=START + timedelta(days=2)), "None restarts before 2026-03-04 15:00 UTC."),
    ],
)
def test_the_letter_says_when(services: Services, fleet: list[FakeUnit], treatment: Treatment, words: str) -> None:
    run(services, "3.0.0", treatment, [fleet[0].serial])
    fleet[0].heartbeat()
    (letter,) = letters(services)
    assert words in letter["text"]


def test_what_only_loads_is_not_told_and_what_then_restarts_is(services: Services, fleet: list[FakeUnit]) -> None:
    first = run(services, "3.0.0", Treatment(Mode.DOWNLOAD_ONLY))
    assert fleet[0].heartbeat() != []
    assert letters(services) == []
    services.rollouts.stop(MANAGER, first, "loaded")
    run(services, "3.0.0")
    assert fleet[0].heartbeat() != []
    assert len(letters(services)) == 1


def test_beta_is_marked(services: Services, fleet: list[FakeUnit]) -> None:
    services.channels.choose(someone(Role.SUPPORT), fleet[0].serial, Channel.BETA)
    run(services, "2.0.0")
    fleet[0].heartbeat()
    (letter,) = letters(services)
    assert letter["subject"].endswith("2.0.0 (beta)")
    assert "you can leave channel beta at any time" in letter["text"]


def test_a_service_killed_between_letter_and_assignment_did_neither(
    services: Services, fleet: list[FakeUnit], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(services, "3.0.0")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(unit_updates.AssignmentRepository, "issue", killed)
        with pytest.raises(KeyboardInterrupt):
            fleet[0].heartbeat()
    assert letters(services) == []
    assert fleet[0].heartbeat() != []
    assert len(letters(services)) == 1
