"""The simulated board as the factory link sees it: with its line's chip, and with the faults that a test gave it.

The file `faults.json` in the board's folder names them; it is read at each look, so that they come and go.

| fault      | value                          | what it does                                              |
|------------|--------------------------------|-----------------------------------------------------------|
| ram        | a cell's number                | its lowest bit is stuck at one                            |
| flash      | "erase" or "program"           | the scratch block does not                                |
| usb        | a number                       | one byte in so many that come in has a flipped bit        |
| led        | true                           | its pin is shorted                                        |
| clock      | "stopped", "leaps"             | it does                                                   |
| clock_ppm  | a number                       | how much too fast it goes                                 |
| mac        | true                           | the Ethernet controller keeps zeros                       |
| entropy    | "stuck" or "biased"            | the random source is                                      |
| line       | "open" or "noisy"              | nothing comes back; with hum                              |
| line_gain  | tenths of a dB                 | what the line adds by itself                              |
| ring       | volts                          | of the bell's generator; a sound one has 65               |
| ring_trip  | false                          | the chip does not see a handset lifted while it rings     |
"""

import json
import time

_SOUND_VOLTS = 65
_HUM = 900  # of the codec's samples, at 250 Hz: 28 dB below full scale
_LEAP_US = 5_000_000


class BenchBoard:
    """`board` with all that a bench can look at."""

    def __init__(self, board, directory):
        self.name, self.hardware_revision, self.uid = board.name, board.hardware_revision, board.uid
        self.pins = board.pins
        self.led = board.led
        self.button = board.button
        self.ethernet_up = board.ethernet_up
        self.restart = board.restart
        self.usb = FaultyUsb(board.usb, self._fault)
        self.line = LineChip(self._fault)
        self.bench = self
        self._board = board
        self._path = directory + "/faults.json"
        self._leaps = 0

    def _fault(self, name, sound=None):
        try:
            with open(self._path) as file:
                return json.load(file).get(name, sound)
        except OSError:
            return sound

    def partition(self, name):
        """As the Board's; the scratch block may not erase, or not program."""
        found = self._board.partition(name)
        fault = self._fault("flash")
        return FaultyPartition(found, fault) if fault and name == "scratch" else found

    def memory(self, count):
        """`count` bytes of RAM."""
        fault = self._fault("ram")
        return bytearray(count) if fault is None else FaultyMemory(count, fault)

    def led_back(self, pattern):
        """True if the LED's pin shows `pattern`."""
        return not self._fault("led")

    def mac_back(self, octets):
        """What the Ethernet controller's register holds, once `octets` were written to it."""
        return bytes(6) if self._fault("mac") else octets

    def entropy(self, count):
        """As the Board's."""
        fault = self._fault("entropy")
        if fault == "stuck":
            return bytes(count)
        drawn = self._board.entropy(count)
        return bytes([byte & 0x4D for byte in drawn]) if fault == "biased" else drawn

    def clock_us(self):
        """Microseconds, ever more."""
        now_us = time.ticks_us()
        fault = self._fault("clock")
        if fault == "stopped":
            return 0
        if fault == "leaps":
            self._leaps += _LEAP_US
        return now_us + now_us * self._fault("clock_ppm", 0) // 1_000_000 + self._leaps


class FaultyUsb:
    """`usb` on a bad cable."""

    def __init__(self, usb, fault):
        self._usb = usb
        self._fault = fault
        self._count = 0
        self.write = usb.write

    @property
    def dropped(self):
        """Bytes nobody read."""
        return self._usb.dropped

    async def read(self):
        """The next bytes, at least one."""
        data = await self._usb.read()
        every = self._fault("usb")
        if every:
            data = bytearray(data)
            for at in range(len(data)):
                self._count += 1
                if self._count % every == 0:
                    data[at] ^= 0x10
            data = bytes(data)
        return data


class FaultyPartition:
    """`partition` with a worn block: what erases does not, or what programs."""

    def __init__(self, partition, fault):
        self._partition = partition
        self._fault = fault
        self.block_bytes = partition.block_bytes
        self.readinto = partition.readinto

    def erase(self, offset, length):
        """Erases, unless it cannot."""
        self._partition.erase(offset, length)
        if self._fault == "erase":
            self._partition.program(offset, b"\xfe")

    def program(self, offset, data):
        """Programs, unless it cannot."""
        if self._fault != "program":
            self._partition.program(offset, data)


class FaultyMemory:
    """Cells, of which number `stuck` holds its lowest bit at one."""

    def __init__(self, count, stuck):
        self._cells = bytearray(count)
        self._stuck = stuck

    def __getitem__(self, at):
        return self._cells[at] | (1 if at == self._stuck else 0)

    def __setitem__(self, at, value):
        self._cells[at] = value


class LineChip:
    """The test side of the simulated line: what its codec plays into the open line comes back with the line's gain."""

    def __init__(self, fault):
        self._fault = fault
        self._gain = 0
        self._at = 0

    def gain(self, tenths):
        """Sets the codec's gain, tenths of a dB."""
        self._gain = tenths

    def loop(self, out, back):
        """Plays the 20 ms `out` and fills `back` with what is heard meanwhile."""
        fault = self._fault("line")
        factor = 0 if fault == "open" else round(4096 * 10 ** ((self._gain + self._fault("line_gain", 0)) / 200))
        for at in range(0, len(out), 2):
            sample = out[at] | out[at + 1] << 8
            sample = (sample - (sample >> 15 << 16)) * factor >> 12
            if fault == "noisy":
                self._at += 1
                sample += _HUM if self._at & 16 else -_HUM
            sample = max(-32768, min(32767, sample))
            back[at] = sample & 0xFF
            back[at + 1] = sample >> 8 & 0xFF

    def ring(self, on):
        """(volts, trips) of the bell's generator."""
        return (self._fault("ring", _SOUND_VOLTS) if on else 0), self._fault("ring_trip", True)
