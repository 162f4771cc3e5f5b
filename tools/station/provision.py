"""A bare board becomes a unit in stock: the steps at the bench, each of them safe to cut and to take again.

What is done is asked of the unit (its mode), of the fleet (its answers repeat) and of the journal, never assumed:

| the unit says                | what is left to do                                    |
|------------------------------|-------------------------------------------------------|
| nothing, its ROM loader does | everything, from erasing the flash on                 |
| factory, not provisioned     | key and request, certificate, and what follows        |
| factory, provisioned         | self-test, calibration, lock, and what follows        |
| locked                       | label, stock record, restart; nothing if it was taken |
| reset, provisioned or not    | a token of the fleet's, then as factory               |

Invariants: a board's serial number and MAC come from the fleet by the chip's own id, so a board has one of each
however often it is flashed. The image's hash is written down before the flash is erased. The claim code is
written down before it is printed, and the fleet gets its hash before the unit leaves the bench.
"""

from __future__ import annotations

import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from boards import catalogue
from boards.schema import Board
from protocol.host.findings import told
from protocol.wire.link_enumerations import BLOBS, LINK_MODES, SELF_TEST_RESULTS, SELF_TESTS
from protocol.wire.link_layouts import BIAS
from protocol.wire.mac import MacAddress
from protocol.wire.messages import Message
from tools import label
from tools.client import Poster, RefusedError
from tools.label.formats import png
from tools.sim.loader import SerialPort
from tools.station.clock_check import MAX_PPM, Reading, bounds_ppm, certain_ppm, is_off
from tools.station.errors import LinkError, RefusedByUnitError, UnitError
from tools.station.flasher import Flasher, Image, flasher_for
from tools.station.journal import Journal, Record, check_room, write_whole
from tools.station.link import UnitLink
from tools.station.reset_token import ask_challenge, authorize

BLOB_PART_BYTES: Final = 1024
CLOCK_READINGS: Final = 3
HELD_LIMIT_S: Final = 60.0  # an upload of the station's own, or another process, is through with a board by then
AT_BENCH: Final = ("made", "certified", "in_stock", "reserved")  # whose custody leaves the bench something to do
CLOCK_OFF: Final = 128  # the station's own finding of test `clock` (protocol/host/findings.py)
STEPS: Final = ("find", "allocate", "write", "key", "certificate", "identity", "self-test", "lock", "label", "stock")

Report = Callable[[str, int, int], None]
"""Called with a step of STEPS, what of it is done and how much it is in all."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the station was told to do with every board."""

    image: Image
    labels: Path
    claim_url: str
    country: str = "US"
    new_epoch: str = ""  # why a board that has an identity gets another one; empty: it does not
    label_dpi: int = 300  # of the label printer
    station: str = "bench"  # letters, digits, dot, dash and underscore, 40 at most


@dataclass(frozen=True, slots=True)
class Finished:
    """A unit that passed."""

    serial: str
    mac: str
    epoch: int
    board_uid: str
    version: str
    label: Path
    custody: str  # in_stock, or certified: a refurbished one waits to be graded


def flash_unit(port: SerialPort, job: Job, fleet: Poster, journal: Journal, report: Report) -> Finished:
    """Take the board on `port` from wherever it is into stock; StationError or ToolError says what stopped it."""
    check_room(job.labels)
    with ExitStack() as held:
        bench = _Bench(port, job, fleet, journal, report)
        bench.find()
        held.enter_context(journal.held(bench.record.board_uid, HELD_LIMIT_S))
        bench.record = journal.load(bench.record.board_uid)  # who held it may have got its certificate
        for step in (bench.allocate, bench.write, bench.provision, bench.test_and_lock, bench.print_label, bench.stock):
            step()
        return bench.finished()


class _Bench:
    """One board on its way. `unit` is its last hello_reply, None while its ROM loader runs."""

    def __init__(self, port: SerialPort, job: Job, fleet: Poster, journal: Journal, report: Report) -> None:
        self._port = port
        self._job = job
        self._fleet = fleet
        self._journal = journal
        self._report = report
        self._link = UnitLink(port)
        self._flasher: Flasher | None = None
        self.unit: Message | None = None
        self.record = Record("")
        self._custody = ""
        self._first_reading: Reading | None = None
        self._challenge: Message | None = None  # of a unit that was reset
        self.board: Board
        self.revision = 0

    def find(self) -> None:
        """Which board is there, and in which state."""
        self._report("find", 0, 1)
        answer = self._first_answer()
        if answer is not None and answer.name == "hello_reply":
            self.unit = answer
            name, self.revision, uid = answer["board"], answer["hardware_revision"], answer["board_uid"]
        else:
            self._flasher = flasher_for(self._port, None if answer else self._board_of_image())
            chip = self._flasher.identify()
            name, self.revision, uid = chip.board, chip.hardware_revision, chip.board_uid
        self.board = catalogue.load(name)
        self._job.image.check_fits(self.board, self.revision)
        self.record = self._journal.load(uid.hex())
        self._report("find", 1, 1)

    def _first_answer(self) -> Message | None:
        """What is said to a hello; None by an ESP32 in its ROM loader, which knows none of our frames."""
        try:
            return self._link.find()
        except LinkError as error:
            kind = self._board_of_image().loader.kind
            if kind == "uf2":
                raise LinkError(f"{error} A bare board of this kind gets its image by `station write` first") from error
            if kind == "simulated":
                raise
            return None

    def _board_of_image(self) -> Board:
        return catalogue.load(self._job.image.header.board)

    def allocate(self) -> None:
        """The board's serial number, MAC and epoch; what the journal knows of an earlier epoch is forgotten."""
        self._report("allocate", 0, 1)
        body = {"board": self.board.name, "hardware_revision": self.revision, "board_uid": self.record.board_uid}
        unit = self._fleet.post("/v1/units", body, repeatable=True)
        if self.unit is not None and LINK_MODES[self.unit["mode"]] == "reset":
            self._challenge = ask_challenge(self._link, unit["station"])
        if self._job.new_epoch and unit["custody"] != "made" and self._is_without_identity(unit["epoch"]):
            self._fleet.post(f"/v1/units/{unit['serial']}/epochs", {"reason": self._job.new_epoch})
            unit = self._fleet.post("/v1/units", body, repeatable=True)
        self._custody = unit["custody"]
        if self._custody not in AT_BENCH or (self.unit is None and self._custody != "made"):
            raise UnitError(
                f"{unit['serial']} is {self._custody}, nothing was done to it: one that came back is taken in first "
                "(plugtone return take-in); it gets a new identity by running this again with --new-epoch and why"
            )
        facts = {"serial": unit["serial"], "mac": unit["mac"], "epoch": unit["epoch"]}
        if any(getattr(self.record, name) != value for name, value in facts.items()):
            self.record = self._journal.store(Record(self.record.board_uid), **facts)
        self._report("allocate", 1, 1)

    def _is_without_identity(self, epoch: int) -> bool:
        """True unless the unit has the identity of `epoch`, or one for it was begun here and may be finished."""
        if self.unit is None:
            return True
        begun = bool(self.record.csr) and self.record.epoch == epoch == self.unit["epoch"]
        if self._challenge is not None and self._challenge["epoch"] > epoch:
            begun = False  # that was before it was reset
        return not (begun or self.unit["provisioned"])

    def write(self) -> None:
        """The image, where the ROM loader runs; what runs already must be that image."""
        image = self._job.image
        if self.unit is None:
            assert self._flasher is not None  # noqa: S101 - find() left one of the two
            self.record = self._journal.store(self.record, image_sha256=image.sha256)
            self._flasher.write(self.board, image.data, lambda done, total: self._report("write", done, total))
            self._flasher.run()
            self.unit = self._hello()
        written = self.record.image_sha256 or image.sha256
        running = self._running["version"]
        if not self._locked and (running != image.header.version or written != image.sha256):
            raise UnitError(
                f"the board runs another image ({running}) than {image.header.version}: hold its boot "
                "button, power it on and run this again"
            )

    def provision(self) -> None:
        """Key, request, certificate and the rest of the identity, unless the unit has them."""
        unit = self._running
        if unit["provisioned"] and (unit["serial"], unit["epoch"]) != (self.record.serial, self.record.epoch):
            raise UnitError(
                f"the board is provisioned as {unit['serial']}, epoch {unit['epoch']}, the fleet says "
                f"{self.record.serial}, epoch {self.record.epoch}: hold its boot button, power it on and run again"
            )
        if self._challenge is not None:
            authorize(self._link, self._fleet, self._challenge, self.record.epoch)
        if unit["provisioned"]:
            return
        self._make_key()
        self._first_reading = self._read_clock()
        self._fetch_certificate()
        self._write_identity()
        self.unit = self._hello()

    def test_and_lock(self) -> None:
        """Every part sound, then the console locked; a locked unit was tested before."""
        if self._locked:
            if not self.record.self_test:
                raise UnitError(
                    f"{self.record.serial} is locked and this station has no record of it; to flash it anew hold its "
                    "boot button, power it on and run this again with --new-epoch and the reason"
                )
            return
        self._report("self-test", 0, 1)
        self._first_reading = self._first_reading or self._read_clock()
        tests, bench = self._tested(), self._calibrated(self._first_reading)
        if bench is None:
            clock = next(row for row in tests if row["test"] == "clock")
            clock.update(result="failed", code=CLOCK_OFF, value=MAX_PPM)
        self.record = self._journal.store(self.record, self_test=tests, bench=bench or {})
        self._report("self-test", 1, 1)
        failed = [told(row["test"], row["code"], row["value"]) for row in tests if row["result"] == "failed"]
        if failed:
            raise UnitError(f"{self.record.serial} failed its self-test: {'; '.join(failed)}. Then run this again")
        self._report("lock", 0, 1)
        self._link.ask("lock", {})
        self._report("lock", 1, 1)

    def print_label(self) -> None:
        """The label's picture; the same again if it is there."""
        self._report("label", 0, 1)
        if not self.record.label:
            code = self.record.claim_code or label.make_claim_code()
            self.record = self._journal.store(self.record, claim_code=code, label=f"{self.record.serial}.png")
        path = self._job.labels / self.record.label
        if self.record.claim_code:
            facts = label.Facts(
                serial=self.record.serial,
                mac=MacAddress.parse(self.record.mac),
                board=self.board.name,
                hardware_revision=self.revision,
                claim_url=self._job.claim_url,
                claim_code=self.record.claim_code,
            )
            picture = label.render(label.label_template("unit"), facts, self._job.label_dpi)
            write_whole(path, png(picture, self._job.label_dpi))
        self._report("label", 1, 1)

    def stock(self) -> None:
        """The stock record; then the unit starts and plugs itself in."""
        self._report("stock", 0, 1)
        if not self.record.stocked:
            header = self._job.image.header
            unit = self._fleet.post(
                f"/v1/units/{self.record.serial}/stock",
                {
                    "version": header.version,
                    "release_counter": header.release_counter,
                    "self_test": self.record.self_test,
                    "label": self.record.label,
                    "bench": self.record.bench or None,
                    "claim_code_sha256": label.claim_code_sha256(self.record.claim_code),
                },
                repeatable=True,
            )
            self._custody = unit["custody"]
            self.record = self._journal.store(self.record, stocked=True, claim_code="")
        self._restart()
        self._report("stock", 1, 1)

    def finished(self) -> Finished:
        """What was achieved."""
        record = self.record
        return Finished(
            serial=record.serial,
            mac=record.mac,
            epoch=record.epoch,
            board_uid=record.board_uid,
            version=self._job.image.header.version,
            label=self._job.labels / record.label,
            custody=self._custody,
        )

    @property
    def _running(self) -> Message:
        if self.unit is None:
            raise LinkError("the board is in its ROM loader and does not run its image")
        return self.unit

    @property
    def _locked(self) -> bool:
        return bool(LINK_MODES[self._running["mode"]] == "locked")

    def _hello(self) -> Message:
        answer = self._link.find()
        if answer.name != "hello_reply":
            raise LinkError(
                "the board does not run what was written; see that its boot button is up and run this again"
            )
        return answer

    def _tested(self) -> list[dict[str, Any]]:
        """The rows of the unit's self-test."""
        report = self._link.ask("run_self_test", {}, "self_test_report")
        codes = [row["code"] for row in report["codes"]] or [0] * len(report["tests"])
        return [
            {
                "test": SELF_TESTS[row["test"]],
                "result": SELF_TEST_RESULTS[row["result"]],
                "code": code,
                "value": row["value"],
            }
            for row, code in zip(report["tests"], codes, strict=True)
        ]

    def _calibrated(self, first: Reading) -> dict[str, Any] | None:
        """Hands the unit its clock's error and has it measure its line; what was found, None for a hopeless clock."""
        low, high = bounds_ppm(first, self._read_clock())
        if is_off(low, high):
            return None
        ppm = certain_ppm(low, high)
        found = self._link.ask("calibrate", {"clock_ppm": BIAS + ppm}, "calibration")
        return {
            "station": self._job.station,
            "country": self._job.country,
            "line_gain_tenths": found["line_gain"] - BIAS,
            "clock_ppm": ppm,
        }

    def _read_clock(self) -> Reading:
        """The unit's clock: of a few readings that which took the least time."""
        readings = []
        for _ in range(CLOCK_READINGS):
            asked_us = time.monotonic_ns() // 1000
            unit_us = self._link.ask("read_clock", {}, "clock")["uptime_us"]
            readings.append(Reading(asked_us, time.monotonic_ns() // 1000, unit_us))
        return min(readings, key=lambda reading: reading.answered_us - reading.asked_us)

    def _make_key(self) -> None:
        """The key is made on the unit; asked again for the same epoch, the unit gives the same request."""
        self._report("key", 0, 1)
        values = {
            "serial": self.record.serial,
            "mac": MacAddress.parse(self.record.mac).octets,
            "epoch": self.record.epoch,
            "hardware_revision": self.revision,
            "country": self._job.country,
            "entropy": secrets.token_bytes(32),
        }
        csr = b64encode(self._link.ask("begin_provisioning", values, "csr")["csr"]).decode()
        if csr != self.record.csr:
            self.record = self._journal.store(self.record, csr=csr, blobs={})
        self._report("key", 1, 1)

    def _fetch_certificate(self) -> None:
        self._report("certificate", 0, 1)
        if set(self.record.blobs) != set(BLOBS):
            body = {"csr": self.record.csr, "epoch": self.record.epoch}
            try:
                blobs = self._fleet.post(f"/v1/units/{self.record.serial}/certificate", body, repeatable=True)
            except RefusedError as error:
                if error.status != HTTPStatus.CONFLICT:
                    raise
                self._journal.store(self.record, csr="")  # so that --new-epoch does not go on with it
                raise UnitError(f"{error}: here by running this again with --new-epoch and the reason") from error
            self.record = self._journal.store(self.record, blobs={name: blobs[name] for name in BLOBS})
        self._report("certificate", 1, 1)

    def _write_identity(self) -> None:
        blobs = {name: b64decode(self.record.blobs[name]) for name in BLOBS}
        total, done = sum(len(blob) for blob in blobs.values()), 0
        for index, name in enumerate(BLOBS):
            for offset in range(0, len(blobs[name]), BLOB_PART_BYTES):
                part = blobs[name][offset : offset + BLOB_PART_BYTES]
                values = {"blob": index, "total_bytes": len(blobs[name]), "offset": offset, "data": part}
                self._link.ask("put_blob", values)
                done += len(part)
                self._report("identity", done, total)
        self._link.ask("finish_provisioning", {"certificate_sha256": sha256(blobs["certificate"]).digest()})

    def _restart(self) -> None:
        """A unit that locked itself in this very start restarts on request; one that runs already refuses."""
        with suppress(RefusedByUnitError):
            self._link.ask("restart", {})
