"""What a station did without network reaches the fleet: slots it used, then the requests it kept. It may be repeated.

The fleet signs here, before the unit ships: the certificate goes into the journal, and into the unit at its next way
over the bench.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from protocol.wire.link_enumerations import BLOBS
from tools.client import FleetClient, RefusedError
from tools.station.errors import StationError
from tools.station.journal import Journal, Record
from tools.station.lease_journal import LeaseJournal, LeaseRecord

USES_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What the fleet has now: how many uses and certificates came, and why some did not, by serial number."""

    uses: int
    certificates: int
    refused: dict[str, str]


def upload(fleet: FleetClient, journal: Journal, leases: LeaseJournal) -> Uploaded:
    """Send all that is not sent yet; UnreachableError where the network goes, and what was sent stays sent."""
    uses = 0
    refused: dict[str, str] = {}
    for lease in leases.records():
        if lease.lease:
            try:
                sent = upload_uses(fleet, leases, lease)
            except RefusedError as error:  # the lease is of another token: the others go on
                refused |= dict.fromkeys(lease.unsent, str(error))
                continue
            uses += len(lease.unsent)
            refused |= sent.refused
    certificates = 0
    for record in list(journal.records()):
        if record.serial in refused or not record.csr or record.blobs or record.stocked:
            continue
        try:
            certificates += _upload_request(fleet, journal, record.board_uid)
        except RefusedError as error:
            refused[record.serial] = str(error)
    return Uploaded(uses, certificates, refused)


def upload_uses(fleet: FleetClient, leases: LeaseJournal, lease: LeaseRecord) -> LeaseRecord:
    """Report every use of a lease that the fleet has not heard of; the lease with the fleet's answers."""
    macs, waiting = dict(lease.slots), lease.unsent
    for at in range(0, len(waiting), USES_AT_ONCE):
        uses = [
            {"serial": serial, "mac": macs[serial]}
            | {name: lease.uses[serial][name] for name in ("board_uid", "hardware_revision", "used_at")}
            for serial in waiting[at : at + USES_AT_ONCE]
        ]
        answers = fleet.post(f"/v1/mac-leases/{lease.id}/uses", {"uses": uses}, repeatable=True)
        lease = leases.answered(lease, answers)
    return lease


def _upload_request(fleet: FleetClient, journal: Journal, board_uid: str) -> bool:
    """The certificate for a kept request; False for a board that somebody works on, who asks for it themselves."""
    with ExitStack() as held:
        try:
            held.enter_context(journal.held(board_uid))
        except StationError:
            return False
        record: Record = journal.load(board_uid)  # as it is now that nobody else writes it
        if not record.csr or record.blobs:
            return False
        body = {"csr": record.csr, "epoch": record.epoch}
        blobs = fleet.post(f"/v1/units/{record.serial}/certificate", body, repeatable=True)
        journal.store(record, blobs={name: blobs[name] for name in BLOBS})
        return True
