"""ECDSA on NIST P-256 with SHA-256 (FIPS 186-5, SEC 1), signatures deterministic (RFC 6979).

- Public keys are 65 bytes, uncompressed (0x04, x, y); private keys 32 bytes; signatures strict DER.
- `verify` adds u1 G + u2 Q in one pass over the bits, each scalar recoded to a window of odd digits
  (wNAF), in Jacobian coordinates, and compares x without an inversion.
- Big integers take time that depends on their value. Verifying has no secret; the private key is
  used once a life for the certificate request, and TLS signs in C.
"""

from adapter.crypto import der
from adapter.crypto.errors import CryptoError

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_GX = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
_GY = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5

SCALAR_BYTES = 32
PUBLIC_KEY_BYTES = 65
_MAX_SIGNATURE_BYTES = 72
_TABLE_POINTS = 4  # 1, 3, 5, 7 times a point: all the digits of a window of four bits
_KEY_INFO = b"plugtone P-256 private key"

# A point is (X, Y, Z), meaning (X/Z^2, Y/Z^3); None is the point at infinity.
_generator_table = []


def public_key(private):
    """The 65-byte public key of the 32-byte `private` key; CryptoError if that is out of range."""
    x, y = _affine(_multiply(_private_scalar(private), 0, None))
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def make_key(random_a, random_b):
    """A private key of two independent 32-byte random values; it is good if either of them is.

    The 64 derived bytes are reduced modulo n - 1, more than FIPS 186-5 A.2.1 asks for.
    """
    if len(random_a) != 32 or len(random_b) != 32:
        raise CryptoError("a key needs twice 32 random bytes, got %d and %d" % (len(random_a), len(random_b)))
    from adapter.crypto.hmac_sha256 import hmac_sha256  # who verifies has no use for it

    secret = hmac_sha256(bytes(random_a), random_b)
    first = hmac_sha256(secret, _KEY_INFO, b"\x01")
    second = hmac_sha256(secret, first, _KEY_INFO, b"\x02")
    return (int.from_bytes(first + second, "big") % (N - 1) + 1).to_bytes(SCALAR_BYTES, "big")


def sign(private, digest):
    """The DER signature of a 32-byte SHA-256 `digest`; the same each time (RFC 6979)."""
    scalar = _private_scalar(private)
    hashed = _digest_scalar(digest)
    for nonce in _nonces(private, hashed):
        r = _affine(_multiply(nonce, 0, None))[0] % N
        s = pow(nonce, N - 2, N) * (hashed + r * scalar) % N
        if r and s:
            return der.element(der.SEQUENCE, der.integer(r), der.integer(s))


def verify(public, digest, signature):
    """True if `signature` (DER) of the 32-byte `digest` was made by the owner of `public` (65 bytes).

    Anything malformed, a key off the curve included, is False: it is the peer's fault, not ours.
    """
    try:
        point = _public_point(public)
        r, s = _signature_scalars(signature)
        hashed = _digest_scalar(digest)
    except CryptoError:
        return False
    inverse = pow(s, N - 2, N)  # SEC 1, 4.1.4
    total = _multiply(hashed * inverse % N, r * inverse % N, point)
    if total is None:
        return False
    x, _, z = total
    zz = z * z % P
    return r * zz % P == x or (r + N < P and (r + N) * zz % P == x)


def is_public_key(public):
    """True if `public` is the 65-byte form of a point on the curve."""
    try:
        _public_point(public)
    except CryptoError:
        return False
    return True


def _private_scalar(private):
    scalar = int.from_bytes(bytes(private), "big")
    if len(private) != SCALAR_BYTES or not 0 < scalar < N:
        raise CryptoError("a P-256 private key has 32 bytes and is in 1 to n-1; got %d bytes" % len(private))
    return scalar


def _digest_scalar(digest):
    if len(digest) != 32:
        raise CryptoError("a SHA-256 digest has 32 bytes, got %d" % len(digest))
    return int.from_bytes(bytes(digest), "big") % N


def _public_point(public):
    if len(public) != PUBLIC_KEY_BYTES or public[0] != 4:
        raise CryptoError("a public key has 65 bytes and starts with 4, got %d bytes" % len(public))
    x = int.from_bytes(bytes(public[1:33]), "big")
    y = int.from_bytes(bytes(public[33:]), "big")
    if x >= P or y >= P or (y * y - (x * x - 3) * x - _B) % P:
        raise CryptoError("a public key must be on the curve P-256")
    return x, y, 1


def _signature_scalars(signature):
    if len(signature) > _MAX_SIGNATURE_BYTES:
        raise CryptoError("a P-256 signature has at most %d bytes, got %d" % (_MAX_SIGNATURE_BYTES, len(signature)))
    outer = der.Reader(signature)
    inner = outer.enter(der.SEQUENCE)
    outer.end()
    r = inner.integer()
    s = inner.integer()
    inner.end()
    if not (0 < r < N and 0 < s < N):
        raise CryptoError("both numbers of a signature are in 1 to n-1")
    return r, s


def _nonces(private, hashed):
    """The candidates for k, in order (RFC 6979 3.2)."""
    from adapter.crypto.hmac_sha256 import hmac_sha256  # who verifies has no use for it

    private = bytes(private)
    message = hashed.to_bytes(32, "big")
    v = b"\x01" * 32
    k = bytes(32)
    k = hmac_sha256(k, v, b"\x00", private, message)
    v = hmac_sha256(k, v)
    k = hmac_sha256(k, v, b"\x01", private, message)
    v = hmac_sha256(k, v)
    while True:
        v = hmac_sha256(k, v)
        nonce = int.from_bytes(v, "big")
        if 0 < nonce < N:
            yield nonce
        k = hmac_sha256(k, v, b"\x00")
        v = hmac_sha256(k, v)


def _multiply(u1, u2, point):
    """u1 G + u2 `point`, both scalars below n."""
    if not _generator_table:
        for multiple in _odd_multiples((_GX, _GY, 1)):
            _generator_table.append(_affine(multiple) + (1,))
    digits = bytearray(2 * 257)
    top = recode(u1, digits, 0)
    tables = (_generator_table, _generator_table)
    if u2:
        top = max(top, recode(u2, digits, 1))
        tables = (_generator_table, _odd_multiples(point))
    total = None
    for bit in range(2 * top, -2, -2):
        if total is not None:
            total = _double(total)
        for which in (0, 1):
            digit = digits[bit + which]
            if digit > 127:
                x, y, z = tables[which][(255 - digit) >> 1]
                total = _add(total, (x, P - y, z))
            elif digit:
                total = _add(total, tables[which][digit >> 1])
    return total


def recode(scalar, digits, which):
    """Writes the width-4 NAF of `scalar` into every second byte of `digits`; the highest place used.

    A digit d is stored as d modulo 256: odd, -7 to 7, and at most one in four places is not zero.
    """
    place = 0
    top = 0
    while scalar:
        if scalar & 1:
            digit = scalar & 15
            if digit > 7:
                digit -= 16
            digits[2 * place + which] = digit & 0xFF
            top = place
            scalar = scalar - digit >> 4  # the next three digits are zero
            place += 4
        else:
            scalar >>= 1
            place += 1
    return top


def _odd_multiples(point):
    """[1, 3, 5, 7] times `point`."""
    twice = _double(point)
    table = [point]
    while len(table) < _TABLE_POINTS:
        table.append(_add(table[-1], twice))
    # A remainder keeps the room of what was divided: twice as much as it needs.
    return [tuple([int.from_bytes(number.to_bytes(32, "big"), "big") for number in point]) for point in table]


def _double(point):
    x, y, z = point
    zz = z * z % P
    yy = y * y % P
    s = 4 * x * yy
    m = 3 * (x - zz) * (x + zz) % P
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * yy * yy) % P, 2 * y * z % P


def _add(a, b):
    """a + b; equal, opposite and infinite points included, as a forged signature may bring them up."""
    if a is None:
        return b
    x1, y1, z1 = a
    x2, y2, z2 = b
    zz1 = z1 * z1 % P
    if z2 == 1:
        u1, s1 = x1, y1
    else:
        zz2 = z2 * z2 % P
        u1 = x1 * zz2 % P
        s1 = y1 * z2 * zz2 % P
    h = (x2 * zz1 - u1) % P
    r = (y2 * z1 * zz1 - s1) % P
    if h == 0:
        return None if r else _double(a)
    hh = h * h % P
    hhh = hh * h % P
    v = u1 * hh
    x3 = (r * r - hhh - 2 * v) % P
    z3 = z1 * h if z2 == 1 else z1 * z2 % P * h
    return x3, (r * (v - x3) - s1 * hhh) % P, z3 % P


def _affine(point):
    x, y, z = point
    inverse = pow(z, P - 2, P)
    square = inverse * inverse % P
    return x * square % P, y * square * inverse % P
