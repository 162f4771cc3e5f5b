"""Drives the telephone line: a frame every 20 ms, SIP and RTP, the cable, and the heap that an update asks for.

One loop with absolute deadlines: what is late does not move what follows, and a frame allocates nothing. While an
update has the heap (adapter/room.py) the line is parked: its modules are given back, its sockets stay, the NAT's
mapping is kept, and a call, a lifted handset or the registration's own timer, nothing else, asks for the heap back.
"""

import asyncio
import errno
import gc
import select
import time

from micropython import const

from adapter.errors import AdapterError
from ports.unix.datagrams import SIGNALLING_DSCP, MediaSockets, bound, called, free_port, place, receive, sockaddr
from ports.unix.handset import Handset
from protocol.wire.enumerations import TRANSPORTS

FRAME_BYTES = 320  # 20 ms: 160 samples of 16 bits
_FRAME_US = const(20_000)
_MARGIN_US = const(2_000)
_REST_US = const(100_000)  # between two looks of a unit that has no line
_LATE_LIMIT_US = const(100_000)  # a pause longer than that is not made up for
_BUSY_MS = const(2)  # while an answer is awaited, it is looked for so often
_LOOK_MS = const(250)  # at the cable
_DEAF_MS = const(250)  # before sockets are read again that the heap had no room for
_KEEP_ALIVE_MS = const(25_000)  # a router may forget a UDP mapping after 30 s
_COLLECT_BYTES = const(65_536)  # in a call: nine in ten that the collector counts are frames, given back at once
_SIP_BYTES = const(2048)
_MAX_SIP_BYTES = const(4097)  # once one was longer than usual: it will be sent again
_RTCP_BYTES = const(512)
_POLLIN = const(1)
_LOCATE_MS = const(600_000)  # names are looked up again so often
_LOCATE_AGAIN_MS = const(2_000)  # at first, if they were not found; then twice as long each time
_LOCATE_AGAIN_LIMIT_MS = const(64_000)
_SILENCE = bytes(FRAME_BYTES)
_UNSERVED_MS = const(60_000)  # so long an update has the heap undisturbed of a line that is not registered anyway
_REGISTER_AGAIN_MS = const(2_000)  # at most, once the connection to the registrar has broken


class VoiceService:
    """`unit` is main's, `telephone` the port's; `told` takes ("line", state name) and ("call_record", values).

    `tls` is the context for SIP over TLS; None: this board has no heap for a second TLS connection.
    """

    def __init__(self, unit, telephone, told, tls=None):
        self.line_state = "not_configured"  # of LINE_STATES
        self._unit, self._uptime = unit, unit.uptime
        self._telephone, self._told, self._tls = telephone, told, tls
        self._stream = None  # the SipStream, where the registrar wants one
        self._register_ms = None  # when to register again, for it has broken
        self._account = self._level = self._voice = self._locating = self._sip = self._sockets = None
        self.changed = False  # since the Voice was made: what it says of itself is true of the account before
        self._saved = None  # of the registration, while parked; None: there was none
        self._wake_ms = 0  # parked: when the registration needs the heap
        self._handset = Handset(telephone)
        self._registrars = None  # [(address, port, transport)]; None: not looked up yet
        self._registrar = None  # in use: whose router is to remember us
        self._address, self._link, self._socket_link = "", 0, 0  # of board.link(): now, and of the sockets
        self._look_ms = self._alive_ms = self._locate_ms = self._hear_ms = 0
        self._wait_ms = _LOCATE_AGAIN_MS  # before names that were not found are looked up again
        self._sip_bytes, self._poller = _SIP_BYTES, select.poll()
        self._contact = ("", 0)
        # An answer is awaited; the Voice is gone, its modules are still there; a call has left the heap in pieces.
        self._waiting = self._unload_due = self._worn = False
        self._collect_bytes = gc.threshold()  # outside a call
        self._mouth, self._ear = bytearray(FRAME_BYTES), bytearray(FRAME_BYTES)

    def configure(self, account, level):
        """`account` is the configuration's row, None for no line; `level` a name of LINE_LEVELS. After the call."""
        if level == "none":
            account = None
        if account != self._account or level != self._level:
            self._level = level
            self.changed = True
            self._look_ms = 0
            if account is not None and not self.call_up():
                self.line_state = "registering"  # from now on, not only when it has begun: service waits for it
        self._account = account

    def call_up(self):
        """True while somebody is on the telephone, or it rings."""
        if self._voice is None:
            return self._handset.needed and self._account is not None
        return self._voice.busy

    def in_media(self):
        """True while a call has sound."""
        return self._voice is not None and self._voice.media is not None

    async def run(self, beat):
        """For ever; `beat()` is called every frame."""
        self.turn(self._uptime())
        due = time.ticks_us()
        margin = 0
        while True:
            beat()
            due = time.ticks_add(due, _FRAME_US if self._account or self._voice else _REST_US)
            left = time.ticks_diff(due, time.ticks_us())
            if left < -_LATE_LIMIT_US:
                due = time.ticks_us()
            if self.in_media() != (margin > 0):
                margin = _MARGIN_US - margin  # asyncio counts in ms, and lets others have their turn just then
                gc.threshold(_COLLECT_BYTES if margin else self._collect_bytes)
            await asyncio.sleep_ms(_BUSY_MS if self._waiting else max(left - margin, 0) // 1000)
            if self._unload_due:  # here nothing refers to it any more (adapter/room.py)
                self._unload_due, self._look_ms = False, 0
                self._unit.room.leave()
                gc.collect()
            left = time.ticks_diff(due, time.ticks_us())
            while self._waiting and left > 1000 * _BUSY_MS:
                self.turn(self._uptime())
                await asyncio.sleep_ms(_BUSY_MS)
                left = time.ticks_diff(due, time.ticks_us())
            if left > 0 and margin:
                time.sleep_us(left)
            self.frame(self._uptime())
            self.turn(self._uptime())

    def frame(self, now_ms):
        """The 20 ms that are due: the mouth's to the network, the network's or a tone to the ear."""
        voice = self._voice
        mouth = self._mouth if self._telephone.read(self._mouth) else _SILENCE
        if voice is None or not voice.busy:
            return
        media = voice.media
        if media is not None:
            if media.reopen:
                media.reopen = False
                self._sockets.open()
            self._sockets.receive(media, now_ms)
        length = voice.frame(mouth, self._ear, now_ms)
        while length:
            self._sockets.send(media.stream.packet, length, media.remote)
            length = media.more()
        self._telephone.write(self._ear)

    def turn(self, now_ms):
        """All but the sound: the cable, the hook, what came in, timers, what goes out."""
        if self._handset.poll(self._voice, now_ms):
            self._look_ms = 0
        if now_ms >= self._look_ms:
            self._look_ms = now_ms + _LOOK_MS
            try:
                self._look(now_ms)
            except OSError as error:  # no socket at this address: perhaps in a moment
                self._unit.note(error)
        voice = self._voice
        if voice is None:
            return
        try:
            if self._address and now_ms >= self._hear_ms:
                for item in self._poller.ipoll(0):
                    self._receive(item[0], now_ms)
            if self._stream is not None:
                self._read_stream(now_ms)
            for out in voice.poll(now_ms):
                self._send(*out)
        except MemoryError:  # each try costs a collection; what was not read waits in its socket
            self._sip_bytes = _SIP_BYTES
            self._hear_ms = now_ms + _DEAF_MS
        voice.agent.endpoint.prepare()
        while voice.reports:
            self._sockets.report(*voice.reports.pop(0))
        while voice.events:
            self._tell(voice.events.pop(0))
        self._handset.show(voice.line.ringing, voice.line.lamp)
        self._waiting = voice.waiting

    def _look(self, now_ms):
        """At the cable, the account, the registrars' names, and who has the heap."""
        voice = self._voice
        in_use = self.call_up() or (voice is not None and voice.line.off_hook != self._handset.off_hook)  # it settles
        self._look_at_cable(now_ms, in_use)
        address, voice = self._address, self._voice
        if self.changed and not in_use:
            self._end(now_ms)
        elif voice is not None and not in_use and not voice.waiting:
            if self._unit.room.wanted or (self._worn and voice.agent.rested):
                self._park(now_ms)
        elif not voice and self._account and address and not self._unload_due and self._is_needed(now_ms):
            self._begin(now_ms)
        if voice is None and self._saved is not None and now_ms >= self._alive_ms:
            self._alive_ms = now_ms + _KEEP_ALIVE_MS
            self._send(b"\r\n\r\n", self._registrar)
        if self._voice is not None and address and now_ms >= self._locate_ms:
            self._locate(now_ms)
        if self._register_ms is not None and address and now_ms >= self._register_ms:
            self._register_ms = None
            if self._voice is not None and self._voice.agent.registration.state == "registered":
                self._voice.agent.register(now_ms)
                self._voice.due_ms = now_ms

    def _look_at_cable(self, now_ms, in_use):
        """The sockets, and what is registered, follow the host's address; OSError."""
        link, voice = self._unit.board.link(), self._voice
        address = self._unit.board.address() if link else ""
        if (address, link) != (self._address, self._link):
            self._address = ""  # until there are sockets at it
            if address and (address, link) != (self._contact[0], self._socket_link):
                self._close()
                self._socket_link = link
                if voice is not None and self._worn and not in_use:  # the session with the fleet wants large pieces now
                    voice = self._park(now_ms)
                if voice is not None:
                    self._open(address)
            self._address, self._link = address, link
            if voice is not None:
                voice.link(self._contact if address else None, self._sockets.port, now_ms)
            elif self._saved is not None:  # nobody finds us by what was registered
                self._saved, self._wake_ms = None, now_ms

    def _is_needed(self, now_ms):
        """Parked, True once the line needs the heap, or nobody else does."""
        if not self._unit.room.wanted or self._handset.needed or now_ms >= self._wake_ms:
            return True
        if self._stream is not None and self._stream.called(now_ms):
            return True
        for item in self._poller.ipoll(0):
            if item[0] is not self._sip:
                item[0].recv(1)  # late RTCP
            elif called(self._sip, self._registrars or (), self._saved and self._saved[0]):
                return True
        return False

    def _begin(self, now_ms):
        """Makes the line, as soon as there is heap for it."""
        if not self._unit.room.enter():
            self._look_ms = 0
            return
        from adapter.line import LIFT_MS
        from adapter.voice import Voice

        if self._sip is None:
            self._open(self._address)
        if self.changed:
            self.changed = False
            self._saved = self._registrars = None
        voice = Voice(
            self._account, self._level, self._contact, self._sockets.port, self._unit.board.entropy, now_ms, self._saved
        )
        self._handset.start(voice, LIFT_MS, now_ms)
        if self._saved is None:
            self._locate_ms = now_ms
            if self._registrars:
                voice.start(self._registrars, now_ms)
        else:
            voice.agent.set_registrars(self._registrars)
            voice.line.event("messages", now_ms, self._handset.lamp != "off")
            self._saved = None
        self._voice = voice

    def _open(self, address):
        """The sockets, at the host's address of now."""
        random = self._unit.board.entropy
        port = free_port(address, random, 1)
        self._sockets = MediaSockets(address, free_port(address, random, 2), self._poller)
        self._sip = bound(address, port, SIGNALLING_DSCP)
        self._poller.register(self._sip, _POLLIN)
        self._contact = (address, port)
        self._sockets.open()

    def _close(self):
        self._close_stream()
        self._contact = ("", 0)
        if self._sip is not None:
            self._poller.unregister(self._sip)
            self._sip.close()
            self._sockets.close()
            self._sip = self._sockets = None

    def _end(self, now_ms):
        """The line as it was is no more: another account, another level, or none."""
        self.changed = False
        if self._voice is not None:
            self._voice.agent.unregister(now_ms)
            for data, destination in self._voice.agent.poll(now_ms):
                self._send(data, destination)
        self._voice = self._saved = self._registrars = None
        self._locate_ms = self._wake_ms = self._look_ms = 0
        if self._account is None:
            self._close()
            self._tell(("line", "not_configured"))
            self._unload_due = True

    def _park(self, now_ms):
        """Leaves the heap to the update."""
        agent = self._voice.agent
        self._wake_ms = agent.registration.start_ms
        if agent.registration.state == "registered":
            self._saved = agent.save()
            self._registrar = agent.endpoint.destination
        else:
            self._wake_ms = max(self._wake_ms, now_ms + _UNSERVED_MS)
        self._voice, self._waiting, self._worn, self._unload_due = None, False, False, True

    def _receive(self, ready, now_ms):
        """SIP or RTCP has come."""
        try:
            block, size = self._voice.agent.endpoint.spare, self._sip_bytes if ready is self._sip else _RTCP_BYTES
            data, source = receive(ready, size, block)
            if ready is self._sip:
                if len(data) == self._sip_bytes:
                    self._sip_bytes = _MAX_SIP_BYTES
                self._voice.datagram(data, place(source), now_ms)
            elif self._voice.media is not None:
                self._voice.media.control(bytearray(data), len(data), place(source), now_ms)
        except OSError as error:
            self._unit.note(error)

    def _send(self, data, destination):
        if not self._address:
            return
        voice = self._voice
        try:
            if voice.agent.endpoint.reliable if voice is not None else self._stream is not None:
                self._send_by_stream(data, destination)
                return
            self._sip.sendto(data, sockaddr(destination[0], destination[1]))
        except OSError as error:  # no route, no such name
            self._unit.note("SIP to %s:%d: %s" % (destination[0], destination[1], error))
            if voice is not None and error.errno != errno.ENOBUFS:  # that is lost as on the way, and sent again
                voice.agent.lost(destination, self._uptime())
                voice.due_ms = 0

    def _send_by_stream(self, data, destination):
        stream = self._stream
        if stream is None or stream.destination != destination:
            from ports.unix.sip_stream import SipStream

            self._close_stream()
            context = self._tls if self._voice.agent.endpoint.transport == "tls" else None
            self._stream = stream = SipStream(destination, context, self._account["domain"], self._uptime())
        stream.send(data)

    def _read_stream(self, now_ms):
        from adapter.sip.message import framed

        stream = self._stream
        try:
            for data in stream.poll(now_ms, framed):
                self._voice.datagram(data, stream.destination, now_ms)
        except (OSError, ValueError, AdapterError, MemoryError) as error:  # ValueError: a certificate that is not ours
            self._unit.note("SIP to %s:%d: %s" % (stream.destination[0], stream.destination[1], error))
            self._close_stream()
            self._voice.agent.lost(stream.destination, now_ms)
            self._voice.due_ms = now_ms
            self._register_ms = now_ms + int.from_bytes(self._unit.board.entropy(2), "big") % _REGISTER_AGAIN_MS

    def _close_stream(self):
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _locate(self, now_ms):
        """Has the line registered at its registrars; names are looked up meanwhile, and again from time to time."""
        from adapter.sip.uri import is_address

        self._locate_ms = now_ms + _LOCATE_MS
        rows = self._account["registrars"]
        if [row for row in rows if not row["port"] or not is_address(row["host"])]:
            self._locating = asyncio.create_task(self._look_up(self._account))
            return
        self._located([(row["host"], row["port"], TRANSPORTS[row["transport"]]) for row in rows])

    async def _look_up(self, account):
        found = []
        try:
            from ports.unix.registrars import locate_all

            found = await locate_all(self._unit, account["registrars"], account["dns"])
        except (MemoryError, OSError) as error:  # the heap is in pieces, perhaps for a moment
            gc.collect()
            self._unit.note(error)
        self._locating = None  # a task that is over keeps its frame, and that whatever it ever held
        if self._voice is not None and account is self._account:
            self._located(found)

    def _located(self, found):
        """The registrars are at `found`: [(address, port, transport)]."""
        now_ms = self._uptime()
        if self._tls is None:
            if [each for each in found if each[2] == "tls"]:
                self._unit.note("no heap for a second TLS connection: no SIP over TLS")
            found = [each for each in found if each[2] != "tls"]
        if found and sorted(found) != sorted(self._registrars or ()):
            self._voice.start(found, now_ms)
            self._registrars = found
        elif not found:
            self._locate_ms = now_ms + self._wait_ms
        self._wait_ms = _LOCATE_AGAIN_MS if found else min(2 * self._wait_ms, _LOCATE_AGAIN_LIMIT_MS)

    def _tell(self, event):
        if event[0] == "line":
            self.line_state = event[1]
        self._worn = self._worn or event[0] == "call_record"
        self._told(event)
