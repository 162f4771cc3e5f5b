"""`plugtone unit refurbish`: what becomes of units that came back; they are wiped by `plugtone station wipe`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list, show_one
from tools.commands.rma import CodeOption, NoteOption, PhotoOption, ReasonOption

refurbish = typer.Typer(no_args_is_help=True, add_completion=False)

SerialArgument = Annotated[str, typer.Argument(help="Serial number, as on the label.")]

COLUMNS = ("unit", "round", "state", "code", "rma", "grade", "opened_at")


@refurbish.callback()
def describe() -> None:
    """Take returned units through triage, repair and grading, or to scrap."""


@refurbish.command("list")
def list_rounds(
    state: Annotated[str | None, typer.Option(help="Only those waiting, repaired, wiped, tested ...")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the units on the bench; with --state also those restocked or scrapped.

    Example: plugtone unit refurbish list --state waiting
    """
    wanted = {"state": state} if state else {}
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/refurbishings", **wanted), COLUMNS, as_json)


@refurbish.command("show")
def show(serial: SerialArgument, as_json: JsonOption = False) -> None:
    """Show where a unit stands and each step: who, when, why.

    Example: plugtone unit refurbish show PT000000018
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(_path(serial)), as_json)


@refurbish.command("take-in")
def take_in(
    serial: SerialArgument,
    code: CodeOption,
    note: NoteOption = "",
    photo: PhotoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Inspect a unit that came back by no RMA; else see `plugtone rma inspect`.

    Example: plugtone unit refurbish take-in PT000000018 --code no_fault_found --note "box unopened"
    """
    _post(_path(serial), {"code": code, "note": note, "photo": photo}, as_json)


@refurbish.command("repair")
def repair(serial: SerialArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Record that the unit was mended; it is wiped next.

    Example: plugtone unit refurbish repair PT000000018 --reason "new phone jack"
    """
    _step(serial, "repair", {"reason": reason}, as_json)


@refurbish.command("fail")
def fail(serial: SerialArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Give up on the unit as it is; it is repaired or scrapped next.

    Example: plugtone unit refurbish fail PT000000018 --reason "self-test: ethernet"
    """
    _step(serial, "fail", {"reason": reason}, as_json)


@refurbish.command("grade")
def grade(
    serial: SerialArgument,
    looks: Annotated[str, typer.Option("--grade", help="How it looks: a, b or c.")],
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Put a unit that passed its self-test into stock.

    Example: plugtone unit refurbish grade PT000000018 --grade b --reason "a scratch on the lid"
    """
    _step(serial, "grade", {"grade": looks, "reason": reason}, as_json)


@refurbish.command("scrap")
def scrap(serial: SerialArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """End the unit: its identity is revoked, its MAC never given again.

    Example: plugtone unit refurbish scrap PT000000018 --reason "corroded"
    """
    _step(serial, "scrap", {"reason": reason}, as_json)


def _path(serial: str) -> str:
    return f"/v1/units/{serial.upper()}/refurbishing"


def _step(serial: str, step: str, body: dict[str, Any], as_json: bool) -> None:
    _post(f"{_path(serial)}/{step}", body, as_json)


def _post(path: str, body: dict[str, Any], as_json: bool) -> None:
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(path, body), as_json)
