"""Drives the update session over HTTPS: fetches what it asks for, waits after failures, says when to restart.

One TLS connection at a time serves all files of one run of work, and meanwhile the unit has no other. Every
read, every file and every wait has a limit. A unit that is not told to looks for an order once a day.
"""

import asyncio
import gc

from micropython import const

from adapter.backoff import Backoff
from adapter.errors import AdapterError
from adapter.http import HttpError, Response, request
from adapter.update.errors import NetworkError, UpdateError

REPOSITORY = "/updates/"
POLL_MS = const(200)
_TURN_POLL_MS = const(20)
READ_TIMEOUT_MS = const(15_000)  # without a byte
METADATA_TIMEOUT_MS = const(30_000)  # for one file
IMAGE_TIMEOUT_MS = const(1_200_000)
_READ_BYTES = const(512)  # a small read finds room in a heap in pieces
_GC_BYTES = const(16384)
_BEAT_MS = const(2_000)  # the watchdog wants to hear from us while a server keeps us waiting
# So that a lost command strands nobody, and a fleet does not knock in step.
_FIRST_LOOK_MS = const(3_600_000)  # after the start, and up to _LOOK_JITTER_MS more
_LOOK_MS = const(82_800_000)  # after the last look, likewise
_LOOK_JITTER_MS = const(7_200_000)
_HTTPS_PORT = const(443)
_ABSENT = (403, 404)  # as TUF's own client reads them


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
        """What the Get asks for: bytes, None if the server does not have it; NetworkError, or the sink's error."""
        self._turn_to(get.mirror)
        body = bytearray()
        response = Response(get.sink or body.extend, get.max_bytes, get.offset)
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
        return bytes(body)

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
    """`session` is the UpdateSession, `server` a Server, `now_s()` UTC seconds, `entropy` the board's.

    `may_restart()`: the hours allow it; `call_up()`: somebody is on the telephone. `keep(values)` keeps an
    update_report on flash.
    `note(error)` is told of each failed try, `entered(state)` of each change of state, `restart()` resets the unit.
    `turn` is the Turn: work needs the unit's one TLS connection.
    """

    def __init__(
        self, session, server, uptime, now_s, entropy, may_restart, call_up, keep, note, entered, restart, turn
    ):  # fmt: skip
        self._session = session
        self._server = server
        self._uptime = uptime
        self._now_s = now_s
        self._backoff = Backoff(entropy)
        self._entropy = entropy
        self._may_restart = may_restart
        self._call_up = call_up
        self._keep = keep
        self._note = note
        self._entered = entered
        self._restart = restart
        self._turn = turn
        self._state = ""
        self._not_before_ms = 0
        self._look_at_ms = self._later(_FIRST_LOOK_MS)

    async def run(self, beat):
        """Until the unit restarts; `beat()` is called at least every few seconds."""
        while True:
            beat()
            self._show()
            while self._session.take_report(self._keep):
                self._show()
            if self._uptime() >= self._look_at_ms:
                self._look_at_ms = self._later(_LOOK_MS)
                self._session.check()
            if self._session.poll(self._uptime(), self._may_restart(), self._now_s(), self._call_up()):
                self._show()
                self._restart()
                return
            if self._session.wants_work and self._uptime() >= self._not_before_ms:
                self._turn.ask()
                if self._turn.lent:
                    await self._work(beat)
            elif self._turn.wanted:
                self._turn.give_back()
            await asyncio.sleep((_TURN_POLL_MS if self._turn.wanted else POLL_MS) / 1000)

    async def _work(self, beat):
        """One run of the session's work, to its end or to the first failure another try may mend."""
        self._session.mirrors = self._server.mirrors
        job = self._session.work(self._now_s())
        # Checking signatures leaves much garbage: collected often, it does not spread what lives over the heap.
        threshold = gc.threshold()
        gc.collect()
        gc.threshold(_GC_BYTES)
        try:
            get = _next_get(job, None, None)
            while get is not None:
                self._show()
                answer = failure = None
                try:
                    answer = await self._server.fetch(get, beat)
                except UpdateError as error:
                    failure = error
                self._session.received(self._server.received)
                self._server.received = 0
                get = _next_get(job, answer, failure)
            self._backoff.reset()
            self._look_at_ms = self._later(_LOOK_MS)
        except NetworkError as error:
            self._note(error)
            self._not_before_ms = self._uptime() + self._backoff.next_ms()
        finally:
            job.close()
            self._server.close()
            self._turn.give_back()
            gc.threshold(threshold)

    def _later(self, wait_ms):
        """The uptime after that wait and a random share of _LOOK_JITTER_MS, in ms."""
        return self._uptime() + wait_ms + int.from_bytes(self._entropy(4), "big") % _LOOK_JITTER_MS

    def _show(self):
        if self._session.state != self._state:
            self._state = self._session.state
            self._entered(self._state)


def _next_get(job, answer, failure):
    """Hands the job what came of its last Get; its next one, or None at its end."""
    try:
        return job.send(answer) if failure is None else job.throw(failure)
    except StopIteration:
        return None
