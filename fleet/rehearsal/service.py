"""The fleet's own services for a rehearsal: gateway's ingest, updates, rollouts and their steering, on a new database.

Orders are signed by a real director's key. What is not there is the update repository on disk: which images the release
owners signed is said by `Signed`, for a simulated unit loads no bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from securesystemslib.signer import CryptoSigner

from fleet.domain.access import Actor, ActorKind, Role, permissions_of
from fleet.domain.configuration import Window, parse_window
from fleet.domain.release import ReleaseImage
from fleet.rehearsal.order import Hours
from fleet.rehearsal.unit_session import Configuration
from fleet.services.call_records import CallRecords
from fleet.services.downlinks import Downlinks
from fleet.services.ingest import Ingest
from fleet.services.registration import Registration
from fleet.services.rollout_steering import Steering
from fleet.services.rollouts import Rollouts
from fleet.services.unit_updates import UnitUpdates
from fleet.settings import Settings
from fleet.store.base import make_engine
from fleet.store.releases import ReleaseRepository
from fleet.store.simulated_units import make_tables
from fleet.store.unit_of_work import Transactions
from fleet.updates.director import Director

MANAGER = Actor(ActorKind.PERSON, "PE-1", permissions_of(frozenset({Role.RELEASE_MANAGER})))
APPROVER = Actor(ActorKind.PERSON, "PE-2", permissions_of(frozenset({Role.APPROVER})))


@dataclass(frozen=True, slots=True)
class Signed:
    """The images of the releases that may be rolled out, by name."""

    named: Mapping[str, ReleaseImage]

    def images(self) -> Mapping[str, ReleaseImage]:
        """All of them."""
        return self.named


@dataclass(frozen=True, slots=True)
class Service:
    """What a running fleet service does for units and rollouts, in this process."""

    transactions: Transactions
    ingest: Ingest
    updates: UnitUpdates
    rollouts: Rollouts
    steering: Steering
    configuration: Configuration


def build(folder: Path, clock: Callable[[], datetime], releases: Mapping[str, Sequence[ReleaseImage]]) -> Service:
    """A service with those releases, by version, on a new database in `folder`, with a service's usual settings."""
    settings = Settings(data_dir=folder)
    engine = make_engine(settings.database)
    make_tables(engine)
    transactions, director = Transactions(engine, clock), Director(CryptoSigner.generate_ecdsa())
    with transactions.begin(MANAGER) as uow:
        for version, images in releases.items():
            for image in images:
                ReleaseRepository(uow).add_image(version, image, "")
        uow.commit()
    zone = ZoneInfo(settings.time_zone)
    window = parse_window(settings.maintenance_from, settings.maintenance_until)
    updates = UnitUpdates(transactions, lambda: director)
    registration = Registration(Downlinks(settings.heartbeat_s, zone, window))
    signed = Signed({image.name: image for images in releases.values() for image in images})
    return Service(
        transactions,
        Ingest(transactions, registration, updates, CallRecords(zone)),
        updates,
        Rollouts(transactions, signed),
        Steering(transactions),
        Configuration(1, settings.heartbeat_s, hours_of(window, clock(), zone)),
    )


def hours_of(window: Window, now: datetime, zone: ZoneInfo) -> Hours:
    """The maintenance hours as units are told them."""
    begins, ends = window.around(now, zone)
    return Hours(int(begins.timestamp()), int(ends.timestamp()))
