"""AES-128 in plain Python (FIPS 197), where CPython lacks MicroPython's `cryptolib`: whole blocks, ECB."""

from __future__ import annotations

_BLOCK_BYTES = 16
_ROUNDS = 10
_ECB = 1


def _doubled(byte: int) -> int:
    """Times x in GF(2^8), 4.2.1."""
    return (byte << 1 ^ (0x11B if byte & 0x80 else 0)) & 0xFF


def _substitutions() -> bytes:
    """The S-box of 5.1.1: the inverse in GF(2^8) through an affine map; 3 generates the field."""
    powers = [1]
    while len(powers) < 255:
        powers.append(powers[-1] ^ _doubled(powers[-1]))
    box = bytearray(256)
    for value in range(256):
        inverse = powers[-powers.index(value) % 255] if value else 0
        spread = inverse | inverse << 8
        box[value] = (spread ^ spread >> 4 ^ spread >> 5 ^ spread >> 6 ^ spread >> 7) & 0xFF ^ 0x63
    return bytes(box)


_BOX = _substitutions()
_SHIFTED = [4 * ((column + row) % 4) + row for column in range(4) for row in range(4)]
_DOUBLE = bytes(_doubled(byte) for byte in range(256))


class aes:  # noqa: N801 - MicroPython's name
    """As far as the firmware uses it: `encrypt(data)`, `encrypt(data, out)`."""

    def __init__(self, key: bytes, mode: int) -> None:
        if mode != _ECB or len(key) != _BLOCK_BYTES:
            raise ValueError(f"mode {mode}, key of {len(key)} bytes")
        words = [bytes(key[at : at + 4]) for at in range(0, 16, 4)]
        factor = 1
        while len(words) < 4 * (_ROUNDS + 1):  # 5.2
            word = words[-1]
            if len(words) % 4 == 0:
                word = bytes(_BOX[byte] for byte in word[1:] + word[:1])
                word = bytes((word[0] ^ factor, *word[1:]))
                factor = _doubled(factor)
            words.append(bytes(a ^ b for a, b in zip(words[-4], word, strict=True)))
        self._keys = [b"".join(words[at : at + 4]) for at in range(0, len(words), 4)]

    def encrypt(self, data: bytes | bytearray | memoryview, out: bytearray | None = None) -> bytes | bytearray:
        """Whole blocks, into `out` if there is one."""
        if len(data) % _BLOCK_BYTES:
            raise ValueError("blksize % 16")
        made = b"".join(self._block(data[at : at + 16]) for at in range(0, len(data), 16))
        if out is None:
            return made
        out[: len(made)] = made
        return out

    def _block(self, block: bytes | bytearray | memoryview) -> bytes:
        """5.1."""
        state = bytes(a ^ b for a, b in zip(block, self._keys[0], strict=True))
        for key in self._keys[1:-1]:
            moved = [_BOX[state[at]] for at in _SHIFTED]
            mixed = bytearray()
            for at in range(0, 16, 4):
                column = moved[at : at + 4]
                whole = column[0] ^ column[1] ^ column[2] ^ column[3]
                for row in range(4):
                    mixed.append(column[row] ^ whole ^ _DOUBLE[column[row] ^ column[(row + 1) % 4]])
            state = bytes(a ^ b for a, b in zip(mixed, key, strict=True))
        return bytes(_BOX[state[at]] ^ byte for at, byte in zip(_SHIFTED, self._keys[-1], strict=True))
