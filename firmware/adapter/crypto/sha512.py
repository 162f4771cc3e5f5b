"""SHA-512 (FIPS 180-4) of a stream, which this runtime's hashlib lacks; Ed25519 needs it.

Its constants are the fractions of the cube and square roots of the first primes, and are computed at load:
640 bytes of heap instead of as many in every image. Words over 63 bits are big integers here, so a rotation
is a shift of the word written twice.
"""

from array import array

DIGEST_BYTES = 64
_BLOCK_BYTES = 128
_ROUNDS = 80
_STATE_WORDS = 8
_MASK = 0xFFFFFFFFFFFFFFFF


class Sha512:
    """`update` it with bytes in any pieces, then ask once for the `digest`."""

    def __init__(self):
        self._state = list(_FIRST_STATE)
        self._rest = b""
        self._size = 0

    def update(self, data):
        """Takes the next bytes."""
        self._size += len(data)
        data = self._rest + data if self._rest else data
        at = 0
        while len(data) - at >= _BLOCK_BYTES:
            _compress(self._state, data, at)
            at += _BLOCK_BYTES
        self._rest = bytes(data[at:])

    def digest(self):
        """The 64 bytes; nothing may follow."""
        size = self._size
        # One bit, zeros, and the length in bits as 16 bytes fill the last block (FIPS 180-4 5.1.2).
        zeros = (_BLOCK_BYTES - 17 - size) % _BLOCK_BYTES
        self.update(b"\x80" + bytes(zeros) + (8 * size).to_bytes(16, "big"))
        return b"".join([word.to_bytes(8, "big") for word in self._state])


def _compress(state, data, at):
    """Takes one block of `data` into `state` (FIPS 180-4 6.4.2)."""
    words = [int.from_bytes(data[place : place + 8], "big") for place in range(at, at + _BLOCK_BYTES, 8)]
    a, b, c, d, e, f, g, h = state
    for t in range(_ROUNDS):
        if t < 16:
            word = words[t]
        else:
            x = words[t - 15]
            y = words[t - 2]
            xx = x << 64 | x
            yy = y << 64 | y
            low = (xx >> 1 ^ xx >> 8) & _MASK ^ x >> 7
            high = (yy >> 19 ^ yy >> 61) & _MASK ^ y >> 6
            word = low + high + words[t - 16] + words[t - 7] & _MASK
            words.append(word)
        ee = e << 64 | e
        first = h + ((ee >> 14 ^ ee >> 18 ^ ee >> 41) & _MASK) + (g ^ e & (f ^ g)) + _ROUND_WORDS[t] + word
        aa = a << 64 | a
        second = ((aa >> 28 ^ aa >> 34 ^ aa >> 39) & _MASK) + (a & b | c & (a | b))
        h, g, f, e = g, f, e, d + first & _MASK
        d, c, b, a = c, b, a, first + second & _MASK
    for place, word in enumerate((a, b, c, d, e, f, g, h)):
        state[place] = state[place] + word & _MASK


def _primes(count):
    found = [2]
    candidate = 3
    while len(found) < count:
        for prime in found:
            if candidate % prime == 0:
                break
        else:
            found.append(candidate)
        candidate += 2
    return found


def _root(value, power):
    """The whole part of the `power`-th root of `value`, by bisection from above (Newton)."""
    guess = 1 << 72  # above every root that is asked for here
    while True:
        following = ((power - 1) * guess + value // guess ** (power - 1)) // power
        if following >= guess:
            return guess
        guess = following


_ROUND_WORDS = array("Q", [_root(prime << 192, 3) & _MASK for prime in _primes(_ROUNDS)])
_FIRST_STATE = [_root(prime << 128, 2) & _MASK for prime in _primes(_STATE_WORDS)]
