"""`plugtone inspect`: a message or frame in hex, as people read it."""

from __future__ import annotations

from typing import Annotated

import typer
from construct import ConstructError

from protocol.host.inspect import describe
from protocol.host.structs import FRAME
from tools.errors import ToolError


def inspect(data: Annotated[str, typer.Argument(help="The bytes in hex; a frame ends with 00.")]) -> None:
    """Show what a message says: an MQTT payload, or a frame of the USB link.

    Example: plugtone inspect 46010000000100000001
    """
    try:
        found = bytes.fromhex(data)
    except ValueError as error:
        raise ToolError(f"not hex: {error}") from error
    for text in (_frame(found), found):
        if text is not None:
            try:
                typer.echo(describe(text))
                return
            except ConstructError:
                continue
    raise ToolError(f"neither a message nor a frame of one: {len(found)} bytes; see docs/protocol.md")


def _frame(data: bytes) -> bytes | None:
    try:
        return bytes(FRAME.parse(data).payload)
    except ConstructError:
        return None
