"""A whole simulated unit with its line registered that updates itself, with as much heap as a test gives it.

`PYTHONPATH=.:firmware python -m tests.firmware.updating_board 190 224` finds the smallest heap, in KB, with which an
update works, in full and by delta: between the two, of which the first is too small and the second is not. With `usb`
behind them the update comes over the bridge.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from protocol.host.role_parts import PART_BYTES
from protocol.wire.enumerations import BOOT_REASONS, COMMANDS, LINE_STATES, UPDATE_REASONS, UPDATE_STATES
from protocol.wire.image import ImageHeader
from protocol.wire.release import target_facts, target_name
from tests.firmware import voice_accounts
from tests.firmware.adapter.update.repository import BOARD, ROLE, BendableRepository
from tests.firmware.bridge_process import bridge_at
from tests.firmware.exchange import UdpExchange
from tests.firmware.loopback_fleet import LoopbackFleet, loopback_fleet
from tests.firmware.name_server import A, NameServer, address
from tests.firmware.plugged_unit import PluggedUnit
from tests.firmware.ports.unix.update_server import UpdateServer
from tests.firmware.voice_accounts import HOST
from tools.bench import minor_release
from tools.release.delta import make_delta

SERIAL = "PT000000018"
REGISTRAR = "registrar.example"
OLDER_RELEASES = 23  # so many beside the new one fill a part of the board's role
RESTART_STATUS = 64 + BOOT_REASONS.index("restart")
_KB = 1024
_IN_PIECES = "found the heap in pieces: the unit starts anew"


_delta = cache(make_delta)  # it takes longer than an update by it


class UpdateFailedError(AssertionError):
    """The unit did not get to the new image; says how far it came."""


@dataclass(frozen=True, slots=True)
class Updated:
    """`how` the image came, in the unit's words; `free_heap_bytes` when the old image had all loaded."""

    how: str
    heap_bytes: int
    free_heap_bytes: int


def images() -> tuple[bytes, bytes]:
    """The firmware as it is, and a minor release of it that has a module more."""
    with tempfile.TemporaryDirectory() as folder:
        pair = {pair.name: pair for pair in minor_release.pairs(Path(folder))}["feature"]
    return pair.base, pair.image


def update(directory: Path, base: bytes, image: bytes, heap_kb: int, by_delta: bool, by_usb: bool = False) -> Updated:
    """One update from `base` to `image`, by cable or bridge, with `heap_kb` beside the image; or UpdateFailedError."""
    directory.mkdir()
    served = repository(base, image, by_delta)
    with (
        _line() as account,
        loopback_fleet(directory) as fleet,
        UpdateServer(served.files, directory, fleet.servers) as server,
        ExitStack() as bridges,
    ):
        fleet.line_level, fleet.voice = "full", [account]
        unit = PluggedUnit.create(
            directory / "unit", fleet, SERIAL, updates=(server.server_port, served.first_root), image=base
        )
        reports = []

        def until(wanted: str) -> None:
            while not reports or UPDATE_STATES[reports[-1]["state"]] != wanted:
                reports.append(fleet.wait_for("update_report"))
                if UPDATE_STATES[reports[-1]["state"]] in ("failed", "reverted"):
                    return

        try:
            _have_it_download(unit, fleet, heap_kb * _KB + len(base), bridges if by_usb else None)
            pins = dict(unit.pins)
            _start(unit, "restart", heap_kb * _KB + max(len(base), len(image)), bridges if by_usb else None)
            until("staged")
            how = str(reports[-1]["detail"])
            until("confirmed")
        except (AssertionError, subprocess.TimeoutExpired) as error:  # without heap for an update it goes on as it is
            raise UpdateFailedError(f"{error}\n{unit.pins}\n{unit.log()[-500:]}") from error
        finally:
            unit.cut_power()
        last = reports[-1]
        if UPDATE_STATES[last["state"]] != "confirmed":
            raise UpdateFailedError(f"{UPDATE_REASONS[last['reason']]}: {last['detail']}\n{unit.log()[-500:]}")
        return Updated(how, pins["heap_bytes"], pins["free_heap_bytes"])


@contextmanager
def _line() -> Iterator[dict[str, Any]]:
    """The account of a line, whose registrar has a name, as operators' have."""
    with UdpExchange() as exchange, NameServer({(REGISTRAR, A): [address(HOST)]}) as names:
        registrar = {"host": REGISTRAR, "port": exchange.port, "transport": 0}
        yield voice_accounts.account("5550100", registrars=[registrar], dns=[{"host": HOST, "port": names.port}])


def _have_it_download(unit: PluggedUnit, fleet: LoopbackFleet, heap_bytes: int, bridges: ExitStack | None) -> None:
    """Up to its restart for the new image. Where the line has left the heap in pieces, it starts anew first."""
    for cause in ("power_on", "restart"):
        _start(unit, cause, heap_bytes, bridges)
        assert LINE_STATES[fleet.wait_for("service_ready")["line_state"]] == "registered"
        fleet.send(SERIAL, "command", command_id=1, command=COMMANDS.index("check_update"), argument=0)
        if unit.wait_exit() != RESTART_STATUS:
            raise UpdateFailedError(f"the old image ended: {unit.log()[-500:]}")
        if _IN_PIECES not in unit.log():
            break


def _start(unit: PluggedUnit, cause: str, heap_bytes: int, bridges: ExitStack | None) -> None:
    """With a cable, or with a bridge that lasts as long as `bridges`, or to the next start."""
    unit.set_ethernet(bridges is None)
    unit.start(cause, heap_bytes=heap_bytes)
    if bridges is not None:
        bridges.close()
        bridges.enter_context(bridge_at(unit.usb))


def repository(base: bytes, image: bytes, by_delta: bool) -> BendableRepository:
    """The image assigned now, by metadata that holds now, the board's role as large as the release tools make one."""
    now = datetime.now(UTC).replace(microsecond=0)
    made = BendableRepository()
    for number in range(OLDER_RELEASES):
        made.add_image(f"0.{number}.0", number + 1, payload=bytes([number]) * 100)
    header = ImageHeader.unpack(image)
    name = target_name(BOARD, header.version)
    made.add_target(name, image, target_facts(header) | {"minimum_heap_bytes": 1})
    if by_delta:
        made.add_delta(base, name, _delta(base, image))
    made.renew(now)
    made.assign_to(SERIAL, name, now)
    size = len(made.files[f"metadata/{made.board.version}.{ROLE}.json"])
    assert 0.93 * PART_BYTES < size <= PART_BYTES, f"{OLDER_RELEASES} older releases make {size} bytes"
    return made


def floor_kb(low: int, high: int, by_delta: bool, by_usb: bool) -> int:
    """The smallest heap, in KB to a step of 2, with which an update works; `low` is too small, `high` is not."""
    base, image = images()
    while high - low > 2:
        tried = (low + high) // 2
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = update(Path(folder, "tried"), base, image, tried, by_delta, by_usb)
                if by_delta and not found.how.startswith("by a delta"):
                    raise UpdateFailedError(f"the delta was given up: {found.how}")
                print(
                    f"{tried} KB: works, {found.how}; heap {found.heap_bytes}, free {found.free_heap_bytes}", flush=True
                )
                high = tried
            except UpdateFailedError as error:
                print(f"{tried} KB: {str(error).strip().splitlines()[-1][:100]}", flush=True)
                low = tried
    return high


if __name__ == "__main__":
    for delta in (False, True):
        found_kb = floor_kb(int(sys.argv[1]), int(sys.argv[2]), delta, sys.argv[3:] == ["usb"])
        print("by delta" if delta else "whole:", found_kb, "KB", flush=True)
