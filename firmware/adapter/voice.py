"""Joins the SIP agent, the telephone's line and the media of the call: who may call, 911, holding, records. No I/O.

- 911 always goes out: at every level, whether or not the line is registered, and whatever else is going on.
- A level `emergency_only` calls nobody else and is not called; `outgoing_only` is not called.
- One of up to two calls is `active`: its sound is on the telephone. The `other` one is held, or waits to be answered.
- A call of which nothing is heard any more for MEDIA_TIMEOUT_MS is over: its BYE was lost. 911 ends by hand only.
"""

from adapter.leg import Leg
from adapter.line import Line
from adapter.sip import sdp
from adapter.sip.agent import Agent
from adapter.sip.errors import SipError

MEDIA_TIMEOUT_MS = 30_000
_SAVP = "RTP/SAVP"
_SUITE = "AES_CM_128_HMAC_SHA1_80"
_KEY_BYTES = 30
_DTMF_PT = 101  # in our offers (adapter/sip/sdp.py)
_PTIMES_MS = (10, 20, 30, 40, 60)
_RINGING, _UNAVAILABLE, _BUSY = 180, 480, 486
_NO_SUCH_NUMBER = (404, 410, 484, 604)


class Voice:
    """`account` is the configuration's row, `level` of LINE_LEVELS; we are reached at `contact`, for RTP at `rtp_port`
    of that host. `saved` is what `save` gave. `events`: ("line", name of LINE_STATES), ("call_record", values).
    """

    def __init__(self, account, level, contact, rtp_port, random, now_ms, saved=None):
        self.events = []
        self.reports = []  # [(data, destination)] of RTCP
        self.agent = Agent(account, contact, random, saved)
        self.line = Line(account["country"], account["dial_plan"], account["emergency"])
        self.media = None  # the MediaSession of the active call
        self._stream = None  # of the last call, or made ahead while the heap is whole: its buffers are large
        self.busy = False  # the telephone is in use
        self.waiting = False  # an answer of the registrar or the peer may come at any moment
        self._account = account
        self._codecs = account["codecs"].split(",")
        self._level = level
        self._contact = contact
        self._rtp_port = rtp_port
        self._random = random
        self._legs = []  # also those whose end is still to be confirmed
        self._active = self._other = None
        self._failed = False
        self._linked = True
        self._state = ""
        self.due_ms = 0  # when `poll` asks the agent again; 0 by whoever has used the agent
        self._serve(saved is not None, now_ms)

    def telephone(self, event, now_ms):
        """What the Telephone's `poll` gave: ("hook", off) or ("digit", ch, down)."""
        if event[0] == "hook":
            self.line.hook(event[1], now_ms)
        else:
            self.line.digit(event[1], event[2], now_ms)

    def start(self, registrars, now_ms):
        """Registers at the first of [(host, port, transport)]; again, when they have changed."""
        self.agent.set_registrars(registrars)
        self.agent.register(now_ms)
        self.due_ms = now_ms

    def link(self, contact, rtp_port, now_ms):
        """The host is reached at `contact` now, and RTP at that port; None: the cable is out."""
        self._linked = contact is not None
        if not self._linked:
            self._serve(False, now_ms)
        else:
            moved = contact != self._contact
            self._contact, self._rtp_port = contact, rtp_port
            self.agent.moved(contact, now_ms)
            for leg in self._legs:
                if moved and leg.answered_ms is not None:
                    self.agent.hold(leg.call, self._describe(leg, None))
        self.due_ms = now_ms

    def datagram(self, data, source, now_ms):
        """SIP came in."""
        self.agent.feed(data, source, now_ms)
        self.due_ms = now_ms

    def poll(self, now_ms):
        """Each 20 ms, and after all that came in: [(data, destination)] of SIP."""
        agent, line = self.agent, self.line
        line.poll(now_ms)
        out = ()
        while now_ms >= self.due_ms or line.events or agent.events:
            while agent.events:
                self._from_agent(agent.events.pop(0), now_ms)
            while line.events:
                self._from_line(line.events.pop(0), now_ms)
            out = list(out) + agent.poll(now_ms)
            self.due_ms = now_ms + max(agent.next_timer(now_ms), 1)
        if self._linked and not self._registered and agent.registration.state == "registered":
            self._serve(True, now_ms)  # a cable that is in again
        if self.media is not None:
            self._watch(now_ms)
        self._show()
        return out

    def frame(self, mouth, ear, now_ms):
        """The next 20 ms: `mouth` goes out, `ear` is filled. How many bytes `media.stream.packet` holds to be sent."""
        media = self.media
        length = 0
        if media is not None:
            length = media.send(mouth, now_ms)
            media.stream.pull(ear)
        if not self.line.fill(ear) and media is None:
            for at in range(len(ear)):
                ear[at] = 0
        return length

    def save(self):
        """What a Voice needs to go on with this registration; only if nothing is going on."""
        return self.agent.save()

    def _from_agent(self, event, now_ms):
        name = event[0]
        if name in ("registered", "unregistered", "registration_failed"):
            self._serve(name == "registered", now_ms)
            self._failed = name == "registration_failed"
        elif name == "message_waiting":
            self.line.event("messages", now_ms, event[1])
        elif name == "incoming":
            self._ring(event[1], event[2], event[3], now_ms)
        elif name in ("progress", "answered", "offer", "media", "ended"):
            for leg in self._legs:
                if leg.call is event[1]:
                    if name == "ended":
                        self._ended(leg, event[2], now_ms)
                    else:
                        self._went_on(leg, event, now_ms)
                    return

    def _went_on(self, leg, event, now_ms):
        """A call is answered, or its sound changes."""
        name = event[0]
        description = event[-1]
        if description is not None:
            leg.description = description
        if name == "answered":
            leg.answered_ms = now_ms
            self.line.event("answered", now_ms)
        elif name == "offer":
            self._answer(leg, description)
        elif name == "progress" and description is not None:
            self.line.event("media", now_ms)
        elif name == "progress" and event[2] == _RINGING:
            self.line.event("ringback", now_ms)
        if leg is self._active:
            self._hear(leg, now_ms)

    def _serve(self, registered, now_ms):
        self._registered = registered
        self.line.event("service", now_ms, self._level, registered)

    def _from_line(self, event, now_ms):
        name = event[0]
        active = self._active
        if name == "dial":
            self._dial(event[1], event[2], now_ms)
        elif name == "digit":
            if self.media is not None:
                self.media.stream.digit(event[1], event[2])
        elif name in ("answer", "swap"):
            self._switch(now_ms)
        elif name == "hold":
            self._put_away(now_ms)
            self._active, self._other = None, active
        elif name == "hang_up":
            if active is not None:
                self._quiet(now_ms)
                self._active = None
                active.ended_by = active.ended_by or ("cancelled" if active.answered_ms is None else "us")
                self.agent.hang_up(active.call)
        elif name == "reject" and self._other is not None:
            other = self._other
            if other.answered_ms is None:
                other.ended_by = "no_answer"
                self.agent.reject(other.call, _UNAVAILABLE)
            else:
                other.ended_by = "us"
                self.agent.hang_up(other.call)

    def _dial(self, digits, emergency, now_ms):
        if not emergency and self._level not in ("outgoing_only", "full"):
            self.line.event("reorder", now_ms)
            return
        leg = Leg(None, False, digits, emergency, now_ms)
        for _ in range(2):
            try:
                leg.call = self.agent.dial(digits, self._describe(leg, None), now_ms)
                break
            except SipError:
                break
            except MemoryError:  # what is over makes room
                self.agent.endpoint.shed()
        if leg.call is None:
            self.line.event("reorder", now_ms)
            return
        self._legs.append(leg)
        self._active = leg

    def _ring(self, call, number, name, now_ms):
        """A call comes in: the telephone rings, or the caller is told why not."""
        status = 0
        if self._level != "full":
            status = _UNAVAILABLE
        elif self._other is not None:
            status = _BUSY
        elif call.description is not None:
            try:
                sdp.choose(call.description, self._codecs)
            except SipError as error:
                status = error.status
        if not status and not self.line.event("incoming", now_ms, number, name, "", 0):
            status = _BUSY
        if status:
            self.agent.reject(call, status)
            return
        self._other = Leg(call, True, number, False, now_ms)
        self._other.description = call.description
        self._legs.append(self._other)
        self.agent.ring(call)

    def _switch(self, now_ms):
        """The other call gets the telephone: it is answered, or resumed; the active one is held meanwhile."""
        active, other = self._active, self._other
        if other is None:
            return
        self._put_away(now_ms)
        self._active, self._other = other, active
        other.held = False
        if other.answered_ms is None:
            other.answered_ms = now_ms
            self._answer(other, other.description)
        else:
            self.agent.hold(other.call, self._describe(other, None))
        self._hear(other, now_ms)

    def _put_away(self, now_ms):
        """Holds the active call, if there is one."""
        active = self._active
        if active is not None:
            self._quiet(now_ms)
            active.held = True
            self.agent.hold(active.call, self._describe(active, None))

    def _answer(self, leg, offered):
        """Answers the INVITE of a call that rings, or another of one that is up; `offered`: its description or None."""
        try:
            self.agent.answer(leg.call, self._describe(leg, offered))
        except SipError as error:
            self.agent.reject(leg.call, error.status)

    def _describe(self, leg, offered):
        """Our SDP: the answer to what the peer offered, or (None) an offer; SipError with 488."""
        leg.version += 1
        leg.dtmf_pt = _DTMF_PT if offered is None else offered.dtmf_pt or 0
        account = self._account
        security = account["media_security"]
        crypto, profile = (), "RTP/AVP"
        if offered is None and security:
            crypto = ((1, _SUITE, self._keys(leg)),)
            profile = _SAVP if security == 2 else profile
        elif offered is not None:
            if security and offered.crypto:
                crypto = (offered.crypto[0][:2] + (self._keys(leg),),)
            elif security == 2 or offered.profile == _SAVP:
                raise SipError("no SRTP in common", 488)
        direction = "sendonly" if leg.held else "sendrecv"
        values = [self._contact[0], self._rtp_port, leg.started_ms, leg.version, self._codecs, account["ptime_ms"]]
        values += [direction, crypto]
        return sdp.offer(*values, profile) if offered is None else sdp.answer(offered, *values)

    def _keys(self, leg):
        """Our SRTP master key and salt of this call."""
        if leg.keys is None:
            leg.keys = self._random(_KEY_BYTES)
        return leg.keys

    def _hear(self, leg, now_ms):
        """Gives the telephone the sound of `leg`, as the peer describes it now."""
        description = leg.description
        if description is None:
            return
        try:
            leg.codec = sdp.choose(description, self._codecs)[1]
        except SipError:  # an answer with nothing of what we offered: as before
            if leg.codec == "none":
                return
        media = self.media
        if media is None:
            from adapter.media.session import MediaSession

            try:
                media = self.media = MediaSession(leg.codec, self._random, now_ms, self._stream)
            except MemoryError:  # a heap in pieces: better no call than one without sound
                leg.ended_by = "network"
                self.line.event("ended", now_ms)
                self._from_line(("hang_up",), now_ms)
                return
            self._stream = None
        stream = media.stream
        stream.codec = leg.codec
        stream.ptime_ms = description.ptime if description.ptime in _PTIMES_MS else self._account["ptime_ms"]
        stream.payload_types = (description.dtmf_pt or 0, leg.dtmf_pt)
        stream.direction = sdp.agreed("sendonly" if leg.held else "sendrecv", description.direction)
        stream.muted = leg.answered_ms is None
        if not media.describe(description.host, description.port, description.rtcp_port):
            stream.direction = "inactive"
        if leg.keys is not None and description.crypto:
            media.secure(leg.keys, description.crypto[0][2], description.crypto[0][1])
            leg.secured = 1

    def _quiet(self, now_ms):
        """Nobody is heard any more; the call keeps the figures."""
        media = self.media
        if media is not None:
            self._active.add(media.close(now_ms))
            self.reports.extend(media.reports)
            self._stream = media.stream
            self.media = None

    def _watch(self, now_ms):
        """The call's reports, and whether the far end is still there."""
        media = self.media
        media.poll(now_ms)
        while media.reports:
            self.reports.append(media.reports.pop(0))
        if media.stream.digits:
            media.stream.digits = ""
        if self._active.answered_ms is None:
            media.heard_ms = now_ms
        if now_ms - media.heard_ms > MEDIA_TIMEOUT_MS and not self._active.emergency:
            self._active.ended_by = "timeout"
            self.line.event("ended", now_ms)
            self._from_line(("hang_up",), now_ms)
            self.due_ms = now_ms

    def _ended(self, leg, status, now_ms):
        """The call is over, whoever ended it."""
        if leg is self._active:
            self._quiet(now_ms)
            self._active = None
            event = "ended"
            if leg.answered_ms is None and not leg.incoming:
                event = (
                    "busy" if leg.end_of(status) == "busy" else "refused" if status in _NO_SUCH_NUMBER else "reorder"
                )
            self.line.event(event, now_ms)
        elif leg is self._other:
            self._other = None
            self.line.event("other_ended" if self.line.off_hook else "ended", now_ms)
        self._legs.remove(leg)
        self.events.append(("call_record", leg.record(status, now_ms)))

    def _show(self):
        """Tells of the line's state when it has changed."""
        # A handset that lies beside the telephone does not keep updates and the fleet away, nor 911 at its keys.
        in_hand = self.line.off_hook and self.line.state != "silent"
        self.busy = in_hand or self._active is not None or self._other is not None
        self.waiting = self.media is None and not self.agent.idle
        if self._active is not None or self._other is not None:
            state = "in_call"
        elif self._registered:
            state = "emergency_only" if self._level == "emergency_only" else "registered"
        else:
            state = "failed" if self._failed else "registering"
        if state != self._state:
            self._state = state
            self.events.append(("line", state))
            if self._registered and self._stream is None and self.media is None:
                from adapter.media.session import Stream

                self._stream = Stream("PCMU", self._account["ptime_ms"], (0, 0), self._random)
