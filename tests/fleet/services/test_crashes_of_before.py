"""A unit says why it started at each registration of that start: a crash counts where it happened, once."""

from __future__ import annotations

from fleet.services.build import Services
from fleet.services.jobs import SCHEDULER
from fleet.store.ingest import IngestStore, KnownStart
from tests.fleet.services.fleet_of_units import FakeUnit
from tests.fleet.services.test_rollouts_by_groups import PLAN, fleet, members, run, standing, steer

__all__ = ["fleet"]


def test_a_crash_of_before_counts_against_nobody_however_often_that_start_registers(
    services: Services,
    fleet: dict[str, FakeUnit],
) -> None:
    rollout = run(services, PLAN)
    groups = members(services, rollout, fleet)
    long_ago, lately = groups[0][:2]
    with services.transactions.begin(SCHEDULER) as uow:
        start = KnownStart(epoch=1)  # it has registered before; messages of these units are of start 0
        IngestStore(uow.connection).save({(long_ago.serial, 0): start}, {}, uow.now)
        uow.commit()
    for unit in (long_ago, lately):
        unit.heartbeat()
        unit.register(boot_reason=3)
    steer(services)
    (first,) = standing(services, rollout).groups
    assert (first.assigned, first.failed) == (2, 1)
