"""A unit in factory mode without a chip: the link's logic on a flash in memory, and a station's questions."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapter.crypto import p256
from adapter.factory import FactoryLink
from adapter.factory_reset import carry_out
from adapter.identity import IdentityStore
from adapter.locked_link import LockedLink
from adapter.provisioning_token import CONTEXT
from protocol.wire import messages
from protocol.wire.link import encode_frame
from protocol.wire.link_enumerations import LINK_RESULTS, SELF_TESTS
from tests.firmware.model_flash import CuttingFlash

FLEET_KEY = (7).to_bytes(32, "big")
TOKEN_KEYS = p256.public_key(FLEET_KEY)

SERIAL, MAC = "PT000000018", bytes.fromhex("001a2b3c4d5e")
ADDRESSES = messages.pack(
    "addresses",
    {
        "broker_host": "localhost", "broker_port": 8883, "updates_host": "localhost", "updates_port": 8443,
        "ntp": [{"host": "localhost", "port": 123}],
    },
)  # fmt: skip


class QuietUsb:
    """A link that lost nothing."""

    dropped = 0


class BenchBoard:
    """The hardware as the factory link needs it; `link_up` and `seed` are what a test sets."""

    name = "simulated"
    hardware_revision = 2
    uid = b"\x01\x02\x03\x04\x05\x06\x07\x08"
    usb = QuietUsb()
    bench = None  # a bench board has them: ports/unix/bench_board.py

    def __init__(self, flash: CuttingFlash) -> None:
        self.link_up = True
        self.held = False
        self.random = os.urandom
        self.shown: list[str] = []
        self._flash = flash
        self.partition = flash.partition

    def ethernet_up(self) -> bool:
        return self.link_up

    def button(self) -> bool:
        return self.held

    def led(self, pattern: str) -> None:
        self.shown.append(pattern)

    def entropy(self, count: int) -> bytes:
        return self.random(count)


class Bench:
    """A unit; `restart()` makes a new one from what is in flash."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.restart()

    def restart(self, cut_at: int | None = None, torn_share: float = 0.5) -> None:
        self.flash = CuttingFlash(self.path, cut_at, torn_share)
        self.board = BenchBoard(self.flash)
        self.store = IdentityStore(self.flash.partition("identity"))
        self.now_us = 0
        carry_out(self.flash)
        self.link = FactoryLink(self.store, self.board, "1.0.0", self._clock_us)

    def _clock_us(self) -> int:
        self.now_us += 1
        return self.now_us

    def locked_link(self) -> LockedLink:
        """The link of the unit in service, after a start."""
        self.restart()
        return LockedLink(self.store.load(), self.board, "1.0.0", lambda: self.now_us // 1000)

    def ask(self, name: str, boot_id: int = 1, **values: Any) -> tuple[str, dict[str, Any]]:
        (answer,) = self.link.handle(messages.unpack(messages.pack(name, values, boot_id, 1)))
        return answer

    def result(self, name: str, **values: Any) -> str:
        answer, found = self.ask(name, **values)
        assert answer == "done", answer
        return str(LINK_RESULTS[found["result"]])

    def begin(self, **changes: Any) -> tuple[str, dict[str, Any]]:
        values = {
            "serial": SERIAL, "mac": MAC, "epoch": 1, "hardware_revision": 2, "country": "US", "entropy": bytes(32),
        } | changes  # fmt: skip
        return self.ask("begin_provisioning", **values)

    def certificate(self) -> bytes:
        """Bytes that hold what the unit looks for in a certificate; the fleet's tests make real ones."""
        return b"\x30\x82" + self.store.load().public + SERIAL.encode() + b"certificate" * 150

    def put(self, index: int, data: bytes, step: int = 1000) -> str:
        for at in range(0, len(data), step):
            result = self.result("put_blob", blob=index, total_bytes=len(data), offset=at, data=data[at : at + step])
            if result != "ok":
                return result
        return "ok"

    def finish(self, certificate: bytes) -> str:
        return self.result("finish_provisioning", certificate_sha256=sha256(certificate).digest())

    def provision(self, epoch: int = 1) -> bytes:
        self.begin(epoch=epoch)
        certificate = self.certificate()
        for index, blob in enumerate((certificate, b"\x30anchors", b'{"root": 1}', ADDRESSES, TOKEN_KEYS)):
            assert self.put(index, blob) == "ok"
        assert self.finish(certificate) == "ok"
        return certificate

    def lock(self) -> str:
        """The self-test, and the lock."""
        self.self_test()
        return self.result("lock")

    def reset(self) -> None:
        """The unit in service is reset, as somebody with a computer and a finger does it."""
        link = self.locked_link()
        self.board.held = True
        for _ in range(5):
            link.feed(encode_frame(messages.pack("factory_reset", {}, 1, 1)))
            self.now_us += 900_000
        assert link.restart_wanted
        self.restart()

    def challenge(self, station: str = "bench-1") -> dict[str, Any]:
        name, values = self.ask("ask_challenge", station=station)
        assert name == "challenge", values
        return values

    def self_test(self) -> dict[str, int]:
        _, values = self.ask("run_self_test")
        return {SELF_TESTS[row["test"]]: row["result"] for row in values["tests"]}


def token_for(asked: dict[str, Any], key: bytes = FLEET_KEY, **changes: Any) -> dict[str, Any]:
    """A token as the fleet signs it, for the first epoch that the unit takes one for."""
    values = {
        "station": "bench-1", "serial": asked["serial"], "epoch": asked["epoch"],
        "challenge": asked["challenge"], "issued_s": 0,
    } | changes  # fmt: skip
    token = messages.pack("provisioning_token", values)
    return {"token": token, "signature": p256.sign(key, sha256(CONTEXT + token).digest())}
