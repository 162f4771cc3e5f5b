"""`plugtone label`: labels of units and boxes, as files or straight to a printer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from tools.client import FleetClient
from tools.label import Facts, LabelError, facts_of_unit, label_template, render, sheet_template
from tools.label.formats import FORMATS, pdf, png, zpl
from tools.label.printing import send
from tools.label.sheet import lay_out
from tools.station.journal import Journal
from tools.station.reprint import reprint_label

label = typer.Typer(no_args_is_help=True, add_completion=False)

SerialsArgument = Annotated[list[str], typer.Argument(help="Serial numbers, as on the units.")]
FormatOption = Annotated[str, typer.Option("--format", help="png, pdf or zpl; else as --out ends, zpl to a printer.")]
DpiOption = Annotated[int, typer.Option(help="The printer's dots an inch: 203, 300 or 600.")]
OutOption = Annotated[Path | None, typer.Option(help="The file to write.")]
PrinterOption = Annotated[str, typer.Option(help="host:9100, for a printer that takes raw jobs.")]
TemplateOption = Annotated[str, typer.Option(help="Another template: its name, or a TOML file.")]


@label.callback()
def describe() -> None:
    """Draw labels and print them."""


@label.command()
def box(
    serials: SerialsArgument,
    template: TemplateOption = "box",
    form: FormatOption = "",
    dpi: DpiOption = 300,
    out: OutOption = None,
    printer: PrinterOption = "",
) -> None:
    """Labels of boxes: serial number, MAC address, condition; never a claim code.

    Example: plugtone label box PT000000018 --printer labels.example:9100 --dpi 203
    """
    with FleetClient.from_environment() as fleet:
        pictures = [render(label_template(template), facts_of(fleet, serial), dpi) for serial in serials]
    deliver(pictures, dpi, form, out, printer)


@label.command()
def sheet(
    serials: SerialsArgument,
    sheet_name: Annotated[str, typer.Option("--sheet", help="Which sheet: its name, or a TOML file.")] = "a4-box",
    template: TemplateOption = "box",
    used: Annotated[int, typer.Option(min=0, help="Places of the first sheet that are gone.")] = 0,
    form: FormatOption = "",
    dpi: DpiOption = 300,
    out: OutOption = None,
    printer: PrinterOption = "",
) -> None:
    """Labels of boxes on pages of peel-off labels, for an office printer.

    Example: plugtone label sheet PT000000018 PT000000026 --sheet letter-box --out boxes.pdf
    """
    with FleetClient.from_environment() as fleet:
        pictures = [render(label_template(template), facts_of(fleet, serial), dpi) for serial in serials]
    deliver(lay_out(sheet_template(sheet_name), pictures, dpi, used), dpi, form, out, printer)


@label.command()
def unit(
    serial: Annotated[str, typer.Argument(help="The unit, as on its old label.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is kept.")],
    labels: Annotated[Path, typer.Option(help="Folder for the picture; the station's own, if it is here.")],
    claim_url: Annotated[str, typer.Option(help="The page named in the label's QR code.")] = "",
    dpi: DpiOption = 300,
    printer: PrinterOption = "",
) -> None:
    """A unit's own label by hand, with a new claim code: the code on any other label of it is dead from then on.

    Cut off, or without paper, the same command goes on with the same code. The fleet keeps who did it, and why.

    Example: plugtone label unit PT000000018 --reason "smudged" --labels labels --printer labels.example:9100
    """
    with FleetClient.from_environment() as fleet:
        page, records = claim_url or f"{fleet.url}/claim", Journal(labels / "journal")
        path = reprint_label(fleet, serial.upper(), reason, labels, page, records, dpi, printer)
    typer.echo(f"{path}, sent to {printer}" if printer else str(path))


def facts_of(fleet: FleetClient, serial: str) -> Facts:
    """What the fleet knows of a unit, for its label."""
    return facts_of_unit(fleet.get(f"/v1/units/{serial.upper()}"))


def deliver(pictures: Sequence[Image.Image], dpi: int, form: str, out: Path | None, printer: str) -> None:
    """Write the pictures or print them; LabelError if it is not said which, or cannot be done in that format."""
    if (out is None) == (not printer):
        raise LabelError("say either --out FILE or --printer HOST:9100")
    form = form or ("zpl" if out is None else out.suffix.removeprefix("."))
    if form not in FORMATS:
        raise LabelError(f"formats are {', '.join(FORMATS)}, got {form!r}")
    if form == "png" and len(pictures) != 1:
        raise LabelError(f"a PNG holds one picture, not {len(pictures)}; write a PDF or ZPL")
    job = {"png": lambda: png(pictures[0], dpi), "pdf": lambda: pdf(pictures, dpi), "zpl": lambda: zpl(pictures)}[
        form
    ]()
    if out is None:
        send(printer, job)
        typer.echo(f"{len(pictures)} sent to {printer}")
    else:
        out.write_bytes(job)
        typer.echo(f"{len(pictures)} in {out}")
