"""One call as the line sees it: with whom, since when, what was agreed, and the record of it once it is over."""

from protocol.wire.enumerations import CALL_CODECS, CALL_ENDS

_NUMBER_LENGTH = 32  # of call_record
_FIGURES = (
    "packets_sent packets_received packets_lost packets_discarded burst_loss_permille jitter_ms jitter_max_ms buffer_ms"
    " round_trip_ms r_factor mos_tenths"
)
_BUSY = (486, 600)
_NO_ANSWER = (408, 480, 487)
_TRIED_IN_VAIN = 500  # from there on, but 600 and 603, the network is at fault


class Leg:
    """`call` is the SIP agent's. `description` is the peer's last (adapter/sip/sdp.py), None before."""

    def __init__(self, call, incoming, number, emergency, now_ms):
        self.call = call
        self.incoming = incoming
        self.number = number
        self.emergency = emergency
        self.description = None
        self.started_ms = now_ms
        self.answered_ms = None
        self.ended_by = ""  # if it was us who ended it
        self.held = False  # by us
        self.version = 0  # of our own description
        self.codec = "none"
        self.dtmf_pt = 0  # of telephone-event, in our own description
        self.keys = None  # of SRTP: ours
        self.secured = 0
        self.figures = {}
        for name in _FIGURES.split(" "):
            self.figures[name] = 0

    def add(self, found):
        """What the quality of one of its streams came to; a call that was held has several."""
        for name, value in found.items():
            self.figures[name] = value + (self.figures[name] if name[:7] == "packets" else 0)

    def record(self, status, now_ms):
        """The values of `call_record`, but for record_id, started_s and clock_s."""
        answered_ms = now_ms if self.answered_ms is None else self.answered_ms
        values = {
            "direction": int(self.incoming),
            "number": "".join([c for c in self.number if " " < c < "\x7f"])[:_NUMBER_LENGTH],
            "setup_ms": answered_ms - self.started_ms,
            "duration_ms": now_ms - answered_ms,
            "ended_by": CALL_ENDS.index(self.ended_by or self.end_of(status)),
            "status": status,
            "codec": CALL_CODECS.index(self.codec),
            "secured": self.secured,
            "emergency": int(self.emergency),
        }
        values.update(self.figures)
        return values

    def end_of(self, status):
        """Who or what ended it, going by the last SIP status."""
        if self.answered_ms is not None:
            return "peer" if status == 200 else "network"
        if self.incoming:
            return "cancelled"
        if status in _BUSY:
            return "busy"
        if status in _NO_ANSWER:
            return "no_answer"
        return "network" if status >= _TRIED_IN_VAIN and status != 603 else "refused"
