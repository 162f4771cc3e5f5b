"""A locked unit in a folder, and its process: the real boot ROM, image and interpreter, without the station.

The folder is laid out as tools/sim/board.py lays it out; the identity is written as the factory would.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess
import threading
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards import catalogue
from protocol.wire import messages
from protocol.wire.link import FrameReader, encode_frame
from protocol.wire.mac import MacAddress
from protocol.wire.record import pack_header
from tests.conftest import micropython_path
from tests.firmware.loopback_fleet import HOST, WAIT_S, Authority, LoopbackFleet
from tools.release.build import build_boot_rom, build_image, initial_boot_record

BOARD = "simulated"
_CPUCLOCK_SCHED = 2  # linux/posix-timers.h
MAC = MacAddress.parse("02:00:5E:10:00:01")


def identity_record(
    serial: str, leaf: Authority, anchor_der: bytes, addresses: dict[str, object], root: bytes = b"{}"
) -> bytes:
    """The identity partition's first record, as firmware/adapter/identity.py describes it."""
    private = leaf.key.private_numbers().private_value.to_bytes(32, "big")
    numbers = leaf.key.public_key().public_numbers()
    public = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    payload = struct.pack(
        ">BBHB6s2s11s16s32s65s", 2, 1, 1, 1, MAC.octets, b"US", serial.encode(), BOARD.encode(), private, public
    )
    for blob in (leaf.der, anchor_der, root, messages.pack("addresses", addresses)):
        payload += struct.pack(">H", len(blob)) + blob
    return bytes(pack_header(1, payload)) + payload


@dataclass
class PluggedUnit:
    """One unit's folder; `pins` holds what the process reported of itself."""

    directory: Path
    serial: str

    def __post_init__(self) -> None:
        self.pins: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._changed = threading.Condition()
        self._usb = -1

    @classmethod
    def create(
        cls,
        directory: Path,
        fleet: LoopbackFleet,
        serial: str = "PT000000018",
        leaf: Authority | None = None,
        updates: tuple[int, bytes] = (1, b"{}"),
        image: bytes = b"",
    ) -> PluggedUnit:
        """A unit that knows `fleet`; its certificate is `leaf`, or a good one.

        `updates`: the update server's port and the first root; `image`: what it runs, or the firmware as it is.
        """
        facts = catalogue.load(BOARD)
        image = image or build_image(BOARD, "1.0.0", 1)
        addresses = {
            "broker_host": HOST, "broker_port": fleet.port, "updates_host": HOST, "updates_port": updates[0],
            "ntp": [{"host": HOST, "port": fleet.sntp.port}],
        }  # fmt: skip
        leaf = leaf or fleet.devices.issue(serial)
        identity = identity_record(serial, leaf, fleet.servers.der, addresses, updates[1])
        flash = bytearray(b"\xff" * facts.flash.bytes)
        for name, data in (("boot_record", initial_boot_record(image)), ("slot_a", image), ("identity", identity)):
            at = facts.flash.partitions[name].offset
            flash[at : at + len(data)] = data
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "flash.bin").write_bytes(flash)
        chip = {"board": BOARD, "hardware_revision": 1, "board_uid": "0011223344556677"}
        (directory / "chip.json").write_text(json.dumps(chip))
        (directory / "ethernet").write_text("up")
        return cls(directory, serial)

    def set_ethernet(self, up: bool) -> None:
        """Puts the cable in, or out."""
        fresh = self.directory / "ethernet.new"
        fresh.write_text("up" if up else "down")
        fresh.replace(self.directory / "ethernet")

    def start(self, cause: str = "power_on", prefix: tuple[str, ...] = (), heap_bytes: int = 0) -> None:
        """Starts boot with the heap of the board, or another; `prefix` is a command to run it under."""
        read, write = os.pipe()
        master, self._usb = os.openpty()  # the unit has the master, as in tools/sim/launcher.py
        tty.setraw(self._usb)
        os.set_blocking(master, False)
        heap = heap_bytes or catalogue.load(BOARD).simulated_heap_bytes(len(build_image(BOARD, "1.0.0", 1)))
        self.pins = {}
        with (self.directory / "unit.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*prefix, micropython_path(), "-X", f"heapsize={heap}", "-m", "boot",
                 str(self.directory), str(write), cause],
                cwd=build_boot_rom(BOARD), env={**os.environ, "MICROPYPATH": ""}, pass_fds=[write],
                stdin=master, stdout=master, stderr=log,
            )  # fmt: skip
        os.close(write)
        os.close(master)
        threading.Thread(target=self._read_pins, args=(read,), daemon=True).start()

    @property
    def usb(self) -> str:
        """The serial port that a computer opens, while the unit has power."""
        return os.ttyname(self._usb)

    @property
    def pid(self) -> int:
        """Of the unit's process; 0 without power."""
        return self._process.pid if self._process else 0

    @property
    def cpu_s(self) -> float:
        """Of the unit's process, so far, on however busy a machine: all its time on a processor, the kernel's too."""
        assert self._process
        return time.clock_gettime(~self._process.pid << 3 | _CPUCLOCK_SCHED)  # what clock_getcpuclockid(3) gives

    def _read_pins(self, read: int) -> None:
        with open(read, "rb") as lines:
            for line in lines:
                with self._changed:
                    self.pins.update(json.loads(line))
                    self.pins["fed"] = time.monotonic()
                    self._changed.notify_all()

    def wait(self, holds: Callable[[dict[str, Any]], bool], timeout_s: float = WAIT_S) -> dict[str, Any]:
        """The pins as soon as `holds` is true of them."""
        with self._changed:
            met = self._changed.wait_for(lambda: holds(self.pins), timeout_s)
        assert met, f"after {timeout_s} s: {self.pins}\n{self.log()}"
        return dict(self.pins)

    def ask(self, name: str, sequence: int) -> messages.Message:
        """The answer to a message without values on the USB link."""
        os.write(self._usb, b"\x00" + encode_frame(messages.pack(name, {}, 1, sequence)))
        reader = FrameReader()
        deadline = time.monotonic() + WAIT_S
        while True:
            ready, _, _ = select.select([self._usb], [], [], max(deadline - time.monotonic(), 0))
            assert ready, f"no answer to {name} in {WAIT_S} s\n{self.log()}"
            for payload in reader.feed(os.read(self._usb, 4096)):
                message = messages.unpack(payload)
                if (message.boot_id, message.sequence) == (1, sequence):  # and not what it tells a bridge
                    return message

    def log(self) -> str:
        """What the unit wrote to its standard error."""
        return (self.directory / "unit.log").read_text()

    def wait_exit(self) -> int:
        """The exit status of the process, which the chip takes as the reason of the reset."""
        assert self._process
        return self._process.wait(WAIT_S)

    def cut_power(self) -> None:
        """Kill -9."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        if self._usb >= 0:
            os.close(self._usb)
            self._usb = -1
