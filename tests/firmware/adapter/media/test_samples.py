"""The loops over samples: machine code and plain Python give the same bytes, and neither allocates."""

import platform

import pytest

from tests.conftest import RunMicroPython

SCRIPT = """
import array, hashlib, micropython, random, sys
from adapter.media import g711
random.seed(20261123)
samples = __import__("adapter.media.samples_" + sys.argv[1], None, None, ("encode",))
told = hashlib.sha256()
pcm = bytearray(131072)
for i in range(65536):
    pcm[2 * i], pcm[2 * i + 1] = i & 255, i >> 8
codes = bytearray(65536)
for law in (0, 1):
    samples.encode(pcm, 0, 65536, law, codes, 0)
    told.update(codes)
ring = bytearray(random.getrandbits(8) for _ in range(2048))
for at, count, to in ((0, 160, 480), (2000, 160, 480), (1, 1, 5), (77, 320, 0)):
    line = array.array("h", bytes(2800))
    for table in (g711.MULAW, g711.ALAW):
        samples.decode(ring, at, count, table, line, to)
        told.update(line)
    samples.emit(line, to, min(count, 160), pcm)
    told.update(pcm)
    samples.store(pcm, to, count, ring, at)
    told.update(ring)
state = 1
for way in (1, -1):
    told.update(bytes([samples.match(line, 500 if way > 0 else 700, way, 160)]))
    samples.mix(line, 700, 160, line, 77, 33, 20000, 41, -300, 103)
    samples.mix(line, 860, 160, line, 0, 333, 300, 2, 16384, -10)
    told.update(line)
for peak in (0, 1, 700, 32767):
    state = samples.noise(line, 3, 400, peak, state)
    told.update(line)
micropython.heap_lock()
samples.encode(pcm, 0, 160, 1, codes, 0)
samples.decode(ring, 2000, 160, g711.ALAW, line, 0)
samples.emit(line, 0, 160, pcm)
samples.store(pcm, 0, 160, ring, 2000)
samples.noise(line, 0, 160, 700, 1)
micropython.heap_unlock()
print(told.digest().hex())
"""


@pytest.fixture(scope="module")
def plain(micropython: RunMicroPython) -> str:
    return micropython(SCRIPT, "plain", heap="1M")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="MicroPython makes machine code on x86-64")
def test_machine_code_gives_the_samples_that_python_gives(micropython: RunMicroPython, plain: str) -> None:
    assert micropython(SCRIPT, "viper", heap="1M") == plain


@pytest.mark.skipif(platform.machine() != "x86_64", reason="MicroPython makes machine code on x86-64")
def test_this_port_runs_the_machine_code(micropython: RunMicroPython) -> None:
    script = "from adapter.media import samples, samples_viper\nprint(samples.encode is samples_viper.encode)"
    assert micropython(script) == "True\n"
