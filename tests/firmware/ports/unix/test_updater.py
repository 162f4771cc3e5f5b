"""The update session on the real MicroPython, over TLS, with real slots and littlefs, against servers good and bad."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapter.update.journal import MAX_TRIES
from protocol.wire.enumerations import UPDATE_REASONS, UPDATE_STATES
from tests.conftest import RunMicroPython
from tests.firmware.adapter.update.repository import BOARD, NOW_S, SERIAL, BendableRepository, assigned_repository
from tests.firmware.adapter.update.unit import UpdatingUnit, first_image
from tests.firmware.loopback_fleet import free_port
from tests.firmware.model_flash import PARTITIONS
from tests.firmware.ports.unix.update_server import Handler, Misbehaviour, UpdateServer
from tools.release.build import build_image
from tools.release.delta import make_delta

PAYLOAD = bytes(range(256)) * 600  # 150 KiB, as an image is
HEAP_KB = 192  # 256 KB less two TLS connections; the image's own size comes on top

SCRIPT = """
import sys, vfs
with open(sys.argv[1], "rb") as file:
    image = bytearray(int(sys.argv[2]))
    file.readinto(image)
vfs.mount(vfs.VfsRom(memoryview(image)[256:]), "/rom")
sys.path[:] = ["/rom", ".frozen"]
import asyncio, gc, json, time
from binascii import unhexlify
from adapter.backoff import Backoff
from adapter.records import RecordPair
from adapter.settings import Settings
from adapter.turn import Turn
from adapter.update.assignment import UnitFacts
from adapter.update.session import UpdateSession
from ports.unix.flash import Flash
from ports.unix.metadata_files import MetadataFiles
from ports.unix.net import Net, tls_context
from ports.unix.slots import Slots
from ports.unix import updater

facts = json.loads(sys.stdin.read())
with open(facts["anchors"], "rb") as file:
    anchors = file.read()
with open(facts["root"], "rb") as file:
    root = file.read()
partitions = {name: tuple(place) for name, place in facts["partitions"].items()}
flash = Flash(facts["flash"], 0x200000, 4096, partitions)
slots = Slots(flash, facts["slot"])
unit = UnitFacts(facts["serial"], facts["board"], 2, 6, slots.other.size, 150000)
told = {"notes": [], "states": [], "reports": [], "peak": 0, "restart": False}
started = time.ticks_ms()
uptime = lambda: time.ticks_diff(time.ticks_ms(), started)

def beat():
    told["peak"] = max(told["peak"], gc.mem_alloc())

class Unit:
    # What the updater uses of main's Unit.

    def __init__(self):
        self.board = self
        self.turn = Turn()
        self.uptime = uptime
        self.note = lambda error: told["notes"].append(str(error))

    def entropy(self, count):
        return bytes(count)  # the shortest waits

    def now_s(self):
        return facts["now_s"]

    def may_restart(self):
        return True

    def call_up(self):
        return False

    def restart(self, reason):
        told["restart"] = True

    def keep_update_report(self, values):
        told["reports"].append((values["state"], values["reason"]))

def entered(state):
    if state not in told["states"][-1:]:
        told["states"].append(state)

session = UpdateSession(
    unit, (unhexlify(facts["sha256"]), 1, "0.9.0"), slots, MetadataFiles(flash.partition("data")),
    RecordPair(flash.partition("journal")), root, Settings(flash.partition("settings"), facts["slot"]), lambda s: None
)
net = Net(lambda: True)
places = [("127.0.0.1", port) for port in facts["ports"]]
server = updater.Server(net, lambda: places, lambda: tls_context(anchors), uptime, facts["read_timeout_ms"])
unit = Unit()
backoff = Backoff(unit.entropy)
session.check()

async def until_done():
    while True:  # as updates.py uses it
        driver = updater.Updater(session, server, unit, backoff, entered)
        task = asyncio.create_task(driver.run(beat))
        while not task.done():
            unit.turn.lend()
            await asyncio.sleep(0.01)
        await task
        if driver.next_ms is None:
            break
        while uptime() < driver.next_ms:
            await asyncio.sleep(0.01)
    told["ms"] = uptime()

gc.collect()
told["before"] = gc.mem_alloc()
asyncio.run(until_done())
print(json.dumps(told))
"""


class Bench:
    """A unit's flash, an update server, and MicroPython between them."""

    def __init__(
        self, directory: Path, repository: BendableRepository, server: UpdateServer, run: RunMicroPython, image: Path
    ) -> None:
        self._image = image
        self.repository = repository
        self.server = server
        self.unit = UpdatingUnit(directory / "flash.bin", repository)
        self.ports = [server.server_port]
        self._directory = directory
        self._run = run

    def flash(self) -> dict[str, bytes]:
        """The bytes of each partition."""
        whole = self.unit.path.read_bytes()
        return {name: whole[at : at + size] for name, (at, size) in PARTITIONS.items()}

    def update(self, read_timeout_ms: int = 1000) -> dict[str, Any]:
        """One life of the unit's updater: to its restart or to idle."""
        (self._directory / "anchors").write_bytes(self.server.anchors_der)
        (self._directory / "root").write_bytes(self.repository.first_root)
        facts = {
            "flash": str(self.unit.path), "anchors": str(self._directory / "anchors"),
            "ports": self.ports, "root": str(self._directory / "root"),
            "partitions": PARTITIONS, "slot": self.unit.slot, "serial": SERIAL, "sha256": self.unit.sha256.hex(),
            "board": BOARD, "now_s": NOW_S, "read_timeout_ms": read_timeout_ms,
        }  # fmt: skip
        heap = f"{HEAP_KB + len(self._image.read_bytes()) // 1024}K"
        printed = self._run(SCRIPT, self._image, self._image.stat().st_size, stdin=json.dumps(facts), heap=heap)
        told: dict[str, Any] = json.loads(printed)
        self.unit.boot("restart")
        return told


@pytest.fixture(scope="module")
def firmware_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware as it is now, compiled, as a slot holds it."""
    path = tmp_path_factory.mktemp("image") / "image"
    path.write_bytes(build_image(BOARD, "0.0.1", 1, readable=True))
    return path


@pytest.fixture
def bench(tmp_path: Path, micropython: RunMicroPython, firmware_image: Path) -> Iterator[Bench]:
    repository = assigned_repository(PAYLOAD)
    with UpdateServer(repository.files, tmp_path) as server:
        yield Bench(tmp_path, repository, server, micropython, firmware_image)


def named(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [(UPDATE_STATES[state], UPDATE_REASONS[reason]) for state, reason in told["reports"]]


def test_an_image_comes_over_tls_into_the_other_slot(bench: Bench) -> None:
    told = bench.update()
    assert told["restart"], json.dumps(told)
    assert named(told) == [("downloading", "none"), ("staged", "none")]
    assert told["states"] == ["idle", "downloading", "staged", "armed"]
    assert (bench.unit.session.state, bench.unit.header.version) == ("trial", "1.0.0")
    print(f"\nupdate of {len(PAYLOAD)} bytes: {told['ms']} ms, {told['peak'] - told['before']} bytes of heap")


def test_a_refresh_with_nothing_new_asks_for_two_files_and_is_quick(bench: Bench) -> None:
    bench.repository.assign(None, 2)
    assert bench.update()["states"] == ["idle"]
    bench.server.asked.clear()
    told = bench.update()
    assert [path for path, _ in bench.server.asked] == [
        "metadata/2.root.json", "metadata/timestamp.json", f"director/{SERIAL}.json",
    ]  # fmt: skip
    assert not told["notes"]
    print(f"\nrefresh with nothing new: {told['ms']} ms")


def cut_off(handler: Handler, data: bytes) -> None:
    """The connection breaks in the middle of the image."""
    handler.answer(200, data[: len(data) // 2], length=len(data))
    handler.close_connection = True


def stall(handler: Handler, data: bytes) -> None:
    handler.answer(200, data[:100], length=len(data))
    handler.wfile.flush()
    handler.server.stopping.wait(5)
    handler.close_connection = True


def unavailable(handler: Handler, data: bytes) -> None:
    handler.answer(503, b"later")


def chunks(handler: Handler, status: int, data: bytes, seconds: float) -> None:
    """An answer that is `data` over and over, for so long."""
    handler.send_response(status)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


def endless(handler: Handler, data: bytes) -> None:
    """The file, and then no end."""
    chunks(handler, 200, data, 1)


def no_chunk(handler: Handler, data: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"4 KB\r\n" + b"x" * 4096 + b"\r\n")
    handler.close_connection = True


def no_ranges(handler: Handler, data: bytes) -> None:
    handler.answer(200, data)


def half_a_header(handler: Handler, data: bytes) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    handler.close_connection = True


def no_http(handler: Handler, data: bytes) -> None:
    handler.wfile.write(b"\x00" * 5000)
    handler.close_connection = True


def endless_page(handler: Handler, data: bytes) -> None:
    """An error without end."""
    chunks(handler, 500, b"x" * 4096, 5)


def refused(handler: Handler, data: bytes) -> None:
    handler.answer(400, b"no")


def forbidden(handler: Handler, data: bytes) -> None:
    handler.answer(403, b"no")


def elsewhere(handler: Handler, data: bytes) -> None:
    handler.answer(302, b"", Location="/updates/another")


def unranged(handler: Handler, data: bytes) -> None:
    """Part of a file that nobody asked for a part of, or of another part."""
    handler.answer(206, data[7:], **{"Content-Range": f"bytes 7-{len(data) - 1}/{len(data)}"})


def lies_longer(handler: Handler, data: bytes) -> None:
    handler.answer(200, data + bytes(20_000))


def promises_more(handler: Handler, data: bytes) -> None:
    handler.answer(200, data, length=len(data) + 1)
    handler.close_connection = True


FAULTS = [
    cut_off, stall, unavailable, endless, no_chunk, half_a_header, no_http, endless_page, refused, forbidden, elsewhere,
    unranged, lies_longer, promises_more,
]  # fmt: skip


def in_turn(misbehaviours: list[Misbehaviour]) -> Misbehaviour:
    """Each request the next misbehaviour."""
    left = list(misbehaviours)

    def next_turn(handler: Handler, data: bytes) -> None:
        left.pop(0)(handler, data)

    return next_turn


@pytest.mark.parametrize("folder", ["metadata", "targets"])
def test_faults_of_the_server_are_waited_out(bench: Bench, folder: str) -> None:
    bench.server.misbehaviours[folder] = in_turn(FAULTS)
    bench.server.faults_left = len(FAULTS)
    told = bench.update()
    assert len(told["notes"]) == len(FAULTS), told["notes"]
    assert bench.unit.header.version == "1.0.0"


def test_a_cut_download_asks_for_the_rest_only(bench: Bench) -> None:
    bench.server.misbehaviours["targets"] = cut_off
    bench.server.faults_left = 1
    bench.update()
    ranges = [span for path, span in bench.server.asked if path.startswith("targets/")]
    assert ranges[0] is None
    assert 60_000 < int(str(ranges[1]).removeprefix("bytes=").rstrip("-")) < 80_000
    assert bench.unit.header.version == "1.0.0"


def test_a_server_without_ranges_is_good_enough(bench: Bench) -> None:
    bench.server.misbehaviours["targets"] = in_turn([cut_off, no_ranges])
    bench.server.faults_left = 2
    bench.update()
    assert bench.unit.header.version == "1.0.0"


def test_a_server_that_never_mends_is_given_up_and_nothing_is_armed(bench: Bench) -> None:
    bench.server.misbehaviours["targets"] = unavailable
    before = bench.flash()
    told = bench.update()
    assert len(told["notes"]) == MAX_TRIES - 1
    assert named(told)[-1] == ("failed", "network")
    assert (bench.unit.session.state, bench.unit.header.version) == ("idle", "0.9.0")
    moved = [name for name, data in bench.flash().items() if data != before[name]]
    assert set(moved) <= {"journal", "data", "slot_b"}
    bench.server.misbehaviours.clear()
    bench.update()
    assert bench.unit.header.version == "1.0.0"


def test_a_delta_comes_over_tls_and_is_applied_by_micropython(bench: Bench) -> None:
    data = make_delta(first_image(), bench.repository.image("simulated_1.0.0.img"))
    bench.repository.add_delta(first_image(), "simulated_1.0.0.img", data)
    bench.repository.publish(bump=("all",))
    bench.server.misbehaviours["targets"] = cut_off
    bench.server.faults_left = 1
    told = bench.update()
    assert told["restart"], json.dumps(told)
    assert {path.rpartition(".")[2] for path, _ in bench.server.asked if path.startswith("targets/")} == {"delta"}
    assert bench.unit.header.version == "1.0.0"
    print(f"\ndelta of {len(data)} bytes: {told['ms']} ms, {told['peak'] - told['before']} bytes of heap")


def test_a_mirror_is_asked_where_the_units_own_server_is_gone(bench: Bench, tmp_path: Path) -> None:
    bench.ports = [free_port(), bench.server.server_port]
    told = bench.update()
    assert told["restart"], json.dumps(told)
    assert not told["notes"]
    assert bench.unit.header.version == "1.0.0"
