"""G.711 against the Recommendation: every code decodes exactly, every sample encodes to a nearest level."""

import struct
from array import array
from fractions import Fraction

import pytest

from adapter.media.g711 import ALAW, MULAW, SEGMENTS
from adapter.media.samples_plain import decode, encode

CODES = bytes(range(256))
NEGATIVE_ZERO = 0x7F
EVERY_SAMPLE = struct.pack("<65536h", *range(-32768, 32768))


def levels(table: bytes) -> list[int]:
    line = array("h", bytes(512))
    decode(CODES, 0, 256, table, line, 0)
    return list(line)


def expand_mu_law(code: int) -> int:
    """Tables 2a and 2b: the decoder's output between decision values, here from the chords' end points.

    Decision values x_n of the positive side in 14 bits: 0, 1, 3, ... 31, then 16 steps of 4, 8, ... 256 up to 8159.
    """
    decisions = [0, 1, *range(3, 32, 2)]
    for chord in range(1, 8):
        decisions += [decisions[-1] + (2 << chord) * n for n in range(1, 17)]
    assert decisions[-1] == 8159
    number = 127 - (code & 0x7F)
    value = Fraction(0) if number == 0 else Fraction(decisions[number] + decisions[number + 1], 2)
    return int(value * 4) * (1 if code & 0x80 else -1)  # 14 bits in 16


def expand_a_law(code: int) -> int:
    """Tables 1a and 1b: decision values in 13 bits: 32 steps of 2, then 16 steps each of 4, 8, ... 128 up to 4096."""
    decisions = list(range(0, 65, 2))
    for chord in range(2, 8):
        decisions += [decisions[-1] + (1 << chord) * n for n in range(1, 17)]
    assert decisions[-1] == 4096
    number = (code ^ 0x55) & 0x7F  # even bits are inverted, table 1, note 2
    value = Fraction(decisions[number] + decisions[number + 1], 2)
    return int(value * 8) * (1 if code & 0x80 else -1)  # 13 bits in 16


@pytest.mark.parametrize(("table", "expand"), [(MULAW, expand_mu_law), (ALAW, expand_a_law)])
def test_each_of_the_256_codes_decodes_exactly(table: bytes, expand: object) -> None:
    assert levels(table) == [expand(code) for code in range(256)]  # type: ignore[operator]


@pytest.mark.parametrize(("a_law", "table"), [(0, MULAW), (1, ALAW)])
def test_each_of_the_65536_samples_encodes_to_within_half_a_step(a_law: int, table: bytes) -> None:
    out = bytearray(65536)
    encode(EVERY_SAMPLE, 0, 65536, a_law, out, 0)
    known = levels(table)
    rising = sorted(set(known))
    top = rising[-1]
    for sample, code in zip(range(-32768, 32768), out, strict=True):
        if abs(sample) > top:
            assert abs(known[code]) == top
            continue
        step = step_at(rising, known[code])
        assert abs(known[code] - sample) * 2 <= step, (sample, code)


def step_at(rising: list[int], level: int) -> int:
    """The width of the wider interval beside `level`, in which a sample may lie up to half of it away."""
    at = rising.index(level)
    below = level - rising[at - 1] if at else 0
    above = rising[at + 1] - level if at + 1 < len(rising) else 0
    return max(below, above)


@pytest.mark.parametrize(("a_law", "table", "other"), [(0, MULAW, {NEGATIVE_ZERO: 0xFF}), (1, ALAW, {})])
def test_a_code_that_was_decoded_encodes_to_itself(a_law: int, table: bytes, other: dict[int, int]) -> None:
    out = bytearray(256)
    encode(struct.pack("<256h", *levels(table)), 0, 256, a_law, out, 0)
    assert list(out) == [other.get(code, code) for code in range(256)]


def test_the_tables_are_literals_of_their_size() -> None:
    assert (len(MULAW), len(ALAW), len(SEGMENTS)) == (512, 512, 256)
