"""`plugtone return`: take in what comes to the warehouse by its label, and settle what came without an RMA."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list, show_one
from tools.commands.rma import AtOption, ReasonOption, instant, received
from tools.commands.unit import serial_of
from tools.label.scan import unit_named

returns = typer.Typer(no_args_is_help=True, add_completion=False)

BlindReturnArgument = Annotated[str, typer.Argument(metavar="BLIND_RETURN", help="As BR-1.")]


@returns.callback()
def describe() -> None:
    """Take in what comes to the warehouse; match or send back what came without an RMA."""


@returns.command("take-in")
def take_in(
    scanned: Annotated[
        str, typer.Argument(metavar="UNIT", help="Serial number, MAC address, or what the QR code says.")
    ],
    condition: Annotated[str, typer.Option(help="sound, defective, damaged or incomplete")],
    reason: Annotated[str, typer.Option(help="What the parcel says of itself; it is kept.")] = "scanned",
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in a unit by its label, under the RMA that waits for it. Without one it is held.

    Example: plugtone return take-in PT000000018 --condition sound --reason "note: cancelled"
    """
    with FleetClient.from_environment() as fleet:
        serial = serial_of(fleet, unit_named(scanned))
        body = {"serial": serial, "condition": condition, "reason": reason} | received(at)
        found = fleet.post("/v1/returns", body)
    if as_json:
        show_one(found, as_json)
    elif found["rma"] is not None:
        typer.echo(f"{serial} is received under {found['rma']['id']}; inspect it next")
    elif found["blind_return"] is not None:
        name, account = found["blind_return"]["id"], found["blind_return"]["account"]
        typer.echo(f"{serial} of {account} has no RMA: put it into quarantine as {name}")
        typer.echo(f"next: plugtone return match {name} --rma ..., or plugtone return send-back {name}")
    else:
        typer.echo(f"{serial} never arrived at its account: it is a returned unit of ours, for triage")


@returns.command("list")
def list_returns(
    settled: Annotated[bool, typer.Option("--settled", help="Also those that are settled.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the blind returns that still need an answer, the longest waiting first.

    Example: plugtone return list
    """
    columns = ("id", "unit", "account", "state", "waits_days", "condition", "rma", "tracking")
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/blind-returns", settled=settled), columns, as_json)


@returns.command("show")
def show(blind_return: BlindReturnArgument, as_json: JsonOption = False) -> None:
    """Show one blind return, its steps, and the RMAs that wait for its unit.

    Example: plugtone return show BR-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/blind-returns/{blind_return}"), as_json)


@returns.command("match")
def match(
    blind_return: BlindReturnArgument,
    rma: Annotated[str, typer.Option(help="The RMA it belongs to, as RMA-1.")],
    as_json: JsonOption = False,
) -> None:
    """Match it to an RMA: it counts as received on the day it first came in.

    Example: plugtone return match BR-1 --rma RMA-1
    """
    _step(blind_return, "match", {"rma": rma}, as_json)


@returns.command("send-back")
def send_back(
    blind_return: BlindReturnArgument,
    carrier: Annotated[str, typer.Option(help="Who carries the parcel.")],
    reason: ReasonOption,
    tracking: Annotated[str, typer.Option(help="The carrier's number.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Send it back to its account as it came.

    Example: plugtone return send-back BR-1 --carrier UPS --tracking 1Z999 --reason "no RMA asked for"
    """
    _step(blind_return, "send-back", {"carrier": carrier, "tracking": tracking, "reason": reason}, as_json)


@returns.command("deliver")
def deliver(blind_return: BlindReturnArgument, at: AtOption = None, as_json: JsonOption = False) -> None:
    """Record the carrier's proof that the account has it again.

    Example: plugtone return deliver BR-1 --at 2026-11-22T15:04:00
    """
    _step(blind_return, "deliver", {"delivered_at": instant(at)}, as_json)


@returns.command("come-back")
def come_back(blind_return: BlindReturnArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Record that the parcel was refused or not deliverable: the unit is here again.

    Example: plugtone return come-back BR-1 --reason refused
    """
    _step(blind_return, "come-back", {"reason": reason}, as_json)


def _step(blind_return: str, step: str, body: dict[str, Any], as_json: bool) -> None:
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/blind-returns/{blind_return}/{step}", body), as_json)
