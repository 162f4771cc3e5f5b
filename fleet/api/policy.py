"""Policy values over HTTP: what is in force on a day, and what takes over later."""

from __future__ import annotations

import datetime

from pydantic import BaseModel, Field

from fleet.api.routing import IF_MATCH, ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.policy import SINCE_EVER, PolicyName, PolicyValue

router = PermittedRouter(tags=["policy"])

MAX_VALUE = 2**53  # what every reader of JSON keeps; the rules bound each value more tightly


class PolicyValueIn(BaseModel):
    """`value` in the unit that `name` ends in. `effective_from`: a date after today, by the operator's clock."""

    name: PolicyName
    value: int = Field(ge=0, le=MAX_VALUE)
    effective_from: datetime.date


class PolicyValueOut(BaseModel):
    """`effective_from` null: the default, in force since ever."""

    name: PolicyName
    value: int
    effective_from: datetime.date | None


class PolicyLineOut(PolicyValueOut):
    """`coming`: the values that take over later, the next one first."""

    coming: list[PolicyValueOut]


class PolicyOut(BaseModel):
    """`version` counts the values that were ever set."""

    date: datetime.date
    version: int
    values: list[PolicyLineOut]


def present_value(value: PolicyValue) -> PolicyValueOut:
    """A policy value as the API shows it."""
    since = None if value.effective_from == SINCE_EVER else value.effective_from
    return PolicyValueOut(name=value.name, value=value.value, effective_from=since)


@router.get("/v1/policy", permission=Permission.POLICY_READ)
def get_policy(actor: ActorDep, services: ServicesDep, date: datetime.date | None = None) -> PolicyOut:
    """Every amount and period in force on `date` (default: today)."""
    day, lines, version = services.policy.on(actor, date)
    values = [
        PolicyLineOut(**present_value(line.in_force).model_dump(), coming=[present_value(each) for each in line.coming])
        for line in lines
    ]
    return PolicyOut(date=day, version=version, values=values)


@router.post(
    "/v1/policy", permission=Permission.POLICY_MANAGE, status_code=201, openapi_extra={"parameters": [IF_MATCH]}
)
def set_value(body: PolicyValueIn, actor: ActorDep, services: ServicesDep) -> PolicyValueOut:
    """Set a value from a later date on; what was decided before stays as it was."""
    return present_value(services.policy.set(actor, PolicyValue(body.name, body.effective_from, body.value)))
