"""`plugtone rma`: return and replace adapters, a command for each step."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list, show_one
from tools.label.scan import unit_named

rma = typer.Typer(no_args_is_help=True, add_completion=False)

RmaArgument = Annotated[str, typer.Argument(metavar="RMA", help="As RMA-1.")]
AtOption = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S"], help="UTC; now if not given.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it is kept.")]
CodeOption = Annotated[
    str, typer.Option(help="no_fault_found, hardware_defect, worn, liquid, impact, overvoltage, ...")
]
NoteOption = Annotated[str, typer.Option(help="What was seen.")]
PhotoOption = Annotated[str, typer.Option(help="The reference of a photo.")]


@rma.callback()
def describe() -> None:
    """Return and replace adapters: open, approve, reserve, ship, deliver, receive, inspect."""


@rma.command("list")
def list_rmas(as_json: JsonOption = False) -> None:
    """List the RMAs in your scope.

    Example: plugtone rma list
    """
    columns = ("id", "unit", "kind", "decision", "replacement", "replacement_unit", "return", "due_on")
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/rmas"), columns, as_json)


@rma.command("show")
def show(rma_id: RmaArgument, as_json: JsonOption = False) -> None:
    """Show one RMA and its steps.

    Example: plugtone rma show RMA-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/rmas/{rma_id}"), as_json)


@rma.command("open")
def open_rma(
    unit: Annotated[str, typer.Option(help="The unit's serial number.")],
    kind: Annotated[str, typer.Option(help="defect, trial_return, cancellation_return or wrong_item")],
    reason: ReasonOption,
    mode: Annotated[str, typer.Option(help="advance or on_receipt: when the replacement goes out")] = "advance",
    as_json: JsonOption = False,
) -> None:
    """Ask for the return of a unit that is at an account.

    Example: plugtone rma open --unit PT000000018 --kind defect --reason "no dial tone"
    """
    body = {"unit": unit, "kind": kind, "mode": mode, "reason": reason}
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post("/v1/rmas", body), as_json)


@rma.command("approve")
def approve(rma_id: RmaArgument, reason: ReasonOption = "", as_json: JsonOption = False) -> None:
    """Grant it: the return's deadline counts from now.

    Example: plugtone rma approve RMA-1
    """
    _step(rma_id, "approve", {"reason": reason}, as_json)


@rma.command("deny")
def deny(rma_id: RmaArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Refuse it.

    Example: plugtone rma deny RMA-1 --reason "out of warranty"
    """
    _step(rma_id, "deny", {"reason": reason}, as_json)


@rma.command("cancel")
def cancel(rma_id: RmaArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Withdraw it before anything was sent.

    Example: plugtone rma cancel RMA-1 --reason "works again"
    """
    _step(rma_id, "cancel", {"reason": reason}, as_json)


@rma.command("reserve")
def reserve(
    rma_id: RmaArgument,
    serial: Annotated[str | None, typer.Option(help="This unit; else the first of its board in stock.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Set a replacement aside.

    Example: plugtone rma reserve RMA-1
    """
    _step(rma_id, "reserve", {"serial": serial}, as_json)


@rma.command("release")
def release(rma_id: RmaArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Put what was set aside back to stock.

    Example: plugtone rma release RMA-1 --reason "it was spoilt"
    """
    _step(rma_id, "release", {"reason": reason}, as_json)


@rma.command("ship")
def ship(
    rma_id: RmaArgument,
    carrier: Annotated[str, typer.Option(help="Who carries the parcel.")],
    tracking: Annotated[str, typer.Option(help="The carrier's number.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Send the replacement; its first registration swaps it in.

    Example: plugtone rma ship RMA-1 --carrier UPS --tracking 1Z999
    """
    _step(rma_id, "ship", {"carrier": carrier, "tracking": tracking}, as_json)


@rma.command("deliver")
def deliver(
    rma_id: RmaArgument,
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record the carrier's proof of delivery.

    Example: plugtone rma deliver RMA-1 --at 2026-11-22T15:04:00
    """
    _step(rma_id, "deliver", {"delivered_at": instant(at)}, as_json)


@rma.command("lose")
def lose(
    rma_id: RmaArgument,
    outcome: Annotated[str, typer.Option(help="lost, refused or returned")],
    as_json: JsonOption = False,
) -> None:
    """Record that the replacement did not arrive.

    Example: plugtone rma lose RMA-1 --outcome lost
    """
    _step(rma_id, "lose", {"outcome": outcome}, as_json)


@rma.command("receive")
def receive(
    rma_id: RmaArgument,
    serial: Annotated[str, typer.Option(help="The unit that came back: serial number, or what its QR code says.")],
    condition: Annotated[str, typer.Option(help="sound, defective, damaged or incomplete")],
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the returned unit in.

    Example: plugtone rma receive RMA-1 --serial PT000000018 --condition defective
    """
    body = {"serial": unit_named(serial), "condition": condition} | received(at)
    _step(rma_id, "receive", body, as_json)


@rma.command("hand-in")
def hand_in(rma_id: RmaArgument, at: AtOption = None, as_json: JsonOption = False) -> None:
    """Record that the carrier accepted the returned unit; that decides whether it is in time.

    Example: plugtone rma hand-in RMA-1 --at 2026-11-22T15:04:00
    """
    _step(rma_id, "hand-in", {"at": instant(at)}, as_json)


@rma.command("report-loss")
def report_loss(rma_id: RmaArgument, reason: ReasonOption, at: AtOption = None, as_json: JsonOption = False) -> None:
    """Record that the carrier lost the unit on its way back.

    Example: plugtone rma report-loss RMA-1 --reason "no scan since Ohio"
    """
    _step(rma_id, "report-loss", {"at": instant(at), "reason": reason}, as_json)


@rma.command("hold")
def hold(rma_id: RmaArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Set the received unit aside until it can be inspected.

    Example: plugtone rma hold RMA-1 --reason "smells of smoke"
    """
    _step(rma_id, "hold", {"reason": reason}, as_json)


@rma.command("inspect")
def inspect(
    rma_id: RmaArgument,
    code: CodeOption,
    note: NoteOption = "",
    photo: PhotoOption = "",
    as_json: JsonOption = False,
) -> None:
    """Record what the inspection found; it decides what the account pays or gets back.

    Example: plugtone rma inspect RMA-1 --code liquid --note "corroded around the plug"
    """
    _step(rma_id, "inspect", {"code": code, "note": note, "photo": photo}, as_json)


@rma.command("close")
def close(rma_id: RmaArgument, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Close it: nothing more is expected.

    Example: plugtone rma close RMA-1 --reason "restocked"
    """
    _step(rma_id, "close", {"reason": reason}, as_json)


def received(at: datetime | None) -> dict[str, str]:
    """The instant a unit came in, where it is noted later."""
    return {} if at is None else {"received_at": instant(at)}


def instant(at: datetime | None) -> str:
    """The instant given in UTC, or now."""
    return (at.replace(tzinfo=UTC) if at else datetime.now(UTC)).isoformat()


def _step(rma_id: str, step: str, body: dict[str, Any], as_json: bool) -> None:
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/rmas/{rma_id}/{step}", body), as_json)
