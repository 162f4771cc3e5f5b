"""The telephone as a person uses it: also what the hand does while the line has no heap is not lost."""

from micropython import const

_MOST_KEYS = const(16)


class Handset:
    """`telephone` is the port's; `off_hook` as the chip saw it last.

    `needed`: without a Voice somebody has lifted the handset, or presses keys of one that lies beside the telephone.
    """

    def __init__(self, telephone):
        self.off_hook = self.needed = False
        self._telephone = telephone
        self._keys = ""  # pressed while there was no Voice
        self._ringing = False
        self.lamp = "off"

    def poll(self, voice, now_ms):
        """Tells the Voice, if there is one, what the hand did; True if that asks for a look at who has the heap."""
        asked = False
        event = self._telephone.poll()
        while event is not None:
            if event[0] == "hook":
                self.off_hook = asked = event[1]
                self.needed = asked and voice is None
                self._keys = ""
            elif voice is None and event[2]:
                self.needed = asked = True
                self._keys = (self._keys + event[1])[:_MOST_KEYS]
            if voice is not None:
                voice.telephone(event, now_ms)
            event = self._telephone.poll()
        return asked

    def start(self, voice, lift_ms, now_ms):
        """Tells a new Voice what was done before it was there; the handset is up for `lift_ms`, or longer."""
        if self.off_hook:
            voice.telephone(("hook", True), now_ms - lift_ms)
            for key in self._keys:
                voice.telephone(("digit", key, True), now_ms)
        self.needed = False
        self._keys = ""

    def show(self, ringing, lamp):
        """Bell and lamp."""
        if ringing != self._ringing:
            self._ringing = ringing
            self._telephone.ring(ringing)
        if lamp != self.lamp:
            self.lamp = lamp
            self._telephone.lamp(lamp)
