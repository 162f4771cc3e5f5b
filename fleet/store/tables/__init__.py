"""The tables, a module an area; importing this package declares them all."""

from fleet.store.tables import (
    charges,
    commerce,
    endings,
    equipment,
    ingest,
    inventory,
    jobs,
    journal,
    people,
    refurbishing,
    releases,
    requests,
    retention,
    rollouts,
    telephony,
    trust,
)

__all__ = [
    "charges",
    "commerce",
    "endings",
    "equipment",
    "ingest",
    "inventory",
    "jobs",
    "journal",
    "people",
    "refurbishing",
    "releases",
    "requests",
    "retention",
    "rollouts",
    "telephony",
    "trust",
]
