"""Suspension over HTTP: whether an account has its service, taking it and giving it back."""

from __future__ import annotations

from pydantic import BaseModel, Field

from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.money import Money
from fleet.domain.references import Noun, number_of
from fleet.domain.suspension import AccountService, ServiceStanding, SuspensionReason

router = PermittedRouter(tags=["accounts"])

MAX_CENTS = 2**53


class SuspensionIn(BaseModel):
    """Each reason is decided by its own people: billing of non-payment, support of security."""

    reason: SuspensionReason


class LiftIn(BaseModel):
    """`unpaid_cents` and `reconnect_paid`: what billing says of the account now."""

    reason: SuspensionReason
    unpaid_cents: int = Field(ge=0, le=MAX_CENTS)
    reconnect_paid: bool


class StandingOut(BaseModel):
    """`episode` counts the account's suspensions."""

    state: AccountService
    reasons: list[SuspensionReason]
    episode: int
    version: int


def present_standing(standing: ServiceStanding) -> StandingOut:
    """An account's standing as the API shows it."""
    return StandingOut(
        state=standing.state, reasons=sorted(standing.reasons), episode=standing.episode, version=standing.version
    )


@router.get("/v1/accounts/{account}/service", permission=Permission.ACCOUNT_READ)
def get_service(account: str, actor: ActorDep, services: ServicesDep) -> StandingOut:
    """Whether the account has its service, and why not."""
    return present_standing(services.suspensions.standing(actor, number_of(Noun.ACCOUNT, account)))


@router.post("/v1/accounts/{account}/suspend", permission=Permission.SERVICE_SUSPEND)
def suspend(account: str, body: SuspensionIn, actor: ActorDep, services: ServicesDep) -> StandingOut:
    """Suspend the account's service, at once."""
    number = number_of(Noun.ACCOUNT, account)
    return present_standing(services.suspensions.suspend(actor, number, body.reason))


@router.post("/v1/accounts/{account}/reconnect-fee", permission=Permission.SERVICE_SUSPEND)
def charge_reconnect(account: str, actor: ActorDep, services: ServicesDep) -> StandingOut:
    """Charge the reconnect fee: the account wants its service back."""
    return present_standing(services.suspensions.charge_reconnect(actor, number_of(Noun.ACCOUNT, account)))


@router.post("/v1/accounts/{account}/lift", permission=Permission.SERVICE_SUSPEND)
def lift(account: str, body: LiftIn, actor: ActorDep, services: ServicesDep) -> StandingOut:
    """A reason no longer holds; with the last one service comes back."""
    number, unpaid = number_of(Noun.ACCOUNT, account), Money(body.unpaid_cents)
    return present_standing(services.suspensions.lift(actor, number, body.reason, unpaid, body.reconnect_paid))
