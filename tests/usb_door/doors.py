"""Simulated boards as an attacker finds them: in service, and reset; each a real MicroPython with its own flash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import serial

from adapter.crypto import csr, p256
from adapter.factory_reset import carry_out
from adapter.identity import LOCKED, Identity, IdentityStore
from adapter.reset_wish import wish
from boards import catalogue
from fleet.pki.authority import DeviceAuthority, ServerAuthority
from protocol.wire.link import FrameReader, encode_frame
from protocol.wire.link_enumerations import LINK_MODES
from protocol.wire.mac import MacAddress
from protocol.wire.messages import Message, pack, unpack
from tests.firmware.adapter.factory_bench import ADDRESSES, MAC, SERIAL
from tests.firmware.adapter.factory_bench import TOKEN_KEYS as FLEET_KEYS
from tests.firmware.model_flash import CuttingFlash
from tools.release.build import build_image, initial_boot_record
from tools.sim.board import SimBoard

BOARD = catalogue.load("simulated")
UID = bytes(range(1, 9))
START_S = 20.0
ANSWER_S = 20.0
_LAST = 0xFFFF0000  # sequences from here on are the barriers


@dataclass
class Door:
    """A unit and the attacker's end of its cable."""

    board: SimBoard
    port: serial.Serial
    private: bytes
    said: int = 0

    def say(self, data: bytes, boot_id: int = 1) -> tuple[bytes, list[Message], str]:
        """All bytes that come back, the messages in them, and the mode the unit has for a session after all that."""
        self.said += 1
        sequence = _LAST + self.said
        self.port.timeout = ANSWER_S
        self.port.write(b"\0" + data + b"\0" + encode_frame(pack("hello", {}, boot_id, sequence)))
        heard, messages, reader = b"", [], FrameReader()
        while True:
            part = self.port.read(max(1, self.port.in_waiting))
            assert part, f"no answer after {data[:40]!r}; heard {heard[-80:]!r}"
            heard += part
            messages += [unpack(payload) for payload in reader.feed(part)]
            if messages and messages[-1].sequence == sequence:
                return heard, messages[:-1], LINK_MODES[messages[-1]["mode"]]

    def flash(self) -> bytes:
        """What is in the chip that no attacker may change."""
        whole = self.board.folder.flash.read_bytes()
        kept = ("boot_record", "identity", "slot_a", "slot_b", "scratch")
        return b"".join(whole[part.offset : part.end] for name, part in BOARD.flash.partitions.items() if name in kept)


def identity_of(pki: Path) -> Identity:
    """A locked identity with certificates that TLS takes."""
    now = datetime.now(UTC)
    private = p256.make_key(bytes(32), b"doors of a unit, tried by a test")
    mac = MacAddress(MAC)
    issued = DeviceAuthority.create(pki, now).issue(csr.make_csr(private, SERIAL, UID), SERIAL, UID, mac, 1, now)
    anchor = ServerAuthority.create(pki, now).anchor_der
    blobs = (issued.der, anchor, b"{}", ADDRESSES, FLEET_KEYS, b"\x80\x00\x80\x00")
    return Identity(LOCKED, 1, 2, mac, "US", SERIAL, "simulated", private, p256.public_key(private), blobs)


def made(
    folder: Path, was_reset: bool, known: Identity | None = None, uid: bytes | None = None
) -> tuple[SimBoard, bytes]:
    """A board that is switched on, provisioned and locked, and reset if so said; and the key it has, or had."""
    board = SimBoard.create(folder, hardware_revision=2, board_uid=uid)
    identity = known or identity_of(folder / "pki")
    flash = CuttingFlash(board.folder.flash)
    store = IdentityStore(flash.partition("identity"))
    for _ in range(2):
        store.store(identity)
    if was_reset:
        wish(flash.partition("scratch"))
        carry_out(flash)
    image = build_image("simulated", "1.0.0", 1)
    flash.partition("slot_a").program(0, image)
    flash.partition("boot_record").program(0, initial_boot_record(image))
    board.power_on()
    board.wait(lambda pins: pins.slot is not None and bool(pins.state), START_S)
    return board, identity.private
