"""The line of a real board: an Ag1171S feeds, rings and hears the hook, two I2S codecs speak and listen.

The same methods as the simulated board's (ports/unix/telephone.py): poll, read, write, ring, lamp, close. A board
without a line has a telephone that is never lifted. Which pins, board_config says.
"""

import board_config
from machine import I2S, PWM, Pin

_FRAME_BYTES = 320  # 20 ms, 8000 samples of 16 bits a second
_RATE_HZ = 8000
_HELD = 4
_DRIVER_BYTES = 4 * _FRAME_BYTES
_HALF = 32768
_STEADY = 3  # looks at the hook that agree before it is believed: 60 ms, for its contact bounces


class Telephone:
    """`directory` is the simulated board's and means nothing here; these codecs have no gain to set."""

    def __init__(self, directory, gain=0):
        self._told_key = ""
        self._hook = self._told_hook = self._looks = 0
        self._line = board_config.LINE
        if self._line is None:
            return
        from ports.hardware.keypad import Keypad

        self._ring_mode = Pin(self._line["ring_mode"], Pin.OUT, value=0)
        self._forward_reverse = Pin(self._line["forward_reverse"], Pin.OUT, value=0)
        self._ringer = None
        self._hook_pin = Pin(self._line["hook"], Pin.IN)
        self._keypad = Keypad()
        self._frames = [bytearray(_FRAME_BYTES) for _ in range(_HELD)]
        self._first = self._held = 0
        self._out = bytearray(_FRAME_BYTES)
        self._speaking = False
        self._mouth = _i2s(self._line["mouth"], I2S.RX)
        self._ear = _i2s(self._line["ear"], I2S.TX)
        self._mouth.irq(self._heard)
        self._ear.irq(self._spoken)
        self._mouth.readinto(self._frames[0])

    def poll(self):
        """The next thing that happened: ("hook", off_hook), ("digit", key, down), or None."""
        if self._line is None:
            return None
        self._look()
        if self._hook != self._told_hook:
            self._told_hook = self._hook
            return ("hook", self._hook == 1)
        down = self._keypad.down if self._hook else ""
        if self._told_key and down != self._told_key:
            key, self._told_key = self._told_key, ""
            return ("digit", key, False)
        if down != self._told_key:
            self._told_key = down
            return ("digit", down, True)
        return None

    def read(self, pcm):
        """Puts the mouth's next 20 ms into `pcm`; False, and pcm untouched, if there are none."""
        if self._line is None or not self._held:
            return False
        frame = self._frames[self._first]
        pcm[:] = frame
        self._keypad.feed(frame)
        self._first = (self._first + 1) % _HELD
        self._held -= 1
        return True

    def write(self, pcm):
        """Sends 20 ms to the ear; dropped while the codec still speaks the frame before."""
        if self._line is not None and not self._speaking:
            self._out[:] = pcm
            self._speaking = True
            self._ear.write(self._out)

    def ring(self, on):
        """The bell: ring mode, and the line turned over at the ring's frequency."""
        if self._line is None:
            return
        if self._ringer is not None:
            self._ringer.deinit()
            self._ringer = None
        self._ring_mode.value(on)
        if on:
            self._ringer = PWM(self._forward_reverse, freq=self._line["ring_hz"], duty_u16=_HALF)
        else:
            self._forward_reverse.init(Pin.OUT, value=0)

    def lamp(self, pattern):
        """The line board drives no message lamp."""

    def close(self):
        """Gives the codecs back."""
        if self._line is not None:
            self.ring(False)
            self._mouth.deinit()
            self._ear.deinit()

    def _look(self):
        """The hook, once it stays where it is."""
        seen = self._hook_pin.value()
        self._looks = self._looks + 1 if seen != self._hook else 0
        if self._looks >= _STEADY:
            self._hook, self._looks = seen, 0

    def _heard(self, i2s):
        """A frame is full: on to the next, over the oldest if nobody takes them."""
        if self._held < _HELD - 1:
            self._held += 1
        else:
            self._first = (self._first + 1) % _HELD
        i2s.readinto(self._frames[(self._first + self._held) % _HELD])

    def _spoken(self, i2s):
        self._speaking = False


def _i2s(pins, mode):
    """A codec's bus, in frames of 16 bits a side, of which one is used."""
    return I2S(
        pins["bus"],
        sck=Pin(pins["sck"]),
        ws=Pin(pins["ws"]),
        sd=Pin(pins["sd"]),
        mode=mode,
        bits=16,
        format=I2S.MONO,
        rate=_RATE_HZ,
        ibuf=_DRIVER_BYTES,
    )
