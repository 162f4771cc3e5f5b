"""The tables, a module an area; importing this package declares them all."""

from fleet.store.tables import commerce, equipment, ingest, jobs, journal, people, releases, requests, rollouts

__all__ = ["commerce", "equipment", "ingest", "jobs", "journal", "people", "releases", "requests", "rollouts"]
