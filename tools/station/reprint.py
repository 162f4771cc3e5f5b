"""A label again, with a new claim code: of the old one only the hash is kept, and anybody may have the old label.

The new code is written down before the fleet is told its hash, and stays until the picture is on disk and the printer
has it: cut off anywhere, the same command goes on with the same code. What the station's journal still holds of the
old code is dropped: a unit whose stock record's answer was lost would be given the old label again.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from protocol.wire.errors import WireError
from protocol.wire.serial_number import check_serial
from tools import label
from tools.client import FleetClient, RefusedError
from tools.label.formats import png, zpl
from tools.label.printing import send
from tools.station.errors import StationError
from tools.station.journal import Journal, check_room, write_whole

DPI: Final = 300


def reprint_label(
    fleet: FleetClient,
    serial: str,
    reason: str,
    labels: Path,
    claim_url: str,
    journal: Journal,
    dpi: int = DPI,
    printer: str = "",
) -> Path:
    """The picture of the new label, once the fleet has the hash of its code; RefusedError if the unit has left us.

    It is printed on `printer` (host or host:port) if that is named; LabelError if that does not take it.
    """
    try:
        check_serial(serial)
    except WireError as error:
        raise StationError(str(error)) from error
    labels.mkdir(parents=True, exist_ok=True)
    check_room(labels)
    unit = fleet.get(f"/v1/units/{serial}")
    begun, path = labels / f".reprint-{serial}", labels / f"{serial}.png"
    record = journal.find(serial)
    with ExitStack() as held:
        if record is not None:
            held.enter_context(journal.held(record.board_uid))
        code = begun.read_text() if begun.exists() else label.make_claim_code()
        picture = label.render(label.label_template("unit"), label.facts_of_unit(unit, claim_url, code), dpi)
        write_whole(begun, code.encode())
        body = {"reason": reason, "label": path.name, "claim_code_sha256": label.claim_code_sha256(code)}
        try:
            fleet.post(f"/v1/units/{serial}/label-reprints", body, repeatable=True)
        except RefusedError:
            begun.unlink()
            raise
        if record is not None and record.epoch == unit["epoch"]:  # it has a stock record, or it had been refused
            journal.store(journal.load(record.board_uid), stocked=True, label=path.name, claim_code="")
        write_whole(path, png(picture, dpi))
        if printer:
            send(printer, zpl([picture]))
        begun.unlink()
    return path
