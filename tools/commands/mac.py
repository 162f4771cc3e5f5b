"""`plugtone mac`: the blocks of MAC addresses the operator owns."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list, show_one
from tools.errors import ToolError

mac = typer.Typer(no_args_is_help=True, add_completion=False)


@mac.callback()
def describe() -> None:
    """Load blocks of MAC addresses and see how much of them is taken."""


@mac.command("list")
def list_blocks(as_json: JsonOption = False) -> None:
    """List the blocks.

    Example: plugtone mac list
    """
    columns = ("id", "registry", "first", "last", "size", "taken", "note")
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
