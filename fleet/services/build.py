"""The services of one process, built from its settings: the graph every entry point shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from fleet.domain.configuration import parse_window
from fleet.domain.federal_reserve import FIRST_YEAR, federal_reserve_calendar
from fleet.pki.authority import DeviceAuthority, ServerAuthority
from fleet.pki.tokens import TokenAuthority
from fleet.services.access import Access
from fleet.services.accounts import Accounts
from fleet.services.administrators import Administrators
from fleet.services.audit import Audit
from fleet.services.blind_returns import BlindReturns
from fleet.services.call_records import CallRecords
from fleet.services.calls import Calls
from fleet.services.cancellations import Cancellations
from fleet.services.certificates import Certificates, credentials_of
from fleet.services.channels import Channels
from fleet.services.charges import Charges
from fleet.services.claims import Claims
from fleet.services.clone_alarms import CloneAlarms
from fleet.services.credentials import Passwords
from fleet.services.deadlines import Deadlines
from fleet.services.destination_blocks import DestinationBlocks
from fleet.services.distributors import Distributors
from fleet.services.downlinks import Downlinks
from fleet.services.errands import Errands
from fleet.services.figures import Figures
from fleet.services.ingest import Ingest
from fleet.services.jobs import Job
from fleet.services.line_removals import LineRemovals
from fleet.services.locations import Locations
from fleet.services.mac_blocks import MacBlocks
from fleet.services.mac_leases import MacLeases
from fleet.services.metering import MeteredDestinations, Metering
from fleet.services.minimum_versions import MinimumVersions
from fleet.services.networks import Networks
from fleet.services.numbers import Numbers
from fleet.services.orders import Orders
from fleet.services.outbox import Outbox
from fleet.services.people import People
from fleet.services.pick_lists import PickLists
from fleet.services.policy import Policy
from fleet.services.provisioning import FleetSide, Provisioning
from fleet.services.refurbishings import Refurbishings
from fleet.services.registration import Registration
from fleet.services.releases import Releases
from fleet.services.retention import Retention
from fleet.services.returns import Returns
from fleet.services.rmas import Rmas
from fleet.services.rollout_steering import Steering
from fleet.services.rollouts import Rollouts
from fleet.services.shipments import Shipments
from fleet.services.subjects import Subjects
from fleet.services.suspensions import Suspensions
from fleet.services.swap import Swaps
from fleet.services.terminations import Terminations
from fleet.services.terms import Terms
from fleet.services.unit_imports import UnitImports
from fleet.services.unit_updates import UnitUpdates
from fleet.services.unit_views import UnitViews
from fleet.services.units import Units
from fleet.services.update_explanations import UpdateExplanations
from fleet.services.use_reviews import UseReviews
from fleet.services.voice import Voice
from fleet.services.waivers import Waivers
from fleet.settings import Settings
from fleet.store.base import make_engine
from fleet.store.sealing import load_seal
from fleet.store.unit_of_work import Transactions
from fleet.updates.repository import Repository, ensure
from protocol.wire import messages

CERTIFICATE_CHECK: Final = timedelta(hours=1)
METADATA_CHECK: Final = timedelta(minutes=15)
DEADLINE_CHECK: Final = timedelta(minutes=15)
MAC_CHECK: Final = timedelta(hours=1)
PURGE_CHECK: Final = timedelta(hours=1)
STEER_EVERY: Final = timedelta(seconds=15)
SWAP_CHECK: Final = timedelta(seconds=15)
PROFILE_CHECK: Final = timedelta(seconds=5)
MONTH_CHECK: Final = timedelta(hours=1)
SWEEP_EVERY: Final = timedelta(hours=1)
LAST_HOLIDAY_YEAR: Final = 2060
HOLIDAYS: Final = federal_reserve_calendar(FIRST_YEAR, LAST_HOLIDAY_YEAR)  # by their own rule, for want of a list


@dataclass(frozen=True, slots=True)
class Services:
    """One attribute a service; each takes the actor first and opens its own transaction."""

    settings: Settings
    transactions: Transactions
    repository: Repository
    access: Access
    people: People
    subjects: Subjects
    errands: Errands
    outbox: Outbox
    audit: Audit
    figures: Figures
    retention: Retention
    accounts: Accounts
    administrators: Administrators
    mac_blocks: MacBlocks
    mac_leases: MacLeases
    unit_imports: UnitImports
    provisioning: Provisioning
    units: Units
    channels: Channels
    clone_alarms: CloneAlarms
    claims: Claims
    unit_views: UnitViews
    distributors: Distributors
    orders: Orders
    pick_lists: PickLists
    line_removals: LineRemovals
    locations: Locations
    numbers: Numbers
    networks: Networks
    voice: Voice
    calls: Calls
    metered_destinations: MeteredDestinations
    use_reviews: UseReviews
    destination_blocks: DestinationBlocks
    shipments: Shipments
    policy: Policy
    charges: Charges
    cancellations: Cancellations
    suspensions: Suspensions
    terminations: Terminations
    waivers: Waivers
    terms: Terms
    rmas: Rmas
    returns: Returns
    blind_returns: BlindReturns
    refurbishings: Refurbishings
    releases: Releases
    rollouts: Rollouts
    minimum_versions: MinimumVersions
    unit_updates: UnitUpdates
    update_explanations: UpdateExplanations
    ingest: Ingest
    jobs: tuple[Job, ...]


def utc_now() -> datetime:
    """The clock of a running service."""
    return datetime.now(UTC)


def build_services(
    settings: Settings, clock: Callable[[], datetime] = utc_now, passwords: Passwords | None = None
) -> Services:
    """The services on a data directory that has its authorities and a migrated database."""
    transactions = Transactions(make_engine(settings.database), clock, load_seal(settings.data_dir))
    repository, downlinks = ensure(settings.data_dir, clock()), _downlinks(settings)
    access = Access(transactions, passwords := passwords or Passwords())
    updates = UnitUpdates(transactions, lambda: repository.director)
    releases, channels = Releases(transactions, repository, updates), Channels(transactions, downlinks, repository)
    provisioning = _provisioning(settings, transactions, repository)
    return Services(
        settings=settings,
        transactions=transactions,
        repository=repository,
        access=access,
        people=People(transactions, access, passwords, settings.link_url),
        subjects=Subjects(transactions, access, downlinks.zone),
        errands=Errands(transactions),
        outbox=Outbox(transactions),
        audit=Audit(transactions),
        retention=Retention(transactions, downlinks.zone),
        accounts=Accounts(transactions),
        administrators=Administrators(transactions, access),
        mac_blocks=MacBlocks(transactions),
        mac_leases=MacLeases(transactions),
        unit_imports=UnitImports(transactions),
        provisioning=provisioning,
        units=Units(transactions, downlinks),
        channels=channels,
        **_trust(transactions, downlinks, provisioning),
        unit_views=UnitViews(transactions),
        **_sales(transactions, downlinks),
        **_calls(transactions, downlinks.zone),
        **_rules_and_figures(transactions, downlinks),
        **_returns(transactions, downlinks.zone),
        **_endings(transactions, downlinks),
        releases=releases,
        rollouts=Rollouts(transactions, repository),
        unit_updates=updates,
        update_explanations=UpdateExplanations(transactions, downlinks),
        ingest=Ingest(transactions, Registration(downlinks), updates, CallRecords(downlinks.zone)),
        jobs=(*_renewals(settings, transactions, releases), *_recurring(transactions, downlinks, access, channels)),
    )


def _sales(transactions: Transactions, downlinks: Downlinks) -> dict[str, Any]:
    return {
        "distributors": Distributors(transactions),
        "orders": Orders(transactions, downlinks.zone),
        "pick_lists": PickLists(transactions),
        "locations": Locations(transactions, downlinks),
        "numbers": Numbers(transactions, downlinks),
        "networks": Networks(transactions, downlinks),
        "charges": Charges(transactions),
        "terms": Terms(transactions, downlinks.zone),
        "voice": Voice(transactions, downlinks),
    }


def _calls(transactions: Transactions, zone: tzinfo) -> dict[str, Any]:
    return {
        "calls": Calls(transactions, zone),
        "metered_destinations": MeteredDestinations(transactions, zone),
        "use_reviews": UseReviews(transactions, zone),
        "destination_blocks": DestinationBlocks(transactions),
    }


def _trust(transactions: Transactions, downlinks: Downlinks, provisioning: Provisioning) -> dict[str, Any]:
    return {
        "clone_alarms": CloneAlarms(transactions, downlinks, provisioning),
        "claims": Claims(transactions, downlinks.zone),
    }


def _rules_and_figures(transactions: Transactions, downlinks: Downlinks) -> dict[str, Any]:
    return {
        "figures": Figures(transactions),
        "policy": Policy(transactions, downlinks.zone),
        "minimum_versions": MinimumVersions(transactions, downlinks),
    }


def _returns(transactions: Transactions, zone: tzinfo) -> dict[str, Any]:
    return {
        "rmas": (rmas := Rmas(transactions, zone)),
        "shipments": Shipments(transactions, rmas, zone),
        "returns": Returns(transactions, zone),
        "blind_returns": BlindReturns(transactions, zone),
        "refurbishings": Refurbishings(transactions),
    }


def _endings(transactions: Transactions, downlinks: Downlinks) -> dict[str, Any]:
    return {
        "cancellations": Cancellations(transactions, downlinks, HOLIDAYS),
        "line_removals": LineRemovals(transactions, downlinks),
        "suspensions": Suspensions(transactions, downlinks),
        "terminations": Terminations(transactions, downlinks, HOLIDAYS),
        "waivers": Waivers(transactions, downlinks.zone),
    }


def _downlinks(settings: Settings) -> Downlinks:
    window = parse_window(settings.maintenance_from, settings.maintenance_until)
    return Downlinks(settings.heartbeat_s, ZoneInfo(settings.time_zone), window, settings.mirrors)


def _renewals(settings: Settings, transactions: Transactions, releases: Releases) -> list[Job]:
    certificates = Certificates(transactions, credentials_of(settings))
    return [
        Job("renew certificates", CERTIFICATE_CHECK, certificates.renew),
        Job("renew metadata", METADATA_CHECK, lambda _actor: releases.renew_metadata(transactions.clock())),
    ]


def _recurring(transactions: Transactions, downlinks: Downlinks, access: Access, channels: Channels) -> list[Job]:
    kept = _sweeps(transactions, access) + _purges(transactions, downlinks)
    return _watches(transactions, downlinks, channels) + _months(transactions, downlinks.zone) + kept


def _watches(transactions: Transactions, downlinks: Downlinks, channels: Channels) -> list[Job]:
    cancellations = Cancellations(transactions, downlinks, HOLIDAYS)
    deadlines = Deadlines(transactions, downlinks.zone)
    return [
        Job("watch MAC supply", MAC_CHECK, MacBlocks(transactions).warn),
        Job("steer rollouts", STEER_EVERY, Steering(transactions).steer),
        Job("leave channel beta", STEER_EVERY, channels.send_back),
        Job("hold to minimum versions", DEADLINE_CHECK, MinimumVersions(transactions, downlinks).hold_units),
        Job("finish swaps", SWAP_CHECK, Swaps(transactions, downlinks).finish),
        Job("bring voice profile", PROFILE_CHECK, Voice(transactions, downlinks).bring_profile),
        # Before deadlines: after a silence no fee is then found covered by a value of a later day.
        Job("end services", DEADLINE_CHECK, cancellations.take_effect),
        Job("end deadlines", DEADLINE_CHECK, deadlines.expire),
        Job("remind of deadlines", DEADLINE_CHECK, deadlines.remind),
    ]


def _months(transactions: Transactions, zone: tzinfo) -> list[Job]:
    return [
        Job("charge metered calls", MONTH_CHECK, Metering(transactions, zone).charge),
        Job("measure use", MONTH_CHECK, UseReviews(transactions, zone).measure),
    ]


def _sweeps(transactions: Transactions, access: Access) -> list[Job]:
    return [
        Job("sweep sessions", SWEEP_EVERY, access.sweep),
        Job("sweep answers", SWEEP_EVERY, Errands(transactions).sweep),
        Job("sweep outbox", SWEEP_EVERY, Outbox(transactions).sweep),
    ]


def _purges(transactions: Transactions, downlinks: Downlinks) -> list[Job]:
    retention = Retention(transactions, downlinks.zone)
    return [
        Job("purge logs", PURGE_CHECK, retention.purge_logs),
        Job("purge closed accounts", PURGE_CHECK, retention.purge_closed_accounts),
    ]


def _provisioning(settings: Settings, transactions: Transactions, repository: Repository) -> Provisioning:
    authorities = settings.data_dir / "pki"
    addresses = {
        "broker_host": settings.public_host,
        "broker_port": settings.broker_port,
        "updates_host": settings.public_host,
        "updates_port": settings.https_port,
        "ntp": [{"host": settings.public_host, "port": settings.ntp_port}],
    }
    fleet_side = FleetSide(
        trust_anchors=ServerAuthority.load(authorities).anchor_der,
        root_metadata=repository.root_metadata,
        addresses=messages.pack("addresses", addresses),
        tokens=TokenAuthority.load(authorities),
    )
    return Provisioning(transactions, DeviceAuthority.load(authorities), fleet_side)
