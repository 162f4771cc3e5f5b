"""The line chip of the simulated board: its other end is the phone program (tools/sim/phone.py), over a socket.

A real board has a SLIC (feed, hook, bell), a codec (PCM frames) and a DTMF detector here; this one has them all in
the phone program, which connects to the socket `telephone` in the board's folder. Both sides send frames of
324 bytes, each 20 ms while there is something to say:

| byte | from the phone                       | to the phone                                  |
|------|--------------------------------------|-----------------------------------------------|
| 0    | 1: off-hook, the loop is closed      | 1: the bell rings                             |
| 1    | the key the detector hears, 0: none  | 1: the message lamp blinks                    |
| 2    | 0                                    | 1: what follows is to be heard, 0: to be left |
| 3    | 0                                    | the codec's gain: tenths of a dB, signed      |
| 4    | 160 samples of 16 bits, little-endian, 8000 a second, both ways                      |

A phone that is not attached is a phone on-hook. Nothing here blocks, and nothing allocates but what returns an event
or attaches a phone.
"""

import os
import select
import socket
import struct

_FRAME_BYTES = 324
_SEQPACKET = 5  # boundaries kept, and the end of the connection told
_MAX_HELD = 4
_SLOTS = 5  # those held, and the one that is read into
_DEEP_READS = 50  # after so many reads with frames to spare, one is left out: 1 s
_DRY_READS = 5  # after so many without a frame, the flow begins anew


class Telephone:
    """`directory` is the board's folder, `gain` what the line wants added, in tenths of a dB (calibration)."""

    def __init__(self, directory, gain=0):
        self._path = directory + "/telephone"
        self._listener = socket.socket(socket.AF_UNIX, _SEQPACKET)
        self._bind(directory)
        self._listener.setblocking(False)
        self._poller = select.poll()
        self._poller.register(self._listener, select.POLLIN)
        self._phone = None
        frames = memoryview(bytearray(_SLOTS * _FRAME_BYTES))
        starts = range(0, _SLOTS * _FRAME_BYTES, _FRAME_BYTES)
        self._frames = [frames[at : at + _FRAME_BYTES] for at in starts]
        self._samples = [frames[at + 4 : at + _FRAME_BYTES] for at in starts]
        self._out = bytearray(_FRAME_BYTES)
        self._out[3] = gain & 0xFF
        self._out_samples = memoryview(self._out)[4:]
        self._hook = self._told_hook = self._key = self._told_key = 0
        self._empty()

    def _bind(self, directory):
        """By a short name from within the folder: an address has room for 107 bytes only."""
        here = os.getcwd()
        os.chdir(directory)
        try:
            os.unlink("telephone")  # of the unit before a restart
        except OSError:
            pass
        try:
            self._listener.bind(struct.pack("H", socket.AF_UNIX) + b"telephone\0")
        finally:
            os.chdir(here)
        self._listener.listen(1)

    def poll(self):
        """The next thing that happened: ("hook", off_hook), ("digit", key, down), or None."""
        while True:
            if self._told_key and self._key != self._told_key:
                key, self._told_key = self._told_key, 0
                return ("digit", chr(key), False)
            if self._hook != self._told_hook:
                self._told_hook = self._hook
                return ("hook", self._hook == 1)
            if self._key != self._told_key:
                self._told_key = self._key
                return ("digit", chr(self._key), True)
            if not self._receive():
                return None

    def read(self, pcm):
        """Puts the mouth's next 20 ms into `pcm`; False, and pcm untouched, if there are none."""
        self._unread = 0
        if self._held > 2:
            self._deep += 1
            if self._deep >= _DEEP_READS:
                self._deep = 0
                self._drop()
        else:
            self._deep = 0
        if self._held == 0:
            self._dry += 1
            if self._dry >= _DRY_READS:
                self._flows = False
        elif self._held > 1:
            self._flows = True  # with one to spare, for the two ends do not beat at the same moment
        if not self._held or not self._flows:
            return False
        self._dry = 0
        pcm[:] = self._samples[self._first]
        self._drop()
        return True

    def write(self, pcm):
        """Sends 20 ms to the ear."""
        self._out_samples[:] = pcm
        self._out[2] = 1
        self._send()

    def ring(self, on):
        """The bell."""
        self._show(0, on)

    def lamp(self, pattern):
        """The message lamp: "blink" or "off"."""
        self._show(1, pattern != "off")

    def close(self):
        """Gives the socket back."""
        self._detach()
        self._listener.close()
        os.unlink(self._path)

    def _show(self, at, on):
        if self._out[at] != on:
            self._out[at] = on
            self._out[2] = 0
            self._send()

    def _send(self):
        if self._phone is not None:
            try:
                self._phone.write(self._out)  # None if the phone does not keep up: it misses a frame
            except OSError:
                self._detach()

    def _receive(self):
        """Takes one frame in; False if there is none."""
        if self._phone is None:
            for _ in self._poller.ipoll(0):
                self._attach()
            return False
        frame = self._frames[(self._first + self._held) % _SLOTS]
        try:
            count = self._phone.readinto(frame)
        except OSError:
            count = 0
        if count is None:
            return False
        if count != _FRAME_BYTES:
            self._detach()
            return True
        self._hook = frame[0]
        self._key = frame[1]
        self._unread += 1
        self._held += 1
        if self._unread > _MAX_HELD:
            self._empty()  # nobody listens: what was said is of no more interest
        elif self._held > _MAX_HELD:
            self._drop()
        return True

    def _attach(self):
        try:
            self._phone = self._listener.accept()[0]
        except OSError:
            return  # gone again
        self._phone.setblocking(False)
        self._out[2] = 0
        self._send()

    def _detach(self):
        if self._phone is not None:
            self._phone.close()
            self._phone = None
        self._hook = self._key = 0
        self._empty()

    def _drop(self):
        self._first = (self._first + 1) % _SLOTS
        self._held -= 1

    def _empty(self):
        self._first = self._held = self._unread = self._deep = self._dry = 0
        self._flows = False
