"""Phone numbers over HTTP: the inventory, who has which, porting, and what a number has been through."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import File, Query, UploadFile
from pydantic import BaseModel, Field

from fleet.api.fields import ReferenceField, WhyIn
from fleet.api.pages import Page, PageDep, make_page
from fleet.api.references import account_number, present_account
from fleet.api.routing import ActorDep, PermittedRouter, ServicesDep
from fleet.domain.access import Permission
from fleet.domain.phone_number import NumberEvent, NumberState, PhoneNumber
from fleet.domain.references import Noun, number_of
from fleet.services.numbers import RangeReport
from fleet.store.numbers import NumberStep

router = PermittedRouter(tags=["numbers"])

MAX_FILE_BYTES = 1024 * 1024
MAX_NUMBER_CHARACTERS = 40  # with spaces and dashes


class NumberOut(BaseModel):
    """`own`: of the operator's ranges. `line`: whose it is, or was until it went."""

    id: str
    number: str
    state: NumberState
    own: bool
    account: str | None
    line: str | None


class NumberStepOut(BaseModel):
    at: datetime
    event: NumberEvent
    state: NumberState
    account: str | None
    line: str | None
    actor: str
    why: str


class NumberDetailOut(NumberOut):
    history: list[NumberStepOut]


class RangeOut(BaseModel):
    """`new`: how many numbers of it are not known yet. `reason`: why it is refused, empty if it is not."""

    line: int
    range: str
    new: int
    reason: str


class ImportOut(BaseModel):
    """With one range refused, or in a dry run, nothing was taken in."""

    taken_in: int
    ranges: list[RangeOut]


class AssignmentIn(BaseModel):
    """`number` null: the first of the inventory."""

    number: str | None = Field(default=None, max_length=MAX_NUMBER_CHARACTERS)


class AskedIn(BaseModel):
    """`administrator`: who asked for it, as PE-1; null where the account has one alone."""

    administrator: ReferenceField | None = None


class PortInIn(AskedIn):
    number: str = Field(max_length=MAX_NUMBER_CHARACTERS)


def present_number(number: PhoneNumber) -> NumberOut:
    """A number as lists show it."""
    return NumberOut(
        id=number.reference,
        number=number.number,
        state=number.state,
        own=number.own,
        account=present_account(number.account_id),
        line=_line(number.line),
    )


def _present_step(step: NumberStep) -> NumberStepOut:
    account, line = present_account(step.account_id), _line(step.line)
    return NumberStepOut(
        at=step.at, event=step.event, state=step.state, account=account, line=line, actor=step.actor, why=step.why
    )


def _line(line: int | None) -> str | None:
    return None if line is None else f"line-{line}"


def _present_import(reports: list[RangeReport], dry_run: bool) -> ImportOut:
    refused = any(report.reason for report in reports)
    ranges = [RangeOut(line=each.line, range=each.range, new=each.new, reason=each.reason) for each in reports]
    return ImportOut(taken_in=0 if dry_run or refused else sum(each.new for each in reports), ranges=ranges)


@router.get("/v1/numbers", permission=Permission.NUMBER_READ)
def list_numbers(
    page: PageDep,
    actor: ActorDep,
    services: ServicesDep,
    state: NumberState | None = None,
    account: Annotated[str | None, Query(max_length=32)] = None,
    number: Annotated[str | None, Query(max_length=MAX_NUMBER_CHARACTERS)] = None,
) -> Page[NumberOut]:
    """The numbers in one's scope, or the one that is written so."""
    if number is not None:
        return make_page(services.numbers.find(actor, number), 1, lambda each: each.number, present_number)
    found = services.numbers.page(actor, page.limit + 1, page.after, state, account_number(account))
    return make_page(found, page.limit, lambda number: number.number, present_number)


@router.post("/v1/number-imports", permission=Permission.NUMBER_MANAGE, max_body_size=MAX_FILE_BYTES)
def take_in(
    actor: ActorDep, services: ServicesDep, file: Annotated[UploadFile, File()], dry_run: bool = False
) -> ImportOut:
    """Take in ranges of the operator's own numbers: a CSV file with the columns first and last."""
    return _present_import(services.numbers.take_in(actor, file.file, dry_run), dry_run)


@router.get("/v1/numbers/{number}", permission=Permission.NUMBER_READ)
def get_number(number: str, actor: ActorDep, services: ServicesDep) -> NumberDetailOut:
    """One number and its history."""
    found, history = services.numbers.get(actor, number_of(Noun.NUMBER, number))
    return NumberDetailOut(**present_number(found).model_dump(), history=[_present_step(step) for step in history])


@router.post("/v1/units/{serial}/assign-number", permission=Permission.NUMBER_MANAGE)
def assign(serial: str, body: AssignmentIn, actor: ActorDep, services: ServicesDep) -> NumberOut:
    """Give the unit's line a number of the inventory."""
    return present_number(services.numbers.assign(actor, serial, body.number))


@router.post("/v1/units/{serial}/port-in", permission=Permission.NUMBER_MANAGE)
def port_in(serial: str, body: PortInIn, actor: ActorDep, services: ServicesDep) -> NumberOut:
    """Note a number that is being ported in to the unit's line: outgoing calls only until it is effective."""
    return present_number(services.numbers.port_in(actor, serial, body.number, body.administrator))


@router.post("/v1/numbers/{number}/take-effect", permission=Permission.NUMBER_MANAGE)
def take_effect(number: str, actor: ActorDep, services: ServicesDep) -> NumberOut:
    """The port in is effective."""
    return present_number(services.numbers.take_effect(actor, number_of(Noun.NUMBER, number)))


@router.post("/v1/numbers/{number}/fail-port", permission=Permission.NUMBER_MANAGE)
def fail_port(number: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> NumberOut:
    """The port in failed: the number stays where it was."""
    return present_number(
        services.numbers.move(actor, number_of(Noun.NUMBER, number), NumberEvent.FAIL_PORT, body.reason)
    )


@router.post("/v1/numbers/{number}/port-out", permission=Permission.NUMBER_MANAGE)
def port_out(number: str, body: AskedIn, actor: ActorDep, services: ServicesDep) -> NumberOut:
    """The number went to another carrier; service goes on until it is cancelled."""
    return present_number(services.numbers.port_out(actor, number_of(Noun.NUMBER, number), body.administrator))


@router.post("/v1/numbers/{number}/release", permission=Permission.NUMBER_MANAGE)
def release(number: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> NumberOut:
    """Take the number from its line."""
    return present_number(
        services.numbers.move(actor, number_of(Noun.NUMBER, number), NumberEvent.RELEASE, body.reason)
    )


@router.post("/v1/numbers/{number}/restock", permission=Permission.NUMBER_MANAGE)
def restock(number: str, body: WhyIn, actor: ActorDep, services: ServicesDep) -> NumberOut:
    """Put a released number of the operator's own back into the inventory."""
    return present_number(
        services.numbers.move(actor, number_of(Noun.NUMBER, number), NumberEvent.RESTOCK, body.reason)
    )
