"""`plugtone station report`, `upload`, `reprint` and `badge`: what is done beside the bench."""

from __future__ import annotations

import getpass
import os
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import segno
import typer

from tools.client import DEFAULT_URL, URL_VARIABLE, FleetClient
from tools.commands.presentation import JsonOption, show_one
from tools.station.errors import StationError
from tools.station.journal import Journal, write_whole
from tools.station.lease_journal import LeaseJournal
from tools.station.operators import OPERATE
from tools.station.reprint import DPI, reprint_label
from tools.station.shift import EVENTS, as_json, read_events, report_of, shift_of
from tools.station.shift_page import csv_of, page_of
from tools.station.upload import upload as upload_all

BADGE_DAYS: Final = 365
BADGE_SCALE: Final = 6
PASSWORD_VARIABLE: Final = "PLUGTONE_PASSWORD"  # noqa: S105 - the variable's name

LabelsOption = Annotated[Path, typer.Option(help="Folder for the labels' pictures, as `station run` has it.")]
JournalOption = Annotated[Path | None, typer.Option(help="Folder of the station's records. [LABELS/journal]")]


def report(
    labels: LabelsOption,
    journal: JournalOption = None,
    shift: Annotated[str, typer.Option(help="When it began, or `all`. [the last one]")] = "",
    csv: Annotated[Path | None, typer.Option("--csv", help="Write a row a board to this file.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a page to this file.")] = None,
    as_json_line: JsonOption = False,
) -> None:
    """Show a shift: yield, why boards failed, seconds a step.

    Example: plugtone station report --labels labels --csv shift.csv --html shift.html
    """
    events = shift_of(read_events((journal or labels / "journal") / EVENTS), shift)
    if not events:
        raise StationError(f"no board came to an end in {labels}; name the folder that `station run` wrote")
    made = report_of(events)
    if csv is not None:
        csv.write_text(csv_of(events), encoding="utf-8", newline="")
    if html is not None:
        html.write_text(page_of(made), encoding="utf-8")
    show_one(as_json(made), as_json_line)


def upload(labels: LabelsOption, journal: JournalOption = None, as_json_line: JsonOption = False) -> None:
    """Send the fleet what was done without network. It may be repeated; `station run` does it by itself.

    Example: plugtone station upload --labels labels
    """
    with FleetClient.from_environment() as fleet:
        done = upload_all(fleet, Journal(journal or labels / "journal"), LeaseJournal(labels / "leases"))
    show_one(asdict(done), as_json_line)
    if done.refused:
        raise StationError(f"the fleet refuses {len(done.refused)}: set those boards aside")


def reprint(
    serial: Annotated[str, typer.Argument(help="The unit, as on its old label.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is kept.")],
    labels: LabelsOption,
    journal: JournalOption = None,
    claim_url: Annotated[str, typer.Option(help="The page named in the label's QR code.")] = "",
    dpi: Annotated[int, typer.Option(help="Dots an inch of the label printer.")] = DPI,
    as_json_line: JsonOption = False,
) -> None:
    """Draw a unit's label again, with a new claim code: the code on the old label is worth nothing from then on.

    Example: plugtone station reprint PT000000018 --reason "smudged" --labels labels
    """
    with FleetClient.from_environment() as fleet:
        records, page = Journal(journal or labels / "journal"), claim_url or f"{fleet.url}/claim"
        path = reprint_label(fleet, serial.upper(), reason, labels, page, records, dpi)
    show_one({"serial": serial.upper(), "label": str(path)}, as_json_line)


def badge(
    email: Annotated[str, typer.Option(help="Who the badge is for; they type their password.")],
    out: Annotated[Path, typer.Option(help="The picture to print, for its owner's eyes.")],
    days: Annotated[int, typer.Option(min=1, max=BADGE_DAYS, help="For how long it is good.")] = BADGE_DAYS,
    as_json_line: JsonOption = False,
) -> None:
    """Make an operator's badge: a QR code that says who works at a station, and by itself opens nothing.

    Reads PLUGTONE_URL; asks for the password, or reads PLUGTONE_PASSWORD.

    Example: plugtone station badge --email ada@operator.example --out ada.png
    """
    url = os.environ.get(URL_VARIABLE, DEFAULT_URL)
    password = os.environ.get(PASSWORD_VARIABLE) or getpass.getpass(f"Password of {email}: ")
    with FleetClient(url) as stranger:
        session = stranger.post("/v1/sessions", {"email": email, "password": password})
    with FleetClient(url, session["secret"]) as fleet:
        until = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        wanted = {"name": "badge", "permissions": [OPERATE], "expires_at": until}
        token = fleet.post("/v1/tokens", wanted)
        picture = out.with_name(f".{out.name}.png")
        write_whole(picture, b"")  # for the owner alone, before anything is in it
        segno.make_qr(token["secret"], error="m").save(str(picture), kind="png", scale=BADGE_SCALE, border=4)
        picture.replace(out)
        fleet.delete("/v1/sessions")
    show_one(
        {"badge": token["id"], "person": session["person"]["id"], "expires_at": until, "file": str(out)}, as_json_line
    )
