"""`plugtone mac`: the addresses the operator owns, what became of each, and who has some along."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from tools.client import FleetClient
from tools.commands.mac_lease import lease
from tools.commands.mac_list import export_units, import_units
from tools.commands.presentation import JsonOption, show_list, show_one
from tools.errors import ToolError

mac = typer.Typer(no_args_is_help=True, add_completion=False)
mac.add_typer(lease, name="lease")
mac.command("import")(import_units)
mac.command("export")(export_units)


@mac.callback()
def describe() -> None:
    """Load blocks of MAC addresses, see what became of each, lend them to stations, take in lists of units."""


@mac.command("list")
def list_blocks(as_json: JsonOption = False) -> None:
    """List the blocks, and how many of their addresses are in which state.

    Example: plugtone mac list
    """
    states = ("free", "leased", "reserved", "given", "retired", "written_off")
    columns = ("id", "registry", "first", "last", "size", *states, "note")
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/mac-blocks"), columns, as_json)


@mac.command("add")
def add(
    first: Annotated[str, typer.Option(help="The block's first address.")],
    registry: Annotated[str, typer.Option(help="The IEEE registry it is from: MA-L, MA-M or MA-S.")],
    prefix_bits: Annotated[int | None, typer.Option(help="Bits all its addresses share, as 28 in MA-M.")] = None,
    last: Annotated[str | None, typer.Option(help="Or its last address.")] = None,
    note: Annotated[str, typer.Option(help="Where it is from.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Load a block that the operator owns.

    Example: plugtone mac add --first 8C:1F:64:00:10:00 --prefix-bits 36 --registry MA-S --note "assigned 2026-03-02"
    """
    if (prefix_bits is None) == (last is None):
        raise ToolError("say where the block ends: either by --prefix-bits or by --last")
    end: dict[str, Any] = {"last": last} if prefix_bits is None else {"prefix_bits": prefix_bits}
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post("/v1/mac-blocks", {"first": first, "registry": registry, "note": note, **end}), as_json)


@mac.command("show")
def show(
    address: Annotated[str, typer.Argument(metavar="MAC", help="In any of its written forms.")],
    as_json: JsonOption = False,
) -> None:
    """Show whose an address is and what became of it since it was ours.

    Example: plugtone mac show 70:B3:D5:7E:D0:05
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/mac-addresses/{quote(address, safe='')}"), as_json)


@mac.command("supply")
def supply(as_json: JsonOption = False) -> None:
    """Show how many addresses are left, for how long, and which leases should have been settled.

    Example: plugtone mac supply
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get("/v1/mac-supply"), as_json)
