"""`plugtone pick`: put an order's units into its parcel by scanning them, and send it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tools.client import FleetClient, RefusedError
from tools.commands.label import DpiOption, PrinterOption, facts_of
from tools.commands.order import OrderArgument
from tools.commands.presentation import JsonOption, show_list, show_one
from tools.errors import ToolError
from tools.label import label_template, render
from tools.label.formats import zpl
from tools.label.packing_slip import as_pdf, as_text
from tools.label.printing import send
from tools.label.scan import unit_named

MAX_SCANS: Final = 1000

pick = typer.Typer(no_args_is_help=True, add_completion=False)

ScansArgument = Annotated[
    list[str] | None, typer.Argument(help="Units; without any, one a line is read until all is picked.")
]
ScanArgument = Annotated[str, typer.Argument(help="Serial number, MAC address, or what the QR code says.")]
SlipOption = Annotated[Path | None, typer.Option(help="The packing slip: a file ending in .pdf or .txt.")]


class WrongUnitsError(ToolError):
    """Some of what was scanned does not belong into the parcel."""


@pick.callback()
def describe() -> None:
    """Pick, pack and ship orders."""


@pick.command("list")
def list_orders(as_json: JsonOption = False) -> None:
    """List the orders that wait for units, the oldest first.

    Example: plugtone pick list
    """
    with FleetClient.from_environment() as fleet:
        found = [picks | {"picked": len(picks["picked"])} for picks in fleet.items("/v1/pick-lists")]
    show_list(found, ("order", "account", "order_date", "waits_for", "picked"), as_json)


@pick.command("show")
def show(order: OrderArgument, as_json: JsonOption = False) -> None:
    """Show what an order waits for, what is set aside for it, and its parcels.

    Example: plugtone pick show OR-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/pick-lists/{order}"), as_json)


@pick.command("scan")
def scan(
    order: OrderArgument,
    scans: ScansArgument = None,
    printer: PrinterOption = "",
    dpi: DpiOption = 203,
    as_json: JsonOption = False,
) -> None:
    """Set units aside for an order. A wrong one is stopped with the reason, and the next may be scanned.

    Cut off, the same command goes on where it was. With --printer each unit's box label comes out.

    Example: plugtone pick scan OR-1 --printer labels.example:9100
    """
    wrong = 0
    with FleetClient.from_environment() as fleet:
        picks = fleet.get(f"/v1/pick-lists/{order}")
        for scanned in scans or _lines(picks, as_json):
            had = {unit["serial"] for unit in picks["picked"]}
            try:
                picks = fleet.post(f"/v1/pick-lists/{order}/pick", {"unit": unit_named(scanned)})
            except RefusedError as error:
                typer.echo(f"STOP: {error}", err=True)
                wrong += 1
                continue
            new = [unit for unit in picks["picked"] if unit["serial"] not in had]
            if printer:  # one that was picked already, too: its label may not have come out
                for unit in new or [each for each in picks["picked"] if _is_named(each, scanned)]:
                    facts = facts_of(fleet, unit["serial"])
                    send(printer, zpl([render(label_template("box"), facts, dpi)]))
            if not as_json:
                typer.echo(f"{new[0]['serial'] if new else 'picked already'}: {_waits(picks)}")
            if not picks["waits_for"] and not scans:
                break
    if as_json:
        show_one(picks, as_json)
    if wrong:
        raise WrongUnitsError(f"{wrong} scanned for {order} do not belong into its parcel: set them aside")


@pick.command("put-back")
def put_back(
    order: OrderArgument,
    unit: ScanArgument,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    as_json: JsonOption = False,
) -> None:
    """Put a unit that was picked back to stock.

    Example: plugtone pick put-back OR-1 PT000000018 --reason "box is torn"
    """
    with FleetClient.from_environment() as fleet:
        body = {"unit": unit_named(unit), "reason": reason}
        show_one(fleet.post(f"/v1/pick-lists/{order}/put-back", body), as_json)


@pick.command("ship")
def ship(
    order: OrderArgument,
    carrier: Annotated[str, typer.Option(help="Who carries the parcel.")],
    tracking: Annotated[str, typer.Option(help="The carrier's number.")] = "",
    partial: Annotated[bool, typer.Option("--partial", help="Less than the whole order may leave.")] = False,
    slip: SlipOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send all that is picked in one parcel; from then on the units are the account's.

    Example: plugtone pick ship OR-1 --carrier UPS --tracking 1Z999 --slip slip.pdf
    """
    _check_slip(slip)
    body = {"carrier": carrier, "tracking": tracking, "partial": partial}
    with FleetClient.from_environment() as fleet:
        picks = fleet.post(f"/v1/pick-lists/{order}/ship", body)
    if slip is not None:
        _write_slip(picks, len(picks["parcels"]), slip)
    show_one(picks, as_json)


@pick.command("slip")
def print_slip(
    order: OrderArgument,
    parcel: Annotated[int, typer.Option(min=0, help="Which of its parcels, from 1; else the last.")] = 0,
    slip: Annotated[Path | None, typer.Option("--out", help="A file ending in .pdf or .txt; else it is shown.")] = None,
) -> None:
    """The packing slip of a parcel again.

    Example: plugtone pick slip OR-1 --out slip.pdf
    """
    _check_slip(slip)
    with FleetClient.from_environment() as fleet:
        picks = fleet.get(f"/v1/pick-lists/{order}")
    count = len(picks["parcels"])
    if not 1 <= (parcel or count) <= count:
        raise ToolError(f"{order} has {count} parcels, got {parcel or 'none to print'}")
    _write_slip(picks, parcel or count, slip)


def _is_named(unit: dict[str, Any], scanned: str) -> bool:
    named = "".join(filter(str.isalnum, unit_named(scanned)))
    return named in (unit["serial"], unit["mac"].replace(":", ""))


def _check_slip(slip: Path | None) -> None:
    if slip is not None and slip.suffix not in (".pdf", ".txt"):
        raise ToolError(f"a packing slip ends in .pdf or .txt, got {slip}")


def _write_slip(picks: dict[str, Any], number: int, slip: Path | None) -> None:
    text = as_text(picks, number)
    if slip is None:
        typer.echo(text, nl=False)
    elif slip.suffix == ".pdf":
        slip.write_bytes(as_pdf(text))
    else:
        slip.write_text(text, encoding="utf-8")


def _lines(picks: dict[str, Any], quiet: bool) -> Iterable[str]:
    """Scans as a scanner types them, until an empty line or the end."""
    if not quiet:
        typer.echo(f"{picks['order']}: {_waits(picks)}; scan a unit, or press Enter to stop")
    for _ in range(MAX_SCANS):
        try:
            line = input().strip()
        except EOFError:
            return
        if not line:
            return
        yield line


def _waits(picks: dict[str, Any]) -> str:
    waits = ", ".join(f"{count} x {board}" for board, count in picks["waits_for"].items())
    return f"{len(picks['picked'])} picked, still {waits}" if waits else f"{len(picks['picked'])} picked, complete"
