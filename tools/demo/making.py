"""The first half of the story: the house opens, a release is signed, adapters are made and sold."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tools.demo.people import admit
from tools.demo.world import World
from tools.release.build import REPOSITORY
from tools.sim.board import Pins, SimBoard

BOARD = "simulated"
# 70:B3:D5 is the IEEE's own OUI for MA-S blocks; these 4,096 addresses stand in for an operator's registered one.
MAC_BLOCK = {"first": "70:B3:D5:7E:D0:00", "prefix_bits": 36, "registry": "MA-S", "note": "demo"}
CUSTOMER = {
    "name": "Corner Bakery",
    "administrator_name": "Ada Baker",
    "administrator_email": "ada@bakery.example",
}
NUMBERS = "first,last\n+15555550100,+15555550199\n"  # 555-0100 to 0199 are kept free for stories like this
LOCATION = {"address": "12 Marsh Lane, Springfield", "disclosure_acknowledged": True}
ACTIVE_TIMEOUT_S = 40.0
HEAP_AND_WAY = (
    "{serial} active on {version}: {runtime}, heap {heap_kib} KiB beside the {image_kib} KiB image, {free_kib} KiB "
    "free; configured after {configured_ms} ms, of it {tls_ms} ms TLS"
)
OPERATOR_ZONE = ZoneInfo("America/New_York")


def open_house(world: World) -> None:
    """Service, people, addresses, numbers."""
    with world.narrator.step("The fleet service starts") as step:
        world.service.start()
        took = world.service.ready["seconds"]
        step.see(f"API and console on {world.service.url}, broker, gateway, time server: ready after {took} s")
    with world.narrator.step("The first admin comes in by the one-time link and invites five people") as step:
        world.cast = admit(world.service.url, world.service.ready["setup_link"])
        people = world.people.admin.client.items("/v1/people")
        step.see("signed in: " + ", ".join(sorted(role for person in people for role in person["roles"])))
    with world.narrator.step("A block of MAC addresses and a range of telephone numbers are loaded") as step:
        admin = world.people.admin.client
        block = admin.post_or_read("/v1/mac-blocks", MAC_BLOCK, lambda: admin.newest("/v1/mac-blocks"))
        file = {"file": ("numbers.csv", NUMBERS.encode())}
        taken = admin.post("/v1/number-imports", repeatable=True, files=file)["ranges"][0]
        step.see(f"{block['first']} to {block['last']}, {block['registry']}; {taken['range']}")


def sign_first_release(world: World, version: str) -> Path:
    """Offline keys, the first root, and the first release; its image."""
    manager = world.people.release_manager
    with world.narrator.step("Release engineering makes its offline keys and the first root") as step:
        keys, bundle = str(world.folder / "keys"), str(world.folder / "bundle")
        world.command(manager, "release", "keys", "create", keys, "--board", BOARD)
        made = world.command(manager, "release", "init", "--keys", keys, "--bundle", bundle, "--board", BOARD)
        step.see(f"signed {', '.join(made['signed'])}; the private keys stay in encrypted files")
    return publish(world, version, 1, None)


def publish(world: World, version: str, counter: int, source: Path | None) -> Path:
    """Build, sign offline and publish a release; the image's path."""
    manager, image = world.people.release_manager, world.folder / f"{BOARD}_{version}.img"
    with world.narrator.step(f"Release {version} is built, signed offline and published") as step:
        build = ["release", "build", "--board", BOARD, "--version", version, "--counter", str(counter)]
        origin = ["--source", str(source)] if source else []
        world.command(manager, *build, "--out", str(image), *origin)
        keys, bundle = str(world.folder / "keys"), str(world.folder / "bundle")
        world.command(manager, "release", "sign", str(image), "--keys", keys, "--bundle", bundle)
        world.command(manager, "release", "publish", "--bundle", bundle)
        found = manager.client.get(f"/v1/releases/{version}")["images"][0]
        if found["sha256"] == sha256(image.read_bytes()).hexdigest():
            step.see(f"{found['length'] / 1024:.0f} KiB, SHA-256 {found['sha256'][:16]}, published")
    return image


def broken_sources(folder: Path) -> Path:
    """A copy of the firmware's sources whose RAM self-test fails on every board: a bug a release may really have."""
    for part in ("firmware", "protocol"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "vectors"))
    module = folder / "firmware" / "adapter" / "self_test.py"
    sound = module.read_text()
    broken = sound.replace('"ram": lambda: _ram(board),', '"ram": lambda: (1, _ram(board)[1]),')
    if broken == sound:
        raise AssertionError("the RAM self-test has changed; teach the demo to break the new one")
    module.write_text(broken)
    return folder


def make_units(world: World, count: int, image: Path) -> list[str]:
    """Flash `count` bare boards side by side at a station; their serial numbers."""
    bare = [SimBoard.create(world.folder / f"board-{len(world.all_boards) + n + 1}") for n in range(count)]
    world.all_boards += bare
    many = f"{count} bare boards are" if count > 1 else "A bare board is"
    with world.narrator.step(f"{many} flashed, provisioned, tested and labelled at the station") as step:
        for board in bare:
            board.power_on()
        ports = [argument for board in bare for argument in ("--port", str(board.usb))]
        labels, journal = str(world.folder / "labels"), str(world.folder / "station")
        flash = ["station", "flash", *ports, "--image", str(image), "--labels", labels, "--journal", journal]
        said = world.command_lines(world.people.warehouse, *flash)
        made = {line["port"]: line["unit"] for line in said if "unit" in line}
        units = [made[str(board.usb)] for board in bare]
        for board, unit in zip(bare, units, strict=True):
            world.boards[unit["serial"]] = board
            board.power_off()
        serials, macs = [unit["serial"] for unit in units], [unit["mac"] for unit in units]
        states = {world.unit(serial)["custody"] for serial in serials}
        labelled = all(Path(unit["label"]).is_file() for unit in units)
        if len(set(macs)) == count and states == {"in_stock"} and labelled:
            step.see("\n".join(f"{serial}  {mac}  in stock" for serial, mac in zip(serials, macs, strict=True)))
    return serials


def sell(world: World, serials: list[str], customer: dict[str, str] = CUSTOMER) -> None:
    """A new account orders, the warehouse ships."""
    support, warehouse = world.people.support.client, world.people.warehouse.client
    with world.narrator.step(
        f"A customer orders {len(serials)} adapters, free of charge; the warehouse picks them and ships"
    ) as step:
        account = support.post_or_read("/v1/accounts", customer, lambda: support.newest("/v1/accounts"))
        world.account = account["id"]
        line = {"quantity": len(serials), "unit_price_cents": 0, "board": BOARD}
        wanted = {"account": world.account, "lines": [line], "location": LOCATION}
        order = support.post_or_read("/v1/orders", wanted, lambda: support.newest("/v1/orders"))
        picking = f"/v1/pick-lists/{order['id']}"
        for serial in serials:
            warehouse.post(f"{picking}/pick", {"unit": serial}, repeatable=True)
        parcel = {"carrier": "UPS", "tracking": "1Z999AA10123456784"}
        warehouse.post_or_read(f"{picking}/ship", parcel, dict)
        if all(world.unit(serial)["account"] == world.account for serial in serials):
            step.see(f"account {world.account}, order {order['id']}, picked and shipped by {parcel['carrier']}")


def plug_in(world: World, serials: list[str]) -> None:
    """Power and a cable: everything else the adapters do themselves."""
    with world.narrator.step(f"{len(serials)} adapters are plugged in, and set themselves up") as step:
        for serial in serials:
            world.boards[serial].power_on()

        def active() -> list[dict[str, Any]] | None:
            units = [world.unit(serial) for serial in serials]
            return units if all(unit["service"] == "active" for unit in units) else None

        units = world.until("all units active", active, ACTIVE_TIMEOUT_S)
        figures = [_figures(unit, world.boards[unit["serial"]].pins()) for unit in units]
        world.measured["boards"] += figures
        step.see("\n".join(HEAP_AND_WAY.format(**figure) for figure in figures))


def _figures(unit: dict[str, Any], pins: Pins) -> dict[str, Any]:
    """What a unit says of itself: runtime, heap rule, and the way to its configuration."""
    return {
        "serial": unit["serial"],
        "version": unit["version"],
        "runtime": pins.runtime,
        "heap_kib": pins.heap_bytes // 1024,
        "image_kib": pins.image_bytes // 1024,
        "free_kib": pins.free_heap_bytes // 1024,
        **unit["ready"],
    }
