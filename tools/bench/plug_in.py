"""From the first line of boot.py to the fleet's configuration, against the unit's own TLS handshakes, in real units."""

from __future__ import annotations

from typing import Any

from tools.bench.ratio import Ratio, ratio_of
from tools.demo import making
from tools.demo.narrator import Narrator
from tools.demo.story import FIRST, opened_world
from tools.demo.world import World

READY_TIMEOUT_S = 30.0


def run(starts: int) -> Ratio:
    """`starts` cold starts of one simulated board against a fresh service on this machine."""
    with opened_world(Narrator(as_json=True)) as world:
        making.open_house(world)
        image = making.sign_first_release(world, FIRST)
        serials = making.make_units(world, 1, image)
        making.sell(world, serials)
        making.plug_in(world, serials)
        readings = [_start_again(world, serials[0]) for _ in range(starts)]
    pairs = [(reading["configured_ms"] * 1000, reading["tls_ms"] * 1000) for reading in readings]
    return ratio_of("boot.py to configuration", "its own TLS handshakes", pairs)


def _start_again(world: World, serial: str) -> dict[str, Any]:
    before = world.unit(serial)["ready"]["at"]
    board = world.boards[serial]
    board.power_off()
    board.power_on()

    def ready() -> dict[str, Any] | None:
        found: dict[str, Any] = world.unit(serial)["ready"]
        return found if found["at"] != before else None

    reading: dict[str, Any] = world.until(f"{serial} ready again", ready, READY_TIMEOUT_S)
    return reading
