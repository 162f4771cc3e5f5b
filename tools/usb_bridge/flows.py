"""The sockets behind the flows: opens what the unit wants and may have, and carries bytes both ways."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from tools.usb_bridge.events import Bytes, Closed, Datagram, Event, Lost, Place, Room, Wanted
from tools.usb_bridge.policy import Policy, is_ipv4
from tools.usb_bridge.session import WINDOW_BYTES, Session

CONNECT_LIMIT_S: Final = 6.0  # for all of a host's addresses; the unit waits 8 s
CLOSE_LIMIT_S: Final = 5.0  # for the last bytes of a flow that the unit has ended
MAX_ADDRESSES: Final = 4
MAX_EARLY_DATAGRAMS: Final = 8  # while the flow opens
MAX_HEARD: Final = 64  # places that the unit sent to from one flow: their hosts may answer
_NOWHERE: Final = ("0.0.0.0", 0)  # noqa: S104 - it says that there is no peer

Report = Callable[[str, dict[str, Any]], None]


class _Flow:
    """What both kinds have: the task that opens and serves it, and figures for the log."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.task: asyncio.Task[None] | None = None
        self.bytes_up = self.bytes_down = 0
        self.room = asyncio.Event()
        self.up: asyncio.Queue[bytes | None] = asyncio.Queue()  # bounded by what the session allows the unit
        self.early: deque[Datagram] = deque(maxlen=MAX_EARLY_DATAGRAMS)
        self.transport: asyncio.DatagramTransport | None = None
        self.heard: dict[Place, bool] = {}  # where the unit sent to; False: it may not
        self.finishing = False  # the unit has ended it


class Flows:
    """The flows of one Session. `wake()` is called when it has something to write; `report` gets a line a flow."""

    def __init__(self, session: Session, policy: Policy, wake: Callable[[], None], report: Report) -> None:
        self._session = session
        self._policy = policy
        self._wake = wake
        self._report = report
        self._flows: dict[int, _Flow] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def handle(self, event: Event) -> None:
        """Does what the unit wants; what takes time is done by a task of the flow's."""
        if isinstance(event, Wanted):
            self._begin(event)
        elif isinstance(event, Lost):
            for number in list(self._flows):
                self._close(number, "reset")
        elif isinstance(event, Closed):
            self._close(event.flow, event.reason)
        elif isinstance(event, Bytes | Datagram | Room) and event.flow in self._flows:
            flow = self._flows[event.flow]
            if isinstance(event, Bytes):
                flow.up.put_nowait(event.data)
            elif isinstance(event, Room):
                flow.room.set()
            elif flow.transport is None:
                flow.early.append(event)
            else:
                self._send_datagram(flow, event)

    async def close(self) -> None:
        """Ends all, and waits for it."""
        for number in list(self._flows):
            self._close(number, "reset")
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def _begin(self, wanted: Wanted) -> None:
        flow = self._flows[wanted.flow] = _Flow(wanted)
        serve = self._serve_tcp if wanted.kind == "tcp" else self._open_udp
        flow.task = asyncio.get_running_loop().create_task(self._guarded(flow, serve(flow)))

    async def _guarded(self, flow: _Flow, serving: Coroutine[Any, Any, str]) -> None:
        """`serving` returns why the flow is over, "" if it goes on without a task."""
        try:
            reason = await serving
        except asyncio.CancelledError:
            reason = "reset"
            raise
        except OSError:
            reason = "reset"
        finally:
            number = flow.wanted.flow
            if reason and self._flows.get(number) is flow:
                self._session.ended(number, reason)
                self._wake()
                self._forget(number, reason)

    def _close(self, number: int, reason: str) -> None:
        """The unit has ended it: what it sent before goes out all the same."""
        flow = self._flows.get(number)
        if flow is None:
            return
        self._forget(number, reason)
        if flow.transport is not None:
            flow.transport.close()
        task = flow.task
        if task is None or task.done():
            return
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        if flow.wanted.kind == "tcp" and reason == "end":
            flow.finishing = True
            flow.up.put_nowait(None)
            asyncio.get_running_loop().call_later(CLOSE_LIMIT_S, task.cancel)
        else:
            task.cancel()

    def _forget(self, number: int, reason: str) -> None:
        flow = self._flows.pop(number)
        facts = {"bytes_up": flow.bytes_up, "bytes_down": flow.bytes_down, "reason": reason}
        self._report("flow_ended", {"flow": number, "kind": flow.wanted.kind, **facts})

    def _opened(self, flow: _Flow, local_port: int, peer: Place) -> None:
        wanted = flow.wanted
        facts = {"flow": wanted.flow, "kind": wanted.kind, "host": wanted.host, "port": wanted.port}
        self._report("flow_opened", {**facts, "address": peer[0], "local_port": local_port})
        self._session.opened(wanted.flow, local_port, peer if is_ipv4(peer[0]) else _NOWHERE)
        self._wake()

    async def _addresses(self, wanted: Wanted, family: int, kind: int) -> tuple[list[Any], str]:
        """What getaddrinfo finds and the unit may reach, and why there is none."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(wanted.host, wanted.port, family=family, type=kind)
        except OSError:
            return [], "no_address"
        allowed = []
        for entry in found[:MAX_ADDRESSES]:
            why = self._policy.refusal(str(entry[4][0]), wanted.port)
            if why:
                self._refused(wanted.flow, str(entry[4][0]), wanted.port, why)
            else:
                allowed.append(entry)
        return allowed, "" if allowed else "not_allowed"

    def _refused(self, number: int, host: str, port: int, why: str) -> None:
        self._report("refused", {"flow": number, "host": host, "port": port, "why": why})

    async def _serve_tcp(self, flow: _Flow) -> str:
        wanted = flow.wanted
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                found, reason = await self._addresses(wanted, socket.AF_UNSPEC, socket.SOCK_STREAM)
                for entry in found:
                    try:
                        reader, writer = await asyncio.open_connection(*entry[4][:2], family=entry[0])
                        break
                    except ConnectionRefusedError:
                        reason = "refused"
                    except OSError:
                        reason = "unreachable"
                else:
                    return reason
        except TimeoutError:
            return "timeout"
        writer.transport.set_write_buffer_limits(WINDOW_BYTES)
        down = asyncio.get_running_loop().create_task(self._carry_down(flow, reader))
        try:
            self._opened(flow, writer.get_extra_info("sockname")[1], writer.get_extra_info("peername")[:2])
            return await self._carry_up(flow, writer, down)
        finally:
            down.cancel()
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await down

    async def _carry_up(self, flow: _Flow, writer: asyncio.StreamWriter, down: asyncio.Task[str]) -> str:
        """From the unit to the network, until either has ended."""
        waiting = asyncio.get_running_loop().create_task(flow.up.get())
        try:
            while True:
                await asyncio.wait((waiting, down), return_when=asyncio.FIRST_COMPLETED)
                if waiting.done():
                    data = waiting.result()
                    if data is None:
                        return "end"
                    writer.write(data)
                    await writer.drain()
                    flow.bytes_up += len(data)
                    self._session.passed_on(flow.wanted.flow, len(data))
                    self._wake()
                    waiting = asyncio.get_running_loop().create_task(flow.up.get())
                elif not flow.finishing:
                    return down.result()
        finally:
            waiting.cancel()

    async def _carry_down(self, flow: _Flow, reader: asyncio.StreamReader) -> str:
        """From the network to the unit, as much as it takes."""
        number = flow.wanted.flow
        while True:
            room = self._session.room(number)
            if room == 0:
                flow.room.clear()
                await flow.room.wait()
                continue
            data = await reader.read(room)
            if not data:
                return "end"
            if flow.finishing:
                continue
            flow.bytes_down += len(data)
            self._session.send(number, data)
            self._wake()

    async def _open_udp(self, flow: _Flow) -> str:
        wanted = flow.wanted
        loop = asyncio.get_running_loop()
        local = remote = None
        if wanted.host:
            found, reason = await self._addresses(wanted, socket.AF_INET, socket.SOCK_DGRAM)
            if not found:
                return reason
            remote = found[0][4]
        else:
            local = (self._session.address, wanted.local_port)
        try:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Listener(self, flow), local_addr=local, remote_addr=remote, family=socket.AF_INET
            )
        except OSError as error:
            return "port_taken" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "unreachable"
        with contextlib.suppress(OSError, AttributeError):  # some systems mark nothing
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_IP, socket.IP_TOS, wanted.dscp << 2)
        flow.transport = transport
        self._opened(flow, transport.get_extra_info("sockname")[1], remote or _NOWHERE)
        while flow.early:
            self._send_datagram(flow, flow.early.popleft())
        return ""

    def _send_datagram(self, flow: _Flow, datagram: Datagram) -> None:
        """To whom it may go; whoever it went to may answer."""
        place = datagram.place
        if flow.transport is None or (place is None) == (not flow.wanted.host):
            return
        if place is not None:
            if place not in flow.heard:
                why = self._policy.refusal(*place)
                if why:
                    self._refused(flow.wanted.flow, *place, why)
                if len(flow.heard) >= MAX_HEARD:
                    del flow.heard[next(iter(flow.heard))]
                flow.heard[place] = not why
            if not flow.heard[place]:
                return
        flow.bytes_up += len(datagram.data)
        flow.transport.sendto(datagram.data, place)

    def received(self, flow: _Flow, data: bytes, source: Place) -> None:
        """A datagram has come, from one that the unit sent to."""
        known = (place[0] == source[0] and allowed for place, allowed in flow.heard.items())  # from whatever port
        if flow.wanted.host or any(known):
            flow.bytes_down += len(data)
            if self._session.send_datagram(flow.wanted.flow, source, data):
                self._wake()


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, flows: Flows, flow: _Flow) -> None:
        self._flows = flows
        self._flow = flow

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._flows.received(self._flow, data, (str(addr[0]), int(addr[1])))

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there: as on any network, the unit's own limits tell."""
