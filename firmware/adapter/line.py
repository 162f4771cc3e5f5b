"""The telephone's line, between hook and calls: what a person's hand does becomes acts, what calls do becomes sound.

No I/O: the hook and the keys come from the line chip, what happens to calls from the voice part (`event`), and out go
`events` for it, the bell (`ringing`), the lamp and the sound of tones and caller ID (`fill`). One table rules it all:
TABLE. Its rows are event, states, the other call, next state, the other call then, acts; `-`: any, `=`: as before,
`.`: none. An event that has no row for a state and the other call is refused and changes nothing.

- The other call is one beside the active one: "none", "held", or "knocks" (call waiting).
- The bell is silent from the moment the handset is lifted; from any state, hanging up leads to idle, by way of ringing
  if the other call is still there.
- An emergency number is dialled at its last digit, whatever the plan says, whatever is heard and whether or not the
  line is registered, unless the level is "none". It has to be the first that is dialled, after lifting, a tap of the
  hook or a pause: 911 within a longer number is none. While its call lasts there is no hold and no call waiting.
- Nothing is allocated in `fill`, nor in `poll` while nothing happens.

`events`, for the consumer to pop: ("dial", digits, is_emergency), ("answer",) take the incoming call (and hold the
active one), ("hang_up",) end the active call or attempt, ("reject",) refuse the call that rings or knocks, or end it
if it was held, ("hold",), ("swap",) hold the active call, if there is one, and resume the held one, and
("digit", key, down).
"""

from adapter.dial_plan import DialPlanError, advance, checked, judged
from adapter.tones import PATTERNS, Tone, value

MAX_DIGITS = 32
LIFT_MS = 40  # the handset is up: shorter is a contact that bounces
PULSE_MS = 20  # a loop that opens for so long is a pulse of a dial; for shorter, nothing
FLASH_MS = 100  # from here on it is a flash
HANG_UP_MS = 800  # and from here on the handset is down
PULSES_END_MS = 160  # closed for so long, a pulsed digit is whole
SHORT_MS = 4000  # RFC 3435 3.2.1.2, T-critical: the number is whole, a longer one possible
LONG_MS = 16_000  # T-partial
_IN_CALL = "calling ringback media talking"  # one text: a tuple would be in the heap
_KEYS = "0123456789*#ABCD"
_LOOK_AGAIN_MS = 60_000
_NEVER = 1 << 62
_SILENCE = bytes(320)

TABLE = """
lift idle - dial_tone none .
lift ringing none talking none answer
lift ringing knocks talking none answer
lift ringing held talking none swap
hang_up dial_tone,dialling,busy,reorder,refused,howler,silent,no_service,dead none idle none .
hang_up dial_tone,dialling,busy,reorder,refused,howler,silent,no_service,dead held ringing held .
hang_up reorder,howler,silent knocks ringing knocks .
hang_up calling,ringback,media,talking none idle none hang_up
hang_up calling,ringback,media,talking held ringing held hang_up
hang_up talking knocks ringing knocks hang_up
flash talking none dial_tone held hold
flash talking held talking held swap
flash talking knocks talking held answer
flash calling,ringback,media none dial_tone none hang_up
flash calling,ringback,media held talking none hang_up,swap
flash dial_tone,dialling,busy,reorder,refused,howler,silent,no_service none dial_tone none .
flash dial_tone,dialling,busy,reorder,refused,howler,silent,no_service held talking none swap
flash reorder,howler,silent knocks talking none answer
key dial_tone - dialling = .
dialled dial_tone,dialling,no_service - calling = dial
dialled busy,reorder,refused,howler,silent none calling none dial
dialled busy,reorder,refused,howler,silent held calling held dial
dialled reorder,howler,silent knocks calling none reject,dial
refused dial_tone,dialling - refused = .
incoming idle none ringing none .
incoming talking none talking knocks .
ringback calling - ringback = .
media calling,ringback - media = .
answered calling,ringback,media - talking = .
busy calling,ringback,media - busy = .
reorder calling,ringback,media - reorder = .
refused calling,ringback,media - refused = .
ended calling,ringback,media,talking - reorder = .
ended ringing - idle none .
other_ended ringing held idle none .
other_ended ringing knocks idle none .
other_ended dial_tone,dialling,calling,ringback,media,talking,busy,reorder,refused,howler,silent,no_service,dead\
 held = none .
other_ended talking,reorder,howler,silent knocks = none .
service dial_tone,no_service,dead - dial_tone = .
timeout ringing - idle none reject
timeout dial_tone - reorder = .
timeout busy,reorder,refused,no_service - howler = .
timeout howler - silent = .
"""
# state, ms until its timeout (0: none), key of its tone in adapter/tones.py
STATES = """
idle 0 .
ringing 180000 .
dial_tone 20000 d
dialling 0 .
calling 0 .
ringback 0 r
media 0 .
talking 0 .
busy 30000 b
reorder 30000 c
refused 30000 i
no_service 60000 c
howler 60000 h
silent 0 .
dead 0 .
"""


def following(state, other, event):
    """(next state, other call then, acts) after `event`, or None."""
    at = TABLE.find("\n" + event + " ")
    while at >= 0:
        stop = TABLE.find("\n", at + 1)
        _, states, beside, after, beside_then, acts = TABLE[at + 1 : stop].split(" ")
        if (states == "-" or state in states.split(",")) and (beside == "-" or beside == other):
            return (
                state if after == "=" else after,
                other if beside_then == "=" else beside_then,
                () if acts == "." else acts.split(","),
            )
        at = TABLE.find("\n" + event + " ", stop)
    return None


class Line:
    """`country`, `plan` and `emergency` are texts of the voice account; "" for the last two: the country's own."""

    def __init__(self, country, plan, emergency):
        self.state = "idle"
        self.other = "none"
        self.events = []
        self.off_hook = False
        self.ringing = False
        self.lamp = "off"
        self.emergency = False
        self.level = "none"
        self._country = country
        try:
            self._plan = checked(plan or value(country, "p"))
        except DialPlanError:  # the fleet's mistake must not cost a person the telephone
            self._plan = checked(value(country, "p"))
        numbers = (emergency or value(country, "x")).replace(" ", "").split(",")
        self._numbers = [number for number in numbers if number]
        self._registered = False
        self._digits = ""
        self._key_ms = 0
        self._places = []
        self._pressed = ""
        self._closed = False  # the loop, as the chip sees it
        self._edge_ms = 0
        self._pulses = 0
        self._due_ms = _NEVER
        self._sound = None
        self._caller = None
        self._cadence = ()
        self._beat = 0
        self._beat_ms = _NEVER

    def hook(self, off_hook, now_ms):
        """The chip sees the loop closed (off-hook) or open."""
        self.poll(now_ms)
        if off_hook == self._closed:
            return
        open_ms = now_ms - self._edge_ms
        self._closed = off_hook
        self._edge_ms = now_ms
        self.ringing = self.state == "ringing" and not off_hook and self._beat & 1 == 1
        if not (off_hook and self.off_hook) or open_ms < PULSE_MS:
            return
        if open_ms >= FLASH_MS:
            if not self.emergency:
                self._take("flash", now_ms)
        elif self.state not in _IN_CALL and self.state != "dead":
            self._pulses += 1

    def digit(self, key, down, now_ms):
        """The chip's detector hears a key, one of 0-9 * # A-D, pressed or released."""
        self.poll(now_ms)
        if len(key) != 1 or key not in _KEYS:
            return
        if self.state in ("media", "talking"):
            if down and not self._pressed:
                self._pressed = key
                self.events.append(("digit", key, True))
            elif not down and key == self._pressed:
                self._release()
        elif down and self.state not in ("idle", "ringing", "calling", "ringback", "dead"):
            self._take("key", now_ms)
            self._dial(key, now_ms)

    def event(self, name, now_ms, *values):
        """What happened to a call or to the line; False if the state does not know it, and nothing changed.

        "service" (level, is registered), "messages" (how many wait), "incoming" (number, name, local time as
        MMDDhhmm or "", pattern of the bell 1 to 5 or 0), and without values "ringback", "media" (early media),
        "answered", "busy", "refused" (there is no such number), "reorder", "ended" and "other_ended".
        """
        self.poll(now_ms)
        if name == "messages":
            self.lamp = "blink" if values[0] else "off"
            return True
        if name == "service":
            self.level, self._registered = values
            self._take(name, now_ms)
            return True
        if name == "incoming":
            if self.level == "none" or self.emergency or (self.state == "idle" and self._closed):
                return False
            if following(self.state, self.other, name):
                self._caller = values
        return self._take(name, now_ms)

    def poll(self, now_ms):
        """Lets time pass."""
        still_ms = now_ms - self._edge_ms
        if self._closed != self.off_hook and still_ms >= (LIFT_MS if self._closed else HANG_UP_MS):
            self.off_hook = self._closed
            self._take("lift" if self._closed else "hang_up", now_ms)
        if self._pulses and still_ms >= PULSES_END_MS:
            key = str(self._pulses % 10) if self._closed and self._pulses <= 10 else ""
            self._pulses = 0
            if key:
                self.digit(key, True, now_ms)
        if now_ms >= self._due_ms:
            self._due_ms = _NEVER
            if self.state == "dialling":
                self._judge(True, now_ms)
            else:
                self._take("timeout", now_ms)
        while now_ms >= self._beat_ms:
            self._ring()

    def next_timer(self, now_ms):
        """The uptime by which `poll` is to be called, at most a minute away."""
        due_ms = min(self._due_ms, self._beat_ms, now_ms + _LOOK_AGAIN_MS)
        if self._closed != self.off_hook:
            due_ms = min(due_ms, self._edge_ms + (LIFT_MS if self._closed else HANG_UP_MS))
        if self._pulses:
            due_ms = min(due_ms, self._edge_ms + PULSES_END_MS)
        return max(due_ms, now_ms)

    def fill(self, pcm):
        """True: `pcm` (160 samples, 16 bits, little-endian) holds what is to be heard now; False: it is untouched."""
        if self._sound is None:
            return False
        if not self._sound.fill(pcm):
            if self.state == "talking" or self.state == "ringing":
                return False
            pcm[:] = _SILENCE
        return True

    # The table's side.

    def _take(self, event, now_ms):
        found = following(self.state, self.other, event)
        if found is None:
            return False
        after, other, acts = found
        after = self._resolved(after)
        for act in acts:
            self.events.append(("dial", self._digits, self.emergency) if act == "dial" else (act,))
        if after != self.state or other != self.other or event == "flash":
            self._enter(after, other, now_ms)
        return True

    def _resolved(self, state):
        """Dial tone is for a line that can dial."""
        if state != "dial_tone":
            return state
        return "dead" if self.level == "none" else "dial_tone" if self._registered else "no_service"

    def _enter(self, state, other, now_ms):
        if self._pressed and state != "talking":
            self._release()
        self.state, self.other = state, other
        at = STATES.find("\n" + state + " ") + 2 + len(state)
        limit, tone = STATES[at : STATES.find("\n", at)].split(" ")
        self._due_ms = now_ms + int(limit) if limit != "0" else _NEVER
        if state not in _IN_CALL:
            self.emergency = False
        if state != "dialling" and state != "refused":
            self._digits = ""
        if state == "dial_tone":
            tone = "n" if other == "held" else "e" if self.level == "emergency_only" else tone
            tone = "s" if tone == "d" and self.lamp != "off" else tone
        elif state == "talking" and other == "knocks":
            tone = "w"
        self._sound = None
        if tone != ".":
            text = value(self._country, tone)
            self._sound = Tone(text + ";" + value(self._country, "c") if tone == "i" else text)
        self.ringing, self._beat_ms = False, _NEVER
        if state == "ringing":
            pattern = self._caller[3] if self._caller else 0
            cadence = PATTERNS.split(" ")[pattern - 1] if 1 <= pattern <= 5 else value(self._country, "k")
            self._cadence = [int(beat_ms) for beat_ms in cadence.split(",")]
            self._beat, self._beat_ms = 0, now_ms
            self._ring()
        elif other != "knocks":
            self._caller = None

    def _ring(self):
        """The bell's next beat; caller ID goes out once, in the long pause that ends the first turn of the cadence."""
        length_ms = self._cadence[self._beat]
        self.ringing = self._beat & 1 == 0 and not self._closed
        self._beat = (self._beat + 1) % len(self._cadence)
        self._beat_ms += length_ms
        if self._beat == 0 and self._caller:
            number, name, when, _ = self._caller
            self._caller = None
            standard = value(self._country, "f")
            if standard != "-":
                from adapter.caller_id import Fsk, message

                self._sound = Fsk(message(number, name, when), standard)

    def _release(self):
        self.events.append(("digit", self._pressed, False))
        self._pressed = ""

    # Dialling.

    def _dial(self, key, now_ms):
        if self.state != "dialling" and now_ms - self._key_ms >= SHORT_MS:
            self._digits = ""
        self._key_ms = now_ms
        ended = key == "#" and self._digits and not advance(self._plan, self._places, key)
        if not ended:
            before = self._places if self._digits else advance(self._plan, None, "")
            self._places = advance(self._plan, before, key)
            self._digits = (self._digits + key)[: MAX_DIGITS + 1]
        self._judge(ended, now_ms)

    def _judge(self, ended, now_ms):
        """Sends the digits, waits for more, or refuses them; `ended`: there will be no more."""
        digits = self._digits
        whole, more = judged(self._plan, self._places)
        if self.state != "dialling" or self.level in ("none", "emergency_only"):
            whole = more = False
        # Behind the 9 or 1 of an office's or a trunk's habit it is meant as well, unless it may be another number.
        habit = digits[0] in "19"
        coming = False
        for number in self._numbers if self.level != "none" else ():
            if number == digits or (habit and number == digits[1:] and not whole and (ended or not more)):
                self._digits, self.emergency = number, True
            elif number != digits[1:]:
                coming = coming or number.startswith(digits) or (habit and number.startswith(digits[1:]))
        if self.emergency:
            self._take("dialled", now_ms)
        elif whole and (ended or (not more and not coming)):
            self._take("dialled", now_ms)
        elif ended or not (more or coming) or len(digits) >= MAX_DIGITS:
            self._take("refused", now_ms)
        elif self.state == "dialling":
            self._due_ms = now_ms + (SHORT_MS if whole else LONG_MS)
