"""Whether an RSASSA-PSS signature with SHA-256 is good (RFC 8017 8.1.2); nothing is signed here.

- Keys are SubjectPublicKeyInfo (DER) of RSA, 2048 to 4096 bits, with an odd exponent of at most 32 bits.
- The mask is MGF1 with SHA-256; the salt may have any length, as securesystemslib verifies, and the padding is
  checked to the byte.
"""

from hashlib import sha256

from adapter.crypto import der
from adapter.crypto.errors import CryptoError

MIN_MODULUS_BITS = 2048
MAX_MODULUS_BITS = 4096
MAX_EXPONENT_BITS = 32
_HASH_BYTES = 32
_OID_RSA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"  # 1.2.840.113549.1.1.1
_NULL = 0x05


def public_numbers(info):
    """(modulus, exponent) of a key; CryptoError if it is of another kind or out of bounds."""
    outer = der.Reader(info)
    inner = outer.enter(der.SEQUENCE)
    outer.end()
    algorithm = inner.enter(der.SEQUENCE)
    kind = algorithm.element(der.OID)
    nothing = algorithm.element(_NULL)
    algorithm.end()
    key = der.Reader(inner.bit_string())
    inner.end()
    numbers = key.enter(der.SEQUENCE)
    key.end()
    modulus = numbers.integer()
    exponent = numbers.integer()
    numbers.end()
    if kind != _OID_RSA or nothing:
        raise CryptoError("an RSA public key is wanted, got another kind")
    if not MIN_MODULUS_BITS <= _bits(modulus) <= MAX_MODULUS_BITS or not modulus & 1:
        raise CryptoError("an odd modulus of 2048 to 4096 bits is taken, got %d bits" % _bits(modulus))
    if exponent < 3 or not exponent & 1 or exponent >> MAX_EXPONENT_BITS:
        raise CryptoError("an odd exponent from 3 to 32 bits is taken, got %d bits" % _bits(exponent))
    return modulus, exponent


def verify(info, digest, signature):
    """True if `signature` of the 32-byte SHA-256 `digest` was made by the owner of the key `info` (DER).

    Anything malformed is False: it is the peer's fault, not ours.
    """
    try:
        modulus, exponent = public_numbers(info)
    except CryptoError:
        return False
    bits = _bits(modulus)
    number = int.from_bytes(signature, "big")
    if len(signature) != (bits + 7) // 8 or number >= modulus or len(digest) != _HASH_BYTES:
        return False
    encoded_bits = bits - 1  # RFC 8017 8.1.2, step 2c: one octet less where 8 divides it
    encoded = pow(number, exponent, modulus)
    if encoded >> encoded_bits:
        return False
    return _is_encoded(encoded.to_bytes((encoded_bits + 7) // 8, "big"), encoded_bits, digest)


def _is_encoded(encoded, bits, digest):
    """EMSA-PSS-VERIFY (RFC 8017 9.1.2), the salt's length read off the padding."""
    size = len(encoded) - _HASH_BYTES - 1
    if encoded[-1] != 0xBC:
        return False
    hashed = encoded[size:-1]
    masked = int.from_bytes(encoded[:size], "big") ^ int.from_bytes(_mask(hashed, size), "big")
    block = (masked & ((1 << bits - 8 * (_HASH_BYTES + 1)) - 1)).to_bytes(size, "big")
    padding = 0
    while padding < size and block[padding] == 0:
        padding += 1
    if padding == size or block[padding] != 1:
        return False
    state = sha256(bytes(8))
    state.update(digest)
    state.update(block[padding + 1 :])
    return state.digest() == hashed


def _mask(seed, size):
    """MGF1 (RFC 8017 B.2.1)."""
    out = b""
    counter = 0
    while len(out) < size:
        out += sha256(seed + counter.to_bytes(4, "big")).digest()
        counter += 1
    return out[:size]


def _bits(value):
    """How many bits a positive number has; this runtime's int has no bit_length."""
    size = 0
    while value >> 8 * size:
        size += 1
    top = value >> 8 * (size - 1) if size else 0
    bits = 8 * size
    while bits and not top & 0x80:
        top <<= 1
        bits -= 1
    return bits
