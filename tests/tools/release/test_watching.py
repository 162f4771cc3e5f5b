"""What a person sees of a rollout in the terminal, drawn from what the service says; and followed to its end."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from fleet.domain.access import Actor, Role
from fleet.services.build import Services
from fleet.services.jobs import SCHEDULER
from fleet.services.rollout_steering import Steering
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.fleet_of_units import FakeUnit, put_in_service
from tests.tools.release.desk import RUNNER, done, image_file, initialised
from tools.release import rollout
from tools.release.watching import bar, picture

UNITS = 40
PLAN = """
hold_back_percent = 20
[[group]]
name = "first"
up_to_percent = 40
minimum_units = 3
soak_hours = 1
[[group]]
name = "rest"
minimum_units = 3
soak_hours = 1
"""


def seen(found: dict[str, Any]) -> list[str]:
    drawn = Console(file=io.StringIO(), width=160, color_system=None)
    drawn.print(picture(found))
    assert isinstance(drawn.file, io.StringIO)
    return [" ".join(row.split()) for row in drawn.file.getvalue().splitlines()]


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=8), st.integers(0, 100_000))
def test_a_bar_has_its_cells_and_shows_whatever_is_there(counts: list[int], more: int) -> None:
    drawn = bar({f"color({n})": count for n, count in enumerate(counts)}, sum(counts) + more, 16)
    assert len(drawn.plain) == 16
    assert len([span for span in drawn.spans if span.style != "bright_black"]) == sum(1 for n in counts if n)


@pytest.fixture
def fleet(desk: Path, services: Services, clock: Clock) -> list[FakeUnit]:
    """Units in service, with a rollout of release 1.0.0 by groups that runs."""
    initialised(desk)
    done("sign", image_file(desk, "1.0.0", 1), "--keys", "keys", "--bundle", "releases")
    done("publish", "--bundle", "releases")
    fleet = [FakeUnit(services, serial) for serial in put_in_service(services, UNITS, clock.now)]
    for unit in fleet:
        unit.register()
    clock.advance(minutes=1)
    (desk / "plan.toml").write_text(PLAN)
    assert RUNNER.invoke(rollout.app, ["create", "1.0.0", "--plan", "plan.toml"]).exit_code == 0
    manager = someone(Role.RELEASE_MANAGER)
    services.rollouts.approve(Actor(manager.kind, "PE-901", someone(Role.APPROVER).permissions), 1)
    services.rollouts.start(manager, 1)
    return fleet


def live(services: Services, fleet: list[FakeUnit], clock: Clock) -> Iterator[None]:
    """What happens between two looks: units take the release, groups soak and open."""
    while True:
        for unit in fleet:
            if unit.heartbeat():
                unit.report("confirmed")
        Steering(services.transactions).steer(SCHEDULER)
        yield
        clock.advance(hours=1)
        Steering(services.transactions).steer(SCHEDULER)
        yield


def test_a_person_follows_it_by_groups_until_it_finishes(
    services: Services, fleet: list[FakeUnit], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = live(services, fleet, clock)
    monkeypatch.setattr(rollout.time, "sleep", lambda _: next(story))
    followed = RUNNER.invoke(rollout.app, ["watch", "RO-1", "--json"])
    assert followed.exit_code == 0
    pictures = [seen(json.loads(line)) for line in followed.stdout.splitlines()]
    stages = [[row.rpartition("  ")[2] for row in each if row.startswith(("first", "rest"))] for each in pictures]
    first, rest = ([rows[number] for rows in stages] for number in (0, 1))
    assert first[0].endswith("0 0 0 0 of 3 settled")
    assert rest[0] == "rest not yet"
    assert "soaks until 2026-03-02 16:01 UTC" in first[1]
    assert first[2].endswith("done")
    assert rest[2].endswith("0 0 0 0 of 3 settled")
    assert first[-1].endswith("done")
    assert rest[-1].endswith("finished")
    assert any("At the latest 2026-03-02 16:01 UTC: advance" in row for row in pictures[1])


def test_it_shows_what_fails_with_the_release_and_without(services: Services, fleet: list[FakeUnit]) -> None:
    for unit in fleet:
        if unit.heartbeat():
            unit.report("reverted", "crash")
    Steering(services.transactions).steer(SCHEDULER)
    found = json.loads(RUNNER.invoke(rollout.app, ["show", "RO-1", "--json"]).stdout)
    (group, _), (_, revision) = found["course"]["groups"], found["course"]["revisions"]
    rows = seen(found)
    assert group["failed"] == group["assigned"] == revision["treated"] > 3
    failed, held_back = group["failed"], revision["held_back"]
    assert f"simulated revision 1 {failed} of {failed} 0 of {held_back} +100.00 points" in rows
    assert f"{failed} reverted, {held_back} held_back, {UNITS - failed - held_back} waiting" in rows
