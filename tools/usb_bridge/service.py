"""Runs the bridge on a serial port: opens it, and again when the unit was away; a thread reads, another writes."""

from __future__ import annotations

import asyncio
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import serial  # type: ignore[import-untyped]

from protocol.wire.link import FrameReader
from tools.usb_bridge.events import Attached, Event, Lost, Place
from tools.usb_bridge.flows import Flows, Report
from tools.usb_bridge.policy import Policy, is_ipv4, outward_address
from tools.usb_bridge.session import Session

OPEN_AGAIN_S: Final = 0.5
TURN_S: Final = 0.25
READ_LIMIT_S: Final = 0.2
WRITE_LIMIT_S: Final = 2.0  # a unit that reads nothing for so long is gone
BAUD: Final = 115_200  # of no meaning on USB
SERIAL_ERRORS: Final = (serial.SerialException, OSError, TypeError)  # pyserial: TypeError once it is closed


@dataclass(frozen=True, slots=True)
class Options:
    """`address`: the computer's for the unit's UDP flows; "" for that of its way out."""

    port: str
    address: str = ""
    name_servers: tuple[Place, ...] = ()
    allow_loopback: bool = False


class UsbBridge:
    """`run` never ends by itself; `report(event, facts)` says what happens, never what is carried."""

    def __init__(self, options: Options, report: Report) -> None:
        self._options = options
        self._report = report
        self._told = ""

    async def run(self) -> None:
        """For ever: waits for the port and for a network, and bridges while both are there."""
        while True:
            address = self._options.address or outward_address()
            if not is_ipv4(address):
                self._tell("no_network", {})
            else:
                try:
                    port = serial.Serial(
                        self._options.port, BAUD, timeout=READ_LIMIT_S, write_timeout=WRITE_LIMIT_S, exclusive=True
                    )
                except SERIAL_ERRORS as error:
                    self._tell("port_unavailable", {"port": self._options.port, "why": str(error)})
                else:
                    self._told = ""
                    self._report("port_opened", {"port": self._options.port, "address": address})
                    await _Running(port, address, self._options, self._report).run()
            await asyncio.sleep(OPEN_AGAIN_S)

    def _tell(self, event: str, facts: dict[str, Any]) -> None:
        """Once, however often it is so."""
        if event != self._told:
            self._told = event
            self._report(event, facts)


class _Running:
    """One opening of the port; ends when the port does, or the computer has another address."""

    def __init__(self, port: serial.Serial, address: str, options: Options, report: Report) -> None:
        self._port = port
        self._options = options
        self._report = report
        self._session = Session(lambda: secrets.randbits(32), address, options.name_servers)
        self._wake = asyncio.Event()
        policy = Policy(options.allow_loopback, options.name_servers)
        self._flows = Flows(self._session, policy, self._wake.set, report)
        self._frames = FrameReader()
        self._loop = asyncio.get_running_loop()
        self._over = self._loop.create_future()
        self._closing = False

    async def run(self) -> None:
        reader = threading.Thread(target=self._read, name="usb-bridge-read", daemon=True)
        reader.start()
        with ThreadPoolExecutor(1, "usb-bridge-write") as pool:
            tasks = [self._loop.create_task(self._write(pool)), self._loop.create_task(self._turn())]
            try:
                await asyncio.wait((self._over, *tasks), return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._closing = True
                for task in tasks:
                    task.cancel()
                await self._flows.close()
                self._port.close()
                await self._loop.run_in_executor(None, reader.join)
        self._report("port_closed", {"port": self._options.port})

    def _read(self) -> None:
        """The thread that reads."""
        try:
            while not self._closing:
                data = self._port.read(max(1, self._port.in_waiting))
                if data:
                    self._loop.call_soon_threadsafe(self._received, data)
        except SERIAL_ERRORS as error:
            if not self._closing:
                self._loop.call_soon_threadsafe(self._end, str(error))

    def _end(self, why: str) -> None:
        if not self._over.done():
            self._over.set_result(why)

    def _received(self, data: bytes) -> None:
        now_s = self._loop.time()
        for payload in self._frames.feed(data):
            self._handle(self._session.feed(payload, now_s))

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Attached):
                self._report("unit_attached", {"port": self._options.port, "address": self._session.address})
            elif isinstance(event, Lost):
                self._report("unit_lost", {"port": self._options.port, "why": event.why})
            self._flows.handle(event)
        self._wake.set()

    async def _turn(self) -> None:
        """Says hello in time, and looks after the unit and the computer's address."""
        while self._options.address or outward_address() == self._session.address:
            self._handle(self._session.poll(self._loop.time()))
            await asyncio.sleep(TURN_S)
        self._handle([self._session.lose("this computer has another address")])

    async def _write(self, pool: ThreadPoolExecutor) -> None:
        while True:
            frame = self._session.next_frame()
            if frame is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            try:
                await self._loop.run_in_executor(pool, self._port.write, frame)
            except serial.SerialTimeoutException:
                if self._session.attached:
                    self._handle([self._session.lose("the unit does not read")])
                self._port.reset_output_buffer()
            except SERIAL_ERRORS:
                return
