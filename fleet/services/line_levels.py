"""What a unit's line may do is worked out anew wherever a fact about it changes, and the unit is told (ER 5 to 7).

Every function is given the unit as it is after the change, held by the caller; nothing here commits.
"""

from __future__ import annotations

from fleet.domain.admission import ADMITTED
from fleet.domain.configuration import Configuration
from fleet.domain.line_allowance import LineAllowance, LineFacts, line_allowance
from fleet.domain.phone_number import HELD, number_for_line
from fleet.domain.registered_location import LocationState, location_state
from fleet.domain.suspension import AccountService
from fleet.domain.unit import Trust, Unit
from fleet.services.downlinks import Downlinks
from fleet.services.voice_accounts import keep_account, tell_registrar
from fleet.store.configurations import ConfigurationRepository
from fleet.store.locations import LocationRepository, WhereaboutsRepository
from fleet.store.minimum_versions import MinimumVersionRepository
from fleet.store.networks import ExportBlockRepository
from fleet.store.numbers import NumberRepository
from fleet.store.placements import PlacementRepository
from fleet.store.standings import StandingRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.waiting_swaps import WaitingSwapRepository


def assess_line(uow: UnitOfWork, unit: Unit) -> LineAllowance:
    """What the unit's line may do by the facts as they stand in this transaction, and why."""
    return line_allowance(_facts(uow, unit)[0])


def store_line(uow: UnitOfWork, unit: Unit) -> Configuration | None:
    """Keep what the unit's line may do, and its voice account; its next configuration if that changed, to be told."""
    configurations = ConfigurationRepository(uow)
    facts, called_by = _facts(uow, unit)
    before, level = configurations.of(unit.serial), line_allowance(facts).level
    settings = before.with_line(level, keep_account(uow, unit, level, called_by))
    if settings is before:
        return None
    if _as_registrar_sees(settings) != _as_registrar_sees(before):
        tell_registrar(uow, unit.serial, settings.version)
    return configurations.save(settings)


def set_line(uow: UnitOfWork, unit: Unit, downlinks: Downlinks) -> None:
    """Keep what the unit's line may do; the unit hears of a change at once, or when it comes on.

    One that would not be let in hears nothing: no configuration leaves for a doubtful identity (ER 2).
    """
    settings = store_line(uow, unit)
    if settings is not None and unit.trust is Trust.GOOD and unit.custody in ADMITTED:
        downlinks.queue_configuration(uow, settings)


def _as_registrar_sees(settings: Configuration) -> tuple[str, str] | None:
    """The account and what it may do; None without one."""
    return None if settings.voice is None else (settings.voice.account, settings.line_level)


def _facts(uow: UnitOfWork, unit: Unit) -> tuple[LineFacts, int | None]:
    """What the level rests on, and the id of the number that the line is called by; None while it is by none."""
    placements = PlacementRepository(uow)
    placement = placements.open_of(unit.serial)
    if placement is None:
        missing = LocationState.MISSING
        return LineFacts(unit.custody, unit.trust, AccountService.ENDED, missing, None, came_on=False), None
    line, seen = placements.line_of(placement), WhereaboutsRepository(uow).of(unit.serial)
    number, waits = number_for_line(NumberRepository(uow).of_line(line)), WaitingSwapRepository(uow).of(placement.id)
    # One that waits for its turn leaves the number to the unit that serves.
    called_by = number.id if number is not None and number.state in HELD and waits is None else None
    facts = LineFacts(
        custody=unit.custody,
        trust=unit.trust,
        account_service=StandingRepository(uow).of(placement.opened.account_id).state,
        location=location_state(LocationRepository(uow).of(line), seen.network),
        number=None if number is None else number.state,
        unit_in_service=not TermEventRepository(uow).has_ended(placement.id),
        refused_security_update=MinimumVersionRepository(uow).refuses(unit),
        country_blocked=ExportBlockRepository(uow).has(seen.country),
        came_on=placement.registered_at is not None,
        waits_for_call=waits is not None,
    )
    return facts, called_by
