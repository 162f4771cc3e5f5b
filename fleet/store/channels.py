"""Which units are on channel beta, which run a beta release without being so, and what they may go back to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select

from fleet.domain.channel_return import OnBeta
from fleet.domain.configuration import Channel
from fleet.domain.rollout import FAILURES, RECALLABLE, UNSETTLED, RolloutState, Running, UnitState
from fleet.domain.treatment import Mode
from fleet.domain.unit import IN_SERVICE, Trust
from fleet.store.rollouts import STARTED
from fleet.store.tables.equipment import configurations, units
from fleet.store.tables.releases import release_images, releases
from fleet.store.tables.rollouts import rollout_units, rollouts, running_images
from fleet.store.unit_of_work import UnitOfWork

OFFERED = (RolloutState.RUNNING, RolloutState.FINISHED)


class ChannelRepository:
    """Reached through units the caller has found in its scope, by the gateway, or by a job."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection

    def of(self, serials: Collection[str]) -> dict[str, Channel]:
        """The channel of each of those units; one without a configuration is on stable."""
        query = select(configurations.c.serial, configurations.c.channel).where(configurations.c.serial.in_(serials))
        known = {row.serial: Channel(row.channel) for row in self._connection.execute(query)}
        return {serial: known.get(serial, Channel.STABLE) for serial in serials}

    def runs_beta(self, serial: str) -> bool:
        """Whether the unit last registered with a beta release."""
        query = select(exists().where(running_images.c.serial == serial, _is_beta()))
        return bool(self._connection.scalar(query))

    def off_channel(self, after: str, limit: int) -> list[OnBeta]:
        """At most `limit` units in service, above that serial number, that run a beta release, are not on channel beta,
        and for which no rollout waits."""
        run = running_images.c
        under_way = (
            exists()
            .where(rollout_units.c.serial == run.serial, rollout_units.c.state.in_(UNSETTLED))
            .where(rollouts.c.id == rollout_units.c.rollout_id, rollouts.c.state.in_(STARTED))
        )
        query = (
            _RUNNING.outerjoin(configurations, configurations.c.serial == run.serial)
            .where(func.coalesce(configurations.c.channel, Channel.STABLE) != Channel.BETA)
            .where(run.serial > after, ~under_way)
        )
        return self._on_beta(query.order_by(run.serial).limit(limit))

    def on_beta(self, serial: str) -> OnBeta | None:
        """That unit, if it is in service and runs a beta release."""
        return next(iter(self._on_beta(_RUNNING.where(running_images.c.serial == serial))), None)

    def offered(self) -> Mapping[int, int]:
        """The releases whose last started rollout runs or finished, with that rollout, both by number."""
        latest = (
            select(func.max(rollouts.c.id).label("id"))
            .where(rollouts.c.started_at.is_not(None), rollouts.c.mode != Mode.DOWNLOAD_ONLY)
            .group_by(rollouts.c.release_id)
            .subquery()
        )
        query = select(rollouts.c.release_id, rollouts.c.id).join(latest, latest.c.id == rollouts.c.id)
        rows = self._connection.execute(query.where(rollouts.c.state.in_(OFFERED)))
        return {row.release_id: row.id for row in rows}

    def beta_parts(self, serial: str) -> list[int]:
        """The started rollouts that want a beta release on that unit and can still be told not to, by number."""
        query = _images_of_parts(select(rollout_units.c.rollout_id)).where(rollout_units.c.serial == serial)
        query = query.where(rollout_units.c.state.in_(RECALLABLE), rollouts.c.state.in_(STARTED), release_images.c.beta)
        return list(self._connection.execute(query.order_by(rollout_units.c.rollout_id)).scalars())

    def _on_beta(self, query: Select[Any]) -> list[OnBeta]:
        rows = self._connection.execute(query).all()
        serials = [row.serial for row in rows]
        floors, failed = self._floors(serials), self._failed(serials)
        return [
            OnBeta(
                row.serial,
                Running(row.board, row.hardware_revision, row.abi, row.version, row.release_counter, row.sha256),
                max(row.security_counter, floors.get(row.serial, 0)),
                failed[row.serial],
            )
            for row in rows
        ]

    def _floors(self, serials: Collection[str]) -> dict[str, int]:
        """The highest security counter each of those units confirmed in a rollout."""
        floor = func.max(release_images.c.security_counter).label("floor")
        query: Select[Any] = _images_of_parts(select(rollout_units.c.serial, floor)).where(
            rollout_units.c.serial.in_(serials)
        )
        query = query.where(rollout_units.c.state == UnitState.CONFIRMED).group_by(rollout_units.c.serial)
        return {row.serial: row.floor for row in self._connection.execute(query)}

    def _failed(self, serials: Collection[str]) -> Mapping[str, set[str]]:
        """The releases each of those units went back from or gave up."""
        query = (
            select(rollout_units.c.serial, releases.c.version)
            .join(rollouts, rollouts.c.id == rollout_units.c.rollout_id)
            .join(releases, releases.c.id == rollouts.c.release_id)
            .where(rollout_units.c.serial.in_(serials), rollout_units.c.state.in_(FAILURES))
        )
        found: defaultdict[str, set[str]] = defaultdict(set)
        for row in self._connection.execute(query):
            found[row.serial].add(row.version)
        return found


def _is_beta() -> ColumnElement[bool]:
    return running_images.c.sha256.in_(select(release_images.c.sha256).where(release_images.c.beta))


def _images_of_parts(query: Select[Any]) -> Select[Any]:
    """The query, of rollout_units, with the image each part was to bring."""
    return (
        query.join(rollouts, rollouts.c.id == rollout_units.c.rollout_id)
        .join(units, units.c.serial == rollout_units.c.serial)
        .join(
            release_images,
            (release_images.c.release_id == rollouts.c.release_id) & (release_images.c.board == units.c.board),
        )
    )


# Two releases may have the same image: one of them is enough to know the unit's floor, and the stricter counts.
_COUNTER = (
    select(func.max(release_images.c.security_counter))
    .where(release_images.c.sha256 == running_images.c.sha256)
    .scalar_subquery()
)
_RUNNING = (
    select(running_images, _COUNTER.label("security_counter"))
    .join(units, units.c.serial == running_images.c.serial)
    .where(_is_beta(), units.c.trust == Trust.GOOD, units.c.service.in_(IN_SERVICE))
)
