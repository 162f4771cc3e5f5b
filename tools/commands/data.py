"""`plugtone data`: what was purged of the data the fleet keeps, and the proof of it."""

from __future__ import annotations

from typing import Annotated

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list

data = typer.Typer(no_args_is_help=True, add_completion=False)


@data.callback()
def describe() -> None:
    """Look at what was purged of the data the fleet keeps."""


@data.command("proofs")
def proofs(
    of: Annotated[str | None, typer.Option(help="connection_logs, call_records or personal_data")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the proofs of purges: how many rows, and a digest over their names.

    Example: plugtone data proofs --of personal_data
    """
    wanted = {} if of is None else {"data": of}
    with FleetClient.from_environment() as fleet:
        found = fleet.items("/v1/purge-proofs", **wanted)
        show_list(found, ("purged_on", "data", "rows_of", "count", "first", "last", "sha256"), as_json)
