"""Drives the update session over HTTPS: fetches what it asks for, waits after failures, restarts the unit in time.

One TLS connection at a time serves all files of one run of work, and meanwhile the unit has no other. Every
read, every file and every wait has a limit. It is loaded and driven by updates.py.
"""

import asyncio
import gc

from micropython import const

from adapter.errors import AdapterError
from adapter.http import HttpError, Response, request
from adapter.room import unload
from adapter.update.errors import NetworkError, UpdateError

REPOSITORY = "/updates/"
_TURN_POLL_MS = const(20)
READ_TIMEOUT_MS = const(15_000)  # without a byte
METADATA_TIMEOUT_MS = const(30_000)  # for one file
IMAGE_TIMEOUT_MS = const(1_200_000)
_READ_BYTES = const(512)  # a small read finds room in a heap in pieces
_GC_BYTES = const(16384)
_BEAT_MS = const(2_000)  # the watchdog wants to hear from us while a server keeps us waiting
_HTTPS_PORT = const(443)
_ABSENT = (403, 404)  # as TUF's own client reads them


class _File:
    """What came of a file, in one piece of heap that is asked for once: grown, it would be there twice."""

    def __init__(self):
        self.data = bytearray()
        self._size = 0

    def take(self, view, length):
        """The next bytes of a file of `length` in all; 0 if the server does not say."""
        if not self._size:
            self.data = bytearray(length)
        end = self._size + len(view)
        self.data[self._size : end] = view
        self._size = end


class Server:
    """The update server and its mirrors; `net` and `context()` (TLS) are the port's.

    `places()` lists their (host, port), the unit's own server first. Keeps one connection until `close`.
    """

    def __init__(self, net, places, context, uptime, read_timeout_ms=READ_TIMEOUT_MS):
        self._net = net
        self._places = places
        self._context = context
        self._uptime = uptime
        self._read_timeout_ms = read_timeout_ms
        self._stream = None
        self._rest = b""
        self.received = 0  # bytes, of which answer ever
        self._mirror = 0  # whose connection it is
        self._name = ""

    @property
    def mirrors(self):
        """How many places have the files."""
        return len(self._places())

    async def fetch(self, get, beat):
        """What the Get asks for: its bytes, None if the server does not have it; NetworkError, or the sink's error."""
        self._turn_to(get.mirror)
        file = _File()

        def take(view):
            file.take(view, min(response.length, get.max_bytes))

        response = Response(get.sink or take, get.max_bytes, get.offset)
        until_ms = self._uptime() + (IMAGE_TIMEOUT_MS if get.sink else METADATA_TIMEOUT_MS)
        try:
            await self._ask(request(self._name, REPOSITORY + get.path, get.offset))
            while not response.done:
                await self._receive(response, until_ms, beat)
        except (AdapterError, OSError) as error:
            self.close()
            if isinstance(error, UpdateError):
                raise
            raise NetworkError("%s from %s: %s" % (get.path, self._name, error))
        self._rest = response.rest
        if not response.keep_alive:
            self.close()
        if response.status in _ABSENT:
            return None
        if not response.is_success:
            raise NetworkError("%s from %s: status %d" % (get.path, self._name, response.status))
        return file.data

    def close(self):
        """Ends the connection, if there is one."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._rest = b""

    def _turn_to(self, mirror):
        """Leaves another mirror's connection."""
        if mirror != self._mirror:
            self.close()
        self._mirror = mirror
        host, port = self._places()[mirror]
        self._name = host if port == _HTTPS_PORT else "%s:%d" % (host, port)

    async def _ask(self, out):
        if self._stream is not None:
            await self._stream.write(out)
            return
        host, port = self._places()[self._mirror]
        self._stream = await self._net.open_tls(host, port, self._context())
        await self._stream.handshake(out)

    async def _receive(self, response, until_ms, beat):
        """The next bytes, however long they take within the limits."""
        if self._rest:
            data, self._rest = self._rest, b""
            response.feed(data)
            return
        silent_ms = self._uptime() + self._read_timeout_ms
        while True:
            beat()
            now_ms = self._uptime()
            left_ms = min(until_ms, silent_ms) - now_ms
            if left_ms <= 0:
                raise HttpError("the server takes too long")
            try:
                data = await asyncio.wait_for(self._stream.read(_READ_BYTES), min(left_ms, _BEAT_MS) / 1000)
                break
            except asyncio.TimeoutError:
                continue
        if not data:
            response.closed()
        self.received += len(data)
        response.feed(data)


class Updater:
    """`session` is the UpdateSession, `server` a Server, `unit` main's, `entered(state)` is told of each state."""

    def __init__(self, session, server, unit, backoff, entered):
        self.next_ms = None  # the uptime at which work that the network ended goes on
        self.worked = False  # some work came to its end
        self.session = session
        self._server = server
        self._unit = unit
        self._backoff = backoff
        self._entered = entered

    async def run(self, beat):
        """Until the session rests, or is to be tried again at `next_ms`, or the unit restarts."""
        unit, session, turn = self._unit, self.session, self._unit.turn
        while True:
            beat()
            self._entered(session.state)
            while session.take_report(unit.keep_update_report):
                self._entered(session.state)
            if session.poll(unit.uptime(), unit.may_restart(), unit.now_s(), unit.call_up()):
                self._entered(session.state)
                unit.board.restart("restart")
                return
            if not session.wants_work or self.next_ms is not None:
                return
            turn.ask()
            if turn.lent:
                await self._work(beat)
            else:
                await asyncio.sleep(_TURN_POLL_MS / 1000)

    async def _work(self, beat):
        """One run of the session's work, to its end or to the first failure another try may mend."""
        self.session.mirrors = self._server.mirrors
        job = self.session.work(self._unit.now_s())
        # Checking signatures leaves much garbage: collected often, it does not spread what lives over the heap.
        unload(("adapter.mqtt",))  # while there is no session with the fleet
        threshold = gc.threshold()
        gc.collect()
        gc.threshold(_GC_BYTES)
        try:
            get = _next_get(job, None, None)
            while get is not None:
                self._entered(self.session.state)
                answer = failure = None
                try:
                    answer = await self._server.fetch(get, beat)
                except UpdateError as error:
                    failure = error
                self.session.received(self._server.received)
                self._server.received = 0
                get = _next_get(job, answer, failure)
            self._backoff.reset()
            self.worked = True
        except NetworkError as error:
            self._unit.note(error)
            self.next_ms = self._unit.uptime() + self._backoff.next_ms()
        finally:
            job.close()
            self._server.close()
            self._unit.turn.give_back()
            gc.threshold(threshold)


def _next_get(job, answer, failure):
    """Hands the job what came of its last Get; its next one, or None at its end."""
    try:
        return job.send(answer) if failure is None else job.throw(failure)
    except StopIteration:
        return None
