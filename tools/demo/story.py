"""The story from bare boards to a replaced adapter, told in order; nothing it started outlives it."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.demo import calling, living, making
from tools.demo.chaos import Chaos
from tools.demo.narrator import Narrator
from tools.demo.world import World
from tools.errors import ToolError
from tools.sim.service import Service

FIRST, GOOD, BROKEN = "1.0.0", "1.1.0", "1.2.0"
UNITS = 3
# A heartbeat each second, and updates at any hour: a story has no time to wait for the night.
SETTINGS = {"heartbeat_s": "1", "maintenance_from": "00:00", "maintenance_until": "00:00"}
COLUMNS = [
    ("serial", "Unit"),
    ("version", "Version"),
    ("service", "Service"),
    ("trust", "Trust"),
    ("today", "Fee today"),
    ("term_until", "Term ends"),
    ("then", "Fee then"),
]


@contextmanager
def opened_world(narrator: Narrator, folder: Path | None = None) -> Iterator[World]:
    """A world in `folder` (or a temporary one); at the end power is cut and the service stopped, whatever happened."""
    with tempfile.TemporaryDirectory(prefix="plugtone-demo-") as temporary:
        home = folder or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        world = World(home, Service(home / "fleet", SETTINGS), narrator, passphrase=secrets.token_urlsafe(24))
        try:
            yield world
        finally:
            for board in world.all_boards:
                board.power_off()
            if world.switchboard is not None:
                world.switchboard.stop()
            world.service.stop()


def tell(
    world: World, chaos_seed: int | None = None, meanwhile: Callable[[], None] | None = None
) -> list[dict[str, Any]]:
    """The whole story; rows of its summary. `meanwhile` runs at its end, with everything still up."""
    making.open_house(world)
    chaos = None
    if chaos_seed is not None:
        chaos = Chaos(chaos_seed, world.service, lambda: world.all_boards, world.narrator.say)
        chaos.start()
    try:
        rows = _chapters(world)
    finally:
        if chaos is not None:
            chaos.stop()
    if chaos is not None:
        with world.narrator.step("All that was killed came back without help") as step:
            world.measured["kills"] = list(chaos.kills)
            if chaos.error:
                raise ToolError(chaos.error)
            if chaos.kills:
                step.see(f"{len(chaos.kills)} kills: {', '.join(chaos.kills)}")
    if meanwhile is not None:
        meanwhile()
    return rows


def _chapters(world: World) -> list[dict[str, Any]]:
    image = making.sign_first_release(world, FIRST)
    units = making.make_units(world, UNITS, image)
    making.sell(world, units)
    making.plug_in(world, units)
    calling.open_lines(world, units)

    making.publish(world, GOOD, 2, None)
    living.good_update(world, GOOD, units)
    making.publish(world, BROKEN, 3, making.broken_sources(world.folder / "broken"))
    living.bad_update(world, BROKEN, units[0], GOOD)
    calling.call_echo(world, units[0])
    calling.call_each_other(world, units[0], units[1])

    spare = making.make_units(world, 1, image)[0]
    living.replace(world, units[2], spare)
    fees = living.quote(world, [*units, spare], units[2])
    facts = {serial: world.unit(serial) for serial in [*units, spare]}
    return [{**facts[fee["serial"]], **fee} for fee in fees]
