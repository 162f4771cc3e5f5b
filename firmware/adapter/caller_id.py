"""Who is calling, as a telephone with a display hears it between the first and the second ring.

The message is the multiple data message format, sent by FSK at 1200 bit/s (Telcordia GR-30-CORE 2.3, GR-31-CORE):
300 bits of channel seizure (alternating, space first), 180 bits of mark, then bytes of a start bit (space), eight bits,
the least significant first, and a stop bit (mark). The last byte makes the sum of all bytes 0 modulo 256.

    0x80 length, then parameters of type, length, text; checksum
    0x01 month, day, hour, minute (local)   0x02 number   0x04 instead of it: P withheld, O not available
    0x07 name                               0x08 instead of it: likewise
"""

from adapter.tones import wave

MAX_NUMBER_CHARACTERS = 20
MAX_NAME_CHARACTERS = 15

_WAIT_FRAMES = 25  # of 20 ms: half a second behind the ring (GR-30-CORE 2.3.1)
_SEIZURE_BITS = 300
_MARK_BITS = 480  # where the marks before the message end
_TAIL_BITS = 10  # marks behind it, so that a receiver's filter has let the last bit pass
_LEVEL_DB = 13  # GR-30-CORE 2.2.3.1: -13.5 dBm +-1.5
# What a phase of 24 bits grows by a sample: Bell 202 has mark 1200 Hz and space 2200 Hz, V.23 1300 and 2100.
_TONES = {"": (2516582, 4613734), "v23": (2726298, 4404019)}
_FRAME_BYTES = 320


def message(number, name, when):
    """The bytes of an MDMF message; `when` as MMDDhhmm, "" if the local time is not known."""
    body = b""
    private = number == "anonymous"
    for present, absent, text in (
        (0x01, 0, when if len(when) == 8 else ""),
        (0x02, 0x04, number[-MAX_NUMBER_CHARACTERS:]),
        (0x07, 0x08, name[:MAX_NAME_CHARACTERS]),
    ):
        if text and not (private and absent):
            body += bytes([present, len(text)])
            body += bytes([ord(letter) if " " <= letter <= "~" else 0x3F for letter in text])
        elif absent:
            body += bytes([absent, 1, 0x50 if private else 0x4F])
    body = bytes([0x80, len(body)]) + body
    return body + bytes([-sum(body) & 255])


class Fsk:
    """Sends the bytes `data`; `fill` allocates nothing."""

    def __init__(self, data, standard):
        self._data = data
        self._mark, self._space = _TONES[standard]
        self._bits = _MARK_BITS + 10 * len(data) + _TAIL_BITS
        self._wait = _WAIT_FRAMES
        self._bit = 0
        self._clock = 0  # in twentieths of a bit: a sample has three, 8000 / 1200 is 20 / 3
        self._phase = 0
        self._wave = wave(_LEVEL_DB)

    def fill(self, pcm):
        """Puts the next 20 ms into `pcm` and returns True; False, and pcm untouched, before and behind the message."""
        if self._wait:
            self._wait -= 1
            return False
        if self._bit >= self._bits:
            return False
        samples = self._wave
        phase, clock = self._phase, self._clock
        step = self._step()
        at = 0
        while at < _FRAME_BYTES:
            sample = samples[phase >> 16]
            phase = (phase + step) & 0xFFFFFF
            pcm[at] = sample & 255
            pcm[at + 1] = sample >> 8 & 255
            at += 2
            clock += 3
            if clock >= 20:
                clock -= 20
                self._bit += 1
                step = self._step()
        self._phase, self._clock = phase, clock
        return True

    def _step(self):
        """What the phase grows by a sample in this bit; nothing behind the last."""
        bit = self._bit
        if bit < _SEIZURE_BITS:
            is_mark = bit & 1
        elif bit < _MARK_BITS or bit >= self._bits - _TAIL_BITS:
            if bit >= self._bits:
                return 0
            is_mark = 1
        else:
            at = (bit - _MARK_BITS) % 10
            is_mark = at == 9 or (at and self._data[(bit - _MARK_BITS) // 10] >> (at - 1) & 1)
        return self._mark if is_mark else self._space
