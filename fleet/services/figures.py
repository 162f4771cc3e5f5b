"""What a monitoring system asks of the service: rollouts, outbox and jobs as figures, nobody named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from fleet.domain.access import Actor, Permission
from fleet.services.operators import require_operator
from fleet.store.figures import FigureRepository, WatchedRollout
from fleet.store.rollout_groups import RolloutGroupRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork


class Figures:
    """Asked at each scrape; nothing is kept between two."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def all(self, actor: Actor) -> list[Metric]:
        """Every figure, as of now."""
        require_operator(actor, Permission.METRICS_READ)
        with self._transactions.read(actor) as uow:
            figures = FigureRepository(uow)
            watched = figures.watched()
            return [
                *_rollouts(figures, watched),
                *_groups(uow, figures, watched),
                *_outbox(figures, uow.now),
                *_jobs(figures, uow.now),
            ]


def _rollouts(figures: FigureRepository, watched: list[WatchedRollout]) -> Iterator[Metric]:
    states = GaugeMetricFamily("plugtone_rollouts", "Rollouts by state.", labels=["state"])
    for state, count in figures.rollouts_by_state().items():
        states.add_metric([state], count)
    expected = GaugeMetricFamily("plugtone_rollout_expected_units", "Targets of a rollout.", labels=["rollout"])
    for each in watched:
        expected.add_metric([each.reference], each.expected)
    units = GaugeMetricFamily("plugtone_rollout_units", "Units of a rollout by state.", labels=["rollout", "state"])
    for rollout, unit_state, count in figures.units(watched):
        units.add_metric([rollout, unit_state], count)
    orders = CounterMetricFamily("plugtone_update_orders", "Orders the director gave units.", value=figures.orders())
    yield from (states, expected, units, orders)


def _groups(uow: UnitOfWork, figures: FigureRepository, watched: list[WatchedRollout]) -> Iterator[Metric]:
    groups = GaugeMetricFamily(
        "plugtone_rollout_group_units", "Watched units of an opened group.", labels=["rollout", "group", "is"]
    )
    for each in figures.groups(watched):
        for name in ("assigned", "confirmed", "failed", "held_back"):
            groups.add_metric([each.rollout, str(each.group), name], getattr(each, name))
    excess = GaugeMetricFamily(
        "plugtone_rollout_excess_ratio",
        "Share of units that fail with the release beyond those held back.",
        labels=["rollout", "revision"],
    )
    for rollout in watched:
        if rollout.by_groups:
            for revision, seen in sorted(RolloutGroupRepository(uow).evidence(rollout.id).items()):
                excess.add_metric([rollout.reference, revision], seen.excess())
    yield from (groups, excess)


def _outbox(figures: FigureRepository, now: datetime) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("plugtone_outbox_waiting", "Messages that wait to be delivered.", labels=["kind"])
    late = GaugeMetricFamily("plugtone_outbox_late_seconds", "How long the oldest of them is due.", labels=["kind"])
    for kind, count, due_at in figures.outbox():
        waiting.add_metric([kind], count)
        late.add_metric([kind], _late_s(due_at, now))
    given_up = GaugeMetricFamily("plugtone_outbox_given_up", "Messages that were given up.", labels=["kind"])
    for kind, count in figures.given_up():
        given_up.add_metric([kind], count)
    yield from (waiting, late, given_up)


def _jobs(figures: FigureRepository, now: datetime) -> Iterator[Metric]:
    late = GaugeMetricFamily("plugtone_job_late_seconds", "How long a job is due and has not ended.", labels=["job"])
    failures = GaugeMetricFamily("plugtone_job_failures", "Failed runs of a job in a row.", labels=["job"])
    for each in figures.jobs():
        late.add_metric([each.name], _late_s(each.due_at, now))
        failures.add_metric([each.name], each.failures)
    yield from (late, failures)


def _late_s(due_at: datetime, now: datetime) -> float:
    return max(now - due_at, timedelta(0)).total_seconds()
