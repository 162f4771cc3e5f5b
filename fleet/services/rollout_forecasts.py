"""How a rollout by groups will go from now on, if all goes well: counted over the fleet when somebody asks."""

from __future__ import annotations

from fleet.domain.errors import ConflictError
from fleet.domain.rollout import ENDS, RolloutState
from fleet.domain.rollout_forecast import HEARD_WITHIN, Conditions, Forecast, forecast
from fleet.services.rollout_steering import populations, standing_of
from fleet.store.releases import ReleaseRepository
from fleet.store.rollout_groups import RolloutGroupRepository
from fleet.store.rollouts import RolloutRepository
from fleet.store.unit_of_work import UnitOfWork


def forecast_of(uow: UnitOfWork, rollout_id: int) -> Forecast:
    """The forecast; ConflictError for a rollout that ended or is stopping, NotFoundError for one without a plan."""
    rollout = RolloutRepository(uow).get(rollout_id)
    if rollout.state in {*ENDS, RolloutState.STOPPING}:
        raise ConflictError(f"{rollout.reference} is {rollout.state}; there is nothing to foretell")
    standing, groups = standing_of(uow, rollout), RolloutGroupRepository(uow)
    release = ReleaseRepository(uow).by_version(rollout.release)
    fits = [image.fit for image in release.images.values()]
    plan, counted = standing.course.plan, populations(groups, standing.course.plan, release)
    targets = groups.count_targets(fits, [plan.targets])
    heard = groups.count_targets(fits, [plan.targets], uow.now - HEARD_WITHIN)
    sizes = plan.fixed(counted).sizes(targets, counted)
    return forecast(standing, Conditions(sizes, heard / max(targets, 1), rollout.treatment.mode), uow.now)
