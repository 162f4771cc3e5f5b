"""What can go wrong at the bench, said to the person who stands there."""

from tools.errors import ToolError


class StationError(ToolError):
    """The root of the station's errors."""


class LinkError(StationError):
    """The unit on the port does not answer, or answers something else than it was asked."""


class RefusedByUnitError(LinkError):
    """The unit answered `done` with another result than `ok`."""


class UnitError(StationError):
    """The unit is not in a state from which it can be flashed, or failed its self-test."""


class AwaitingFleetError(StationError):
    """Without network no further: the board waits, and goes on from where it is when the fleet answers again."""
