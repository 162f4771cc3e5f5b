"""Brings the database and the update repository to today's form, and gives the first admin a way in."""

from __future__ import annotations

from fleet.services.build import build_services
from fleet.settings import Settings
from fleet.store.migrate import migrate
from fleet.updates.repository import ensure


def prepare_fleet(settings: Settings) -> str | None:
    """The one-time setup link, None once there is an admin. Leaves no connection open: the caller forks."""
    migrate(settings.database)
    ensure(settings.data_dir)
    services = build_services(settings)
    try:
        return services.people.first_setup_link()
    finally:
        services.transactions.engine.dispose()
