"""What may be wrong with a bench, its wiring, or the board in hand."""

from __future__ import annotations

from tools.errors import ToolError


class RigError(ToolError):
    """The rig cannot do what a test asks of it: what was wanted, what was seen, what to do."""


class BenchFileError(RigError):
    """A bench file that makes no sense: each fault with its field."""


class BenchHeldError(RigError):
    """Another job has that bench."""


class WiringError(RigError):
    """A switch that does not switch, or switches another board."""


class StateError(RigError):
    """The board did not get into the state that was wanted."""


class NoWayError(RigError):
    """The way to a state needs what this bench does not have."""
