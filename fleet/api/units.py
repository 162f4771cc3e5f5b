"""Units over HTTP: look, command, configure, quarantine, revoke, scrap."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, Field

from fleet.api.fields import OnRecordIn, SerialField, WhyIn, parse_mac
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.references import account_number, present_account
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.claim import MAX_CODE_CHARACTERS
from fleet.domain.command import Command
from fleet.domain.configuration import Channel, Configuration, parse_window
from fleet.domain.errors import NotFoundError
from fleet.domain.heartbeat import Heartbeat
from fleet.domain.line_allowance import LineLevel
from fleet.domain.money import ZERO
from fleet.domain.ownership import Ownership
from fleet.domain.references import Noun, refer
from fleet.domain.refurbishing import Grade, Refurbishing
from fleet.domain.unit import Custody, Service, Trust, Unit, UnitCondition
from fleet.services.units import UnitDetail
from protocol.wire.enumerations import LINE_STATES, UNIT_STATES, UPDATE_STATES

router = PermittedRouter(tags=["units"])

MAX_ARGUMENT = 0xFFFFFFFF


class UnitOut(BaseModel):
    serial: str
    mac: str
    board: str
    hardware_revision: int
    epoch: int
    custody: Custody
    service: Service
    trust: Trust
    account: str | None
    version: str
    release_counter: int
    condition: UnitCondition
    ownership: Ownership


class ConfigurationOut(BaseModel):
    """`window`: local times at the site, null for the operator's default."""

    version: int
    channel: Channel
    window: tuple[str, str] | None
    line_level: LineLevel


class HeartbeatOut(BaseModel):
    received_at: datetime
    uptime_s: int
    state: str
    line_state: str
    update_state: str
    slot: int
    release_counter: int
    config_version: int
    free_heap_bytes: int


class ReadinessOut(BaseModel):
    at: datetime
    configured_ms: int
    tls_ms: int


class CommandOut(BaseModel):
    """`result` and `detail` are null until the unit answers."""

    id: int
    command: str
    argument: int
    asked_at: datetime
    result: str | None
    detail: str | None


class LineOut(BaseModel):
    """What the unit's line may do now; `reason` in words, and the rule it stands in.

    `state`: as the unit last said, null if it never did. `account_since`: its account at the registrar, null for none.
    """

    level: LineLevel
    rule: str
    reason: str
    state: str | None
    account_since: datetime | None


class RefurbishingOut(BaseModel):
    """Where a unit that came back stands, in short; GET /v1/units/SERIAL/refurbishing has its steps."""

    round: int
    state: Refurbishing
    grade: Grade | None


class UnitDetailOut(UnitOut):
    """`refurbishing` is the operator's own: null for an account. `runs_beta`: it registered with a beta release."""

    runs_beta: bool
    further_macs: list[str]
    refurbishing: RefurbishingOut | None
    configuration: ConfigurationOut
    line: LineOut
    heartbeat: HeartbeatOut | None
    ready: ReadinessOut | None
    commands: list[CommandOut]


class CommandIn(BaseModel):
    command: Literal["check_update", "restart", "identify", "self_test", "send_events"]
    argument: int = Field(default=0, ge=0, le=MAX_ARGUMENT)


class ConfigurationIn(BaseModel):
    """`window`: two local times like 02:00, equal for any time; null for the operator's default.

    `administrator`: on record for another channel; null: the account's only one.
    """

    channel: Channel = Channel.STABLE
    window: tuple[str, str] | None = None
    administrator: str | None = Field(default=None, max_length=32)


class ChannelIn(OnRecordIn):
    """Of channel beta a unit gets beta releases as well."""

    channel: Channel


class ChannelOut(BaseModel):
    """`goes_back_to`: the release the unit gets in place of the beta it runs; `words`: which, or why it stays."""

    version: int
    channel: Channel
    goes_back_to: str | None
    words: str


def present_unit(unit: Unit) -> UnitOut:
    """A unit as lists show it."""
    return UnitOut(
        serial=unit.serial,
        mac=str(unit.mac),
        board=unit.board,
        hardware_revision=unit.hardware_revision,
        epoch=unit.epoch,
        custody=unit.custody,
        service=unit.service,
        trust=unit.trust,
        account=present_account(unit.account_id),
        version=unit.version,
        release_counter=unit.release_counter,
        condition=unit.condition,
        ownership=unit.ownership,
    )


def present_detail(detail: UnitDetail) -> UnitDetailOut:
    """A unit with all that is known of it."""
    ready, last = detail.readiness, detail.refurbishing
    return UnitDetailOut(
        **present_unit(detail.unit).model_dump(),
        runs_beta=detail.runs_beta,
        further_macs=[str(mac) for mac in detail.further_macs],
        refurbishing=None if last is None else RefurbishingOut(round=last.number, state=last.state, grade=last.grade),
        configuration=present_configuration(detail.configuration),
        line=present_line(detail),
        heartbeat=None if detail.heartbeat is None else present_heartbeat(detail.heartbeat),
        ready=None
        if ready is None
        else ReadinessOut(at=ready.at, configured_ms=ready.configured_ms, tls_ms=ready.tls_ms),
        commands=[present_command(command) for command in detail.commands],
    )


def present_line(detail: UnitDetail) -> LineOut:
    """What a line may do, and why, and where it stands."""
    line, beat = detail.line, detail.heartbeat
    return LineOut(
        level=line.level,
        rule=line.reason.rule,
        reason=line.reason.text,
        state=None if beat is None else LINE_STATES[beat.line_state],
        account_since=detail.account_since,
    )


def present_heartbeat(beat: Heartbeat) -> HeartbeatOut:
    """A heartbeat with its numbers in words."""
    return HeartbeatOut(
        received_at=beat.received_at,
        uptime_s=beat.uptime_s,
        state=UNIT_STATES[beat.state],
        line_state=LINE_STATES[beat.line_state],
        update_state=UPDATE_STATES[beat.update_state],
        slot=beat.slot,
        release_counter=beat.release_counter,
        config_version=beat.config_version,
        free_heap_bytes=beat.free_heap_bytes,
    )


def present_configuration(settings: Configuration) -> ConfigurationOut:
    """A configuration as the API shows it."""
    window = settings.window
    return ConfigurationOut(
        version=settings.version,
        channel=settings.channel,
        window=None if window is None else (f"{window.begins:%H:%M}", f"{window.ends:%H:%M}"),
        line_level=settings.line_level,
    )


def present_command(command: Command) -> CommandOut:
    """A command and what became of it."""
    return CommandOut(
        id=command.id,
        command=command.command,
        argument=command.argument,
        asked_at=command.asked_at,
        result=command.result,
        detail=command.detail,
    )


@router.get("/v1/units", permission=Permission.UNIT_READ)
def list_units(
    page: PageDep,
    actor: ActorDep,
    services: ServicesDep,
    custody: Custody | None = None,
    account: Annotated[str | None, Query(max_length=32)] = None,
) -> Page[UnitOut]:
    """The units in one's scope, by serial number."""
    units = services.units.page(actor, page.limit + 1, page.after, custody, account_number(account))
    return make_page(units, page.limit, lambda unit: unit.serial, present_unit)


@router.get("/v1/units/by-mac/{mac}", permission=Permission.UNIT_READ)
def get_by_mac(mac: str, actor: ActorDep, services: ServicesDep) -> UnitOut:
    """The unit with that MAC address."""
    try:
        address = parse_mac(mac)
    except ValueError as error:
        raise NotFoundError(str(error)) from None
    return present_unit(services.units.by_mac(actor, address))


@router.get("/v1/units/{serial}", permission=Permission.UNIT_READ)
def get_unit(serial: str, actor: ActorDep, services: ServicesDep) -> UnitDetailOut:
    """One unit, with its configuration, last heartbeat and latest commands."""
    return present_detail(services.units.get(actor, serial))


class ClaimIn(BaseModel):
    """What the unit's label says; the code stands in its QR."""

    serial: SerialField
    code: str = Field(min_length=1, max_length=MAX_CODE_CHARACTERS)


@router.post("/v1/units/claim", permission=Permission.UNIT_CLAIM)
def claim_unit(body: ClaimIn, actor: ActorDep, services: ServicesDep) -> UnitOut:
    """Take a unit that is nobody's into one's account; five wrong codes, and it waits a day."""
    return present_unit(services.claims.claim(actor, body.serial, body.code))


class RemovedLineOut(BaseModel):
    """Service of the unit ended at `ended_at`; `reasons` say what `total_cents` is charged for."""

    unit: str
    account: str
    ended_at: datetime
    total_cents: int
    reasons: list[str]


@router.post("/v1/units/{serial}/remove-line", permission=Permission.CANCELLATION_MANAGE)
def remove_line(serial: str, body: OnRecordIn, actor: ActorDep, services: ServicesDep) -> RemovedLineOut:
    """Take the last line from the unit for its account: its service ends now, and what that costs is charged."""
    removed = services.line_removals.remove(actor, serial, body.administrator)
    return RemovedLineOut(
        unit=removed.serial,
        account=refer(Noun.ACCOUNT, removed.account_id),
        ended_at=removed.at,
        total_cents=sum((charge.amount for charge in removed.charges), ZERO).cents,
        reasons=[str(charge.reason) for charge in removed.charges],
    )


@router.post("/v1/units/{serial}/commands", permission=Permission.UNIT_MANAGE, status_code=202)
def send_command(serial: str, body: CommandIn, actor: ActorDep, services: ServicesDep) -> CommandOut:
    """Send the unit a command; its answer is read with the unit."""
    return present_command(services.units.command(actor, serial, body.command, body.argument))


@router.put("/v1/units/{serial}/configuration", permission=Permission.UNIT_MANAGE)
def configure(
    serial: str,
    body: ConfigurationIn,
    actor: ActorDep,
    services: ServicesDep,
) -> ConfigurationOut:
    """Change the unit's channel and maintenance window; If-Match takes the version of the configuration."""
    window = None if body.window is None else parse_window(*body.window)
    settings = services.units.configure(actor, serial, body.channel, window, body.administrator)
    return present_configuration(settings)


@router.put("/v1/units/{serial}/channel", permission=Permission.CHANNEL_CHOOSE)
def choose_channel(serial: str, body: ChannelIn, actor: ActorDep, services: ServicesDep) -> ChannelOut:
    """Opt a unit into beta releases or out of them, in an Administrator's name."""
    chosen = services.channels.choose(actor, serial, body.channel, body.administrator)
    back = chosen.way_back
    return ChannelOut(
        version=chosen.configuration.version,
        channel=chosen.configuration.channel,
        goes_back_to=back.release if back else None,
        words=back.words if back else "",
    )


@router.post("/v1/units/{serial}/quarantine", permission=Permission.UNIT_MANAGE)
def quarantine(serial: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> UnitOut:
    """Take line and configuration from the unit until it is cleared."""
    return present_unit(services.units.quarantine(actor, serial, body.reason))


@router.post("/v1/units/{serial}/clear", permission=Permission.UNIT_MANAGE)
def clear(serial: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> UnitOut:
    """End the unit's quarantine."""
    return present_unit(services.units.clear(actor, serial, body.reason))


@router.post("/v1/units/{serial}/revoke", permission=Permission.UNIT_MANAGE)
def revoke(serial: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> UnitOut:
    """End the unit's identity for ever."""
    return present_unit(services.units.revoke(actor, serial, body.reason))


@router.post("/v1/units/{serial}/scrap", permission=Permission.UNIT_MANAGE)
def scrap(serial: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> UnitOut:
    """The end of a unit that is in our hands."""
    return present_unit(services.units.scrap(actor, serial, body.reason))
