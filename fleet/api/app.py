"""The HTTP application: every router of the fleet, one guard, one form of error, one envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI
from starlette.types import ASGIApp

from fleet.api import (
    accounts,
    administrators,
    audit,
    blind_returns,
    breach_notices,
    calls,
    cancellations,
    change_notices,
    charges,
    clone_alarms,
    data,
    destinations,
    distributors,
    health,
    locations,
    mac_blocks,
    mac_leases,
    metrics,
    minimum_versions,
    networks,
    numbers,
    orders,
    outbox,
    people,
    pick_lists,
    policy,
    provisioning,
    refurbishings,
    releases,
    returns,
    rmas,
    rollouts,
    sessions,
    setup,
    shifts,
    shipments,
    suspensions,
    terms,
    tokens,
    unit_imports,
    unit_updates,
    units,
    updates,
    use_reviews,
    voice,
)
from fleet.api.envelope import Envelope
from fleet.api.problems import add_problem_handlers
from fleet.api.routing import PermittedRouter
from fleet.services.build import Services

MAX_BODY_BYTES: Final = 1024 * 1024  # a route that takes more says so with max_body_size
ROUTERS: Final[tuple[PermittedRouter, ...]] = (
    health.router,
    metrics.router,
    setup.router,
    shifts.router,
    sessions.router,
    people.router,
    tokens.router,
    outbox.router,
    releases.router,
    rollouts.router,
    minimum_versions.router,
    updates.router,
    mac_blocks.router,
    mac_leases.router,
    unit_imports.router,
    provisioning.router,
    units.router,
    clone_alarms.router,
    locations.router,
    numbers.router,
    networks.router,
    voice.router,
    calls.router,
    use_reviews.router,
    destinations.router,
    unit_updates.router,
    accounts.router,
    administrators.router,
    distributors.router,
    orders.router,
    pick_lists.router,
    policy.router,
    terms.router,
    charges.router,
    cancellations.router,
    suspensions.router,
    breach_notices.router,
    change_notices.router,
    rmas.router,
    returns.router,
    blind_returns.router,
    shipments.router,
    data.router,
    refurbishings.router,
    audit.router,
)


def create_app(services: Services, mounts: Mapping[str, ASGIApp] | None = None) -> FastAPI:
    """The application on `services`; `mounts` are further applications by path, as the console."""
    app = FastAPI(
        title="Plugtone fleet service",
        version="1",
        openapi_url=None,  # served by fleet.api.health, behind the same envelope and with a declared permission
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    for router in ROUTERS:
        app.include_router(router, max_body_size=MAX_BODY_BYTES)  # on the app it would stand outside the envelope
    for path, mounted in (mounts or {}).items():
        app.mount(path, mounted)
    add_problem_handlers(app)
    app.add_middleware(Envelope)
    return app
