"""`plugtone mac lease`: serial numbers and addresses a station takes along to work without network."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list, show_one
from tools.errors import ToolError
from tools.station.lease_journal import LeaseJournal, LeaseRecord
from tools.station.upload import upload_uses

LeaseArgument = Annotated[str, typer.Argument(metavar="LEASE", help="As ML-1.")]
JournalOption = Annotated[Path, typer.Option(help="Folder in which this station keeps its leases.")]

lease = typer.Typer(no_args_is_help=True, add_completion=False)


@lease.callback()
def describe() -> None:
    """Take serial numbers and addresses along to work without network, report what was used, give back the rest."""


@lease.command("take")
def take(
    board: Annotated[str, typer.Option(help="Which board they are for.")],
    units: Annotated[int, typer.Option(min=1, help="For how many units.")],
    station: Annotated[str, typer.Option(help="What people call this station.")],
    journal: JournalOption,
    days: Annotated[int, typer.Option(min=1, help="For how many days.")] = 7,
    as_json: JsonOption = False,
) -> None:
    """Take a lease and write it down. Cut off anywhere, the same command gets the same lease.

    Example: plugtone mac lease take --board simulated --units 50 --days 7 --station bench-3 --journal leases
    """
    records = LeaseJournal(journal)
    asked = {"station": station, "board": board, "units": units, "days": days}
    open_questions = [record for record in records.records() if not record.lease and record.asked == asked]
    record = open_questions[0] if open_questions else records.begin(secrets.token_hex(12), asked)
    with FleetClient.from_environment() as fleet:
        answer = fleet.post("/v1/mac-leases", {"request": record.request, **record.asked}, repeatable=True)
    records.taken(record, answer)
    show_one(_without_slots(answer), as_json)


@lease.command("list")
def list_leases(
    expired: Annotated[bool, typer.Option("--expired", help="Only those that should have been settled.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the leases you may see.

    Example: plugtone mac lease list --expired
    """
    columns = ("id", "station", "board", "units", "taken_at", "expires_at", "state", "why")
    query = {"expired": True} if expired else {}
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/mac-leases", **query), columns, as_json)


@lease.command("show")
def show(lease_id: LeaseArgument, as_json: JsonOption = False) -> None:
    """Show one lease with its slots.

    Example: plugtone mac lease show ML-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/mac-leases/{lease_id}"), as_json)


@lease.command("upload")
def upload(journal: JournalOption, as_json: JsonOption = False) -> None:
    """Report every use the fleet has not heard of. It may be repeated, and goes on where it was cut.

    Example: plugtone mac lease upload --journal leases
    """
    records = LeaseJournal(journal)
    with FleetClient.from_environment() as fleet:
        sent = [upload_uses(fleet, records, record) for record in records.records() if record.lease]
    summary = [{"lease": each.id, "used": len(each.uses), "refused": each.refused} for each in sent]
    show_list(summary, ("lease", "used", "refused"), as_json)
    _complain(sent)


@lease.command("settle")
def settle(lease_id: LeaseArgument, journal: JournalOption, as_json: JsonOption = False) -> None:
    """Report what is left to report, then give back what was not used; no slot of the lease is used after this.

    A slot whose use the fleet refuses is given back to nobody: its board has it. Set that board aside.

    Example: plugtone mac lease settle ML-1 --journal leases
    """
    records = LeaseJournal(journal)
    record = records.close(records.find(lease_id))
    with FleetClient.from_environment() as fleet:
        record = upload_uses(fleet, records, record)
        path = f"/v1/mac-leases/{lease_id}/settle"
        body = {"used": len(record.uses), "refused": sorted(record.refused)}
        answer = fleet.post(path, body, repeatable=True)
    records.settled(record)
    show_one(_without_slots(answer) | {"refused": record.refused}, as_json)


@lease.command("write-off")
def write_off(
    lease_id: LeaseArgument,
    reason: Annotated[str, typer.Option(help="What became of the station; it is kept.")],
    as_json: JsonOption = False,
) -> None:
    """Give up on a station that will not report: what it has is given to nobody.

    Example: plugtone mac lease write-off ML-1 --reason "station stolen 2026-03-02"
    """
    with FleetClient.from_environment() as fleet:
        path = f"/v1/mac-leases/{lease_id}"
        version = fleet.get(path)["version"]
        answer = fleet.post(f"{path}/write-off", {"reason": reason}, headers={"If-Match": f'"{version}"'})
    show_one(_without_slots(answer), as_json)


def _complain(records: Sequence[LeaseRecord]) -> None:
    refused = [f"{serial}: {reason}" for record in records for serial, reason in record.refused.items()]
    if refused:
        raise ToolError(f"the fleet refuses {len(refused)} uses, set those boards aside: {'; '.join(refused[:5])}")


def _without_slots(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "slots"}
