"""What a telephone's ear hears of the network: tones by country as data, and the generator that plays them.

TONES has a line a country: its codes, then words of a key and a value.

| key | the tone, or what else                  | key | the tone                                      |
|-----|-----------------------------------------|-----|-----------------------------------------------|
| d   | dial tone                               | r   | ringing at the other end                      |
| s   | dial tone while messages wait (stutter) | b   | busy                                          |
| n   | second dial tone, after a flash         | c   | congestion, reorder                           |
| e   | dial tone of a line for emergencies     | i   | special information, followed by congestion   |
| k   | the cadence of the bell, ms on and off  | w   | call waiting                                  |
| p   | the dial plan                           | h   | howler: hang up, please                       |
| x   | the emergency numbers                   | f   | how caller ID is sent (caller_id.py), -: not  |

A tone is phases that follow each other, "3x350+440/100,0/100;350+440@13": a phase is played as often as its count
says, the last one for ever; a step is frequencies in Hz (0: silence) and its length in ms, without one it goes on.
@ is the level of each frequency, in dB below 0 dBm0. Sources: ITU-T E.180 Supplement 2; where it lists several,
the first. Levels: ANSI T1.401 for North America, ITU-T E.180 3 (-10 dBm0) for the rest. What a line does not say, or
a country without one, is as DEFAULTS has it; `_` there stands for the frequencies of the dial tone.
"""

import math
from array import array

TONES = """
US,CA d350+440@13 r440+480/2000,0/4000@19 b480+620/500,0/500@24 c480+620/250,0/250@24 w440/300,0/10000@13\
 s10x350+440/100,0/100;350+440@13 k2000,4000 x911 p911|933|988|[2-9]11|0T|00T|*xx|#xx|011xxxx.T\
|[2-8][02-9]xxxxxT|9[02-8]xxxxxT|[2-9]1[02-9]xxxxT\
|[2-9][02-8]xxxxxxxx|[2-9]1[02-9]xxxxxxx|1[2-9][02-8]xxxxxxxx|1[2-9]1[02-9]xxxxxxx
GB fv23 d350+440@13 r400+450/400,0/200,400+450/400,0/2000@13 b400/375,0/375 c400/400,0/350,400/225,0/525\
 w400/100,0/4000 s350+440/750,440/750@13 k400,200,400,2000 x999,112
IE fv23 d425 r400+450/400,0/200,400+450/400,0/2000@13 b425/500,0/500 w425/180,0/200,425/200,0/4500\
 k400,200,400,2000 x999,112
DE fv23 d425 r425/1000,0/4000 b425/480,0/480 c425/240,0/240 w425/200,0/200,425/200,0/5000 s425+400@13 x112,110
FR fv23 d440 r440/1500,0/3500 b440/500,0/500 c440/250,0/250 w440/300,0/10000 k1500,3500 x112,15,17,18,114\
 p0[1-9]xxxxxxxx|00x.T|1x.T|3xxx|[24-9]x.T|*x.T|#x.T
ES fv23 d425 r425/1500,0/3000 b425/200,0/200 c425/200,0/200,425/200,0/200,425/200,0/600 w425/175,0/175,425/175,0/3500\
 k1500,3000 x112,091,061,080 p[5-9]xxxxxxxx|0x.T|1x.T|[2-4]x.T|*x.T|#x.T
IT fv23 d425/200,0/200,425/600,0/1000 b425/500,0/500 c425/200,0/200 w425/400,0/100,425/250,0/100,425/150,0/14000\
 x112,113,115,118
NL f- w425/500,0/9500
BE fv23 r425/1000,0/3000 c425/167,0/167 w1400/175,0/175,1400/175,0/3500 k1000,3000 x112,100,101
CH fv23 c425/200,0/200 w425/200,0/200,425/200,0/4000 x112,117,118,144
AT fv23 d420 r420/1000,0/5000 b420/400,0/400 c420/200,0/200 w420/40,0/1960 s380+420@13 k1000,5000 x112,122,133,144
SE f- r425/1000,0/5000 b425/250,0/250 c425/250,0/750 w425/200,0/500,425/200,0/9100 k1000,5000
NO fv23 c425/200,0/200 w425/200,0/600,425/200,0/10000 x112,110,113 p[2-9]xxxxxxx|0x.T|1x.T|*x.T|#x.T
DK f- c425/200,0/200 w425/200,0/200,425/200,0/3000 p[2-9]xxxxxxx|0x.T|1x.T|*x.T|#x.T
FI f- b425/300,0/300 c425/200,0/200 w425/150,0/150,425/150,0/8000
PL fv23 c425/500,0/500 w425/150,0/150,425/150,0/4000 x112,997,998,999
PT fv23 r425/1000,0/5000 c425/200,0/200 k1000,5000
AU d413+438@13 r413+438/400,0/200,413+438/400,0/2000@13 b425/375,0/375 c425/375,0/375 w425/200,0/200,425/200,0/4400\
 k400,200,400,2000 x000,112
NZ d400 r400+450/400,0/200,400+450/400,0/2000@13 b400/500,0/500 c400/250,0/250 w400/200,0/3000 k400,200,400,2000 x111
JP f- d400 r384+416/1000,0/2000@13 b400/500,0/500 c400/500,0/500 w400/500,0/8000 k1000,2000 x110,119,118
MX b425/250,0/250 w425/200,0/600,425/200,0/10000 k2000,4000 x911
BR f- b425/250,0/250 c425/250,0/250,425/750,0/250 w425/50,0/1000 x190,192,193
"""
DEFAULTS = """
 d425 r425/1000,0/4000 b425/500,0/500 c425/250,0/250 w425/200,0/600,425/200,0/9000\
 s10x_/100,0/100;_ n3x_/100,0/100;_ e_/400,0/100 i2x950/330,1400/330,1800/330,0/1000\
 h1400+2060+2450+2600/100,0/100 k1000,4000 x112 px.T|*x.T|#x.T f
"""
# The bell of a call whose Alert-Info names Bellcore-dr1 to 5 (GR-506), ms on and off; 5 is one short ring.
PATTERNS = "2000,4000 800,400,800,4000 400,200,400,200,800,4000 300,200,1000,200,300,4000 500,5500"

SAMPLES_PER_MS = 8
_FRAME_BYTES = 320
_MAX_STEPS = 64
_ZERO_DBM0 = 22827  # the peak of a sine of 0 dBm0: 3.14 dB below a full 16 bits (ITU-T G.711, table 5)
_FOR_EVER = 1 << 28  # samples; more than nine hours


def value(country, key):
    """The text of `key` (see above) in the country with that ISO 3166 code."""
    at = TONES.find(country) if len(country) == 2 else -1
    row = TONES[at : TONES.find("\n", at)] if at >= 0 else ""
    for source in (row, DEFAULTS):
        start = source.find(" " + key)
        if start >= 0:
            stop = start + 2
            while source[stop] > " ":
                stop += 1
                if stop == len(source):
                    break
            text = source[start + 2 : stop]
            if "_" in text:
                dial = value(country, "d")
                level = dial.find("@")
                steady = dial[: dial.find("/")] if "/" in dial else dial[:level] if level >= 0 else dial
                text = text.replace("_", steady) + (dial[level:] if level >= 0 else "")
            return text
    return ""


def wave(level):
    """One turn of a sine of -`level` dBm0, 256 samples."""
    peak = _ZERO_DBM0 * 10 ** (-level / 20)
    samples = array("h", bytes(512))
    for index in range(256):
        samples[index] = round(peak * math.sin(index * math.pi / 128))
    return samples


class Tone:
    """Plays the tone `text`; `fill` allocates nothing."""

    def __init__(self, text):
        text, _, level = text.partition("@")
        self._steps = []
        for phase in text.split(";"):
            count, times, steps = phase.rpartition("x")
            self._again = len(self._steps)  # the last phase goes round
            steps = [_step(step) for step in steps.split(",")]
            self._steps += steps * (min(int(count), _MAX_STEPS) if times else 1)
        self._wave = wave(int(level or "10"))
        self._next = 0
        self._left = 0  # samples of this step
        self._step = None
        self._phases = [0, 0, 0, 0]

    def fill(self, pcm):
        """Puts the next 20 ms into `pcm` and returns True; False, and pcm untouched, if they are silence."""
        at = 0
        sounds = False
        while at < _FRAME_BYTES:
            while not self._left:
                if self._next == len(self._steps):
                    self._next = self._again
                self._step = self._steps[self._next]
                self._next += 1
                self._left = self._step[4]
            count = min(self._left, (_FRAME_BYTES - at) >> 1)
            self._left -= count
            stop = at + 2 * count
            if self._step[0]:
                if not sounds:
                    self._silence(pcm, 0, at)
                    sounds = True
                self._sound(pcm, at, stop)
            elif sounds:
                self._silence(pcm, at, stop)
            at = stop
        return sounds

    def _silence(self, pcm, at, stop):
        while at < stop:
            pcm[at] = 0
            at += 1

    def _sound(self, pcm, at, stop):
        a_step, b_step, c_step, d_step, _ = self._step
        a, b, c, d = self._phases
        samples = self._wave
        if c_step:
            while at < stop:
                sample = samples[a >> 16] + samples[b >> 16] + samples[c >> 16] + samples[d >> 16]
                a = (a + a_step) & 0xFFFFFF
                b = (b + b_step) & 0xFFFFFF
                c = (c + c_step) & 0xFFFFFF
                d = (d + d_step) & 0xFFFFFF
                pcm[at] = sample & 255
                pcm[at + 1] = sample >> 8 & 255
                at += 2
        else:
            while at < stop:
                sample = samples[a >> 16] + samples[b >> 16]
                a = (a + a_step) & 0xFFFFFF
                b = (b + b_step) & 0xFFFFFF
                pcm[at] = sample & 255
                pcm[at + 1] = sample >> 8 & 255
                at += 2
        if not self._left:
            a = b = c = d = 0  # each burst begins at the zero crossing: no click
        phases = self._phases
        phases[0] = a  # one by one: a tuple of four would be allocated
        phases[1] = b
        phases[2] = c
        phases[3] = d


def _step(text):
    """What each phase grows by a sample (24 bits are a turn, so 1 Hz is 262144/125), and the samples it lasts."""
    tones, _, length_ms = text.partition("/")
    steps = [(int(frequency) * 262144 + 62) // 125 for frequency in tones.split("+")]
    return tuple((steps + [0, 0, 0])[:4] + [int(length_ms) * SAMPLES_PER_MS if length_ms else _FOR_EVER])
