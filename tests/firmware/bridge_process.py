"""The rig's bridge on a unit's port, for units whose world is the loopback address."""

from __future__ import annotations

from hil_tests.rig.usb_bridge import SIMULATED_WORLD, BridgeProcess
from tests.firmware.voice_board import undisturbed


def bridge_at(port: str) -> BridgeProcess:
    """It gets the processor whenever it wants, as the unit does: its frames of voice are timed."""
    return BridgeProcess(port, *SIMULATED_WORLD, prefix=undisturbed())
