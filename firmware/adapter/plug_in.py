"""Takes a unit from its cable to a session with the fleet, and there again after every fault.

One step for each state in which the unit itself has something to do (activation.py); each step either
brings the next state or raises an AdapterError, which leads to a jittered wait and another try. What
touches the world is handed in: the board, the network, the uptime; no wait lasts longer than _LINK_POLL_MS
without a look at the cable.
"""

import asyncio
import gc

from micropython import const

from adapter.backoff import Backoff
from adapter.clock import ClockError
from adapter.errors import AdapterError
from adapter.room import unload

_LINK_POLL_MS = const(250)
_TURN_POLL_MS = const(20)
_TIME_CHECK_TRIES = const(3)  # connecting so often in vain, a unit asks for the time anew: a wrong one fails every TLS
_ADDRESS_POLL_MS = const(50)
_STARVED_TRIES = const(20)  # for want of heap, within some 10 minutes: after them only a restart helps


class LinkDownError(AdapterError):
    """The cable is out."""


class PlugIn:
    """`board` and `net` are the port's, `context()` makes one for TLS; `on_event` takes the uplink's events;
    `note(error)` is told of each failed try, `turn` (a Turn) lends the connection to an update, `call_up()`: somebody
    is on the telephone.
    """

    def __init__(
        self, board, net, uptime, addresses, context, activation, uplink, clock, log, on_event, note, turn, call_up
    ):
        self._board = board
        self._net = net
        self._uptime = uptime
        self._addresses = addresses
        self._context = context
        self._activation = activation
        self._uplink = uplink
        self._clock = clock
        self._log = log
        self._on_event = on_event
        self._note = note
        self._turn = turn
        self._call_up = call_up
        self._servers = None
        self._backoff = Backoff(board.entropy)
        self._refused_ms = 0
        self._failed = 0
        self._starved = 0  # tries in a row that the heap had no room for
        self._beat = None
        self._link = 0  # what board.link() said when it came up
        self._steps = {
            "link": self._await_link,
            "address": self._await_address,
            "time": self._ask_time,
            "connect": self._connect,
            "refused": self._wait_refused,
        }

    async def run(self, beat):
        """For ever; `beat()` is called at least every few seconds."""
        self._beat = beat
        while True:
            beat()
            try:
                await self._steps[self._activation.state]()
            except LinkDownError:
                self._log("link_down", 0)
                self._activation.handle("link_down")
            except MemoryError as error:  # the line has left the heap in pieces, and mends that once it rests
                self._starved += 1
                if self._starved > _STARVED_TRIES:
                    raise
                gc.collect()
                self._note(error)
                self._log("no_heap", self._starved)
                await self._pause(self._backoff.next_ms())
            except AdapterError as error:
                self._note(error)
                self._failed += self._activation.state == "connect"
                await self._pause(self._backoff.next_ms())

    def _check_link(self):
        self._beat()
        if self._board.link() != self._link:
            raise LinkDownError("the Ethernet cable, or the bridge on USB, is out")

    async def _pause(self, wait_ms):
        """Waits, but no longer than the link stays up: a cable put back is reason enough to try again.

        There is no connection now, so an update need not wait for the end of it, which may be a day off.
        """
        until_ms = self._uptime() + wait_ms
        while self._uptime() < until_ms and self._board.link() == self._link:
            self._beat()
            if self._clock.is_set:
                self._turn.lend()
            await asyncio.sleep(min(_LINK_POLL_MS, max(until_ms - self._uptime(), 0)) / 1000)

    async def _await_link(self):
        self._link = self._board.link()
        while not self._link:
            self._beat()
            await asyncio.sleep(_LINK_POLL_MS / 1000)
            self._link = self._board.link()
        self._log("link_up", 0)
        self._backoff.reset()
        self._activation.handle("link_up")

    async def _await_address(self):
        while not self._board.address():
            self._check_link()
            await asyncio.sleep(_ADDRESS_POLL_MS / 1000)
        self._log("address", 0)
        self._activation.handle("address_got")

    async def _ask_time(self):
        self._check_link()
        if not self._clock.is_set:
            await self._set_clock()
            self._servers = None
            unload(("adapter.sntp",))
        self._activation.handle("time_set")

    async def _set_clock(self):
        """One question to one server; SntpError or NetError if it brought nothing."""
        from adapter.sntp import COOKIE_BYTES, REPLY_TIMEOUT_MS, SntpError, TimeServers, is_answer, read_answer, request

        if self._servers is None or self._servers.current() is None:
            # A unit without the time is of no use: one denied by all asks again, at the back-off's pace.
            self._servers = TimeServers(self._addresses["ntp"])
        server = self._servers.current()
        cookie = self._board.entropy(COOKIE_BYTES)

        def accept(data, elapsed_ms):
            return read_answer(data, cookie, elapsed_ms) if is_answer(data, cookie) else None

        host, port = server["host"], server["port"]
        try:
            utc_ms = await self._net.udp_exchange(host, port, request(cookie), accept, REPLY_TIMEOUT_MS)
            if utc_ms is None:
                raise SntpError("no answer from %s:%d in %d ms" % (host, port, REPLY_TIMEOUT_MS))
            self._clock.set(utc_ms, self._uptime())
        except ClockError:
            self._log("clock_refused", 0)
            self._servers.failed(None)
            raise
        except AdapterError as error:
            self._servers.failed(error)
            raise
        self._log("time_set", 0)

    async def _connect(self):
        self._check_link()
        if self._failed >= _TIME_CHECK_TRIES:
            self._failed = 0
            await self._set_clock()
            self._servers = None
            unload(("adapter.sntp",))
        if not self._turn.wanted:
            await self._session()
        self._turn.lend()
        while self._turn.lent:
            self._check_link()
            await asyncio.sleep(_TURN_POLL_MS / 1000)

    async def _session(self):
        """One connection's life; ends by an error, a refusal of the fleet, or for an update's turn."""
        while self._call_up():  # a TLS handshake would be heard
            self._check_link()
            await asyncio.sleep(_LINK_POLL_MS / 1000)
        host, port = self._addresses["broker_host"], self._addresses["broker_port"]
        stream = await self._net.open_tls(host, port, self._context())
        try:
            self._uplink.open(self._uptime())
            await stream.handshake(self._uplink.poll(self._uptime()))
            self._uplink.count_handshake(stream.handshake_ms)
            while self._activation.state != "refused" and not self._turn.wanted:
                await self._exchange(stream)
            await stream.write(self._uplink.close(self._uptime()))
        finally:
            stream.close()
            self._uplink.lost()

    async def _exchange(self, stream):
        """Sends what is to be sent, then takes what comes in, or the next timer."""
        self._check_link()
        out = self._uplink.poll(self._uptime())
        if out:
            await stream.write(out)
        timer_ms = self._uplink.next_timer()
        wait_ms = _LINK_POLL_MS if timer_ms is None else min(max(timer_ms - self._uptime(), 0), _LINK_POLL_MS)
        try:
            data = await asyncio.wait_for(stream.read(), wait_ms / 1000)
        except asyncio.TimeoutError:
            return
        if not data:
            raise AdapterError("the broker closed the connection in state %s" % self._activation.state)
        for event in self._uplink.feed(data, self._uptime()):
            if event[0] == "refused":
                self._refused_ms = 1000 * event[2]
            elif event[0] == "configured":
                self._backoff.reset()
                self._failed = self._starved = 0
            self._on_event(event)

    async def _wait_refused(self):
        await self._pause(max(self._refused_ms, self._backoff.next_ms()))
        self._check_link()
        self._activation.handle("try_again")
