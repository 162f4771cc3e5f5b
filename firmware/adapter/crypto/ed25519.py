"""Whether an Ed25519 signature is good (RFC 8032 5.1.7); nothing is signed here.

- Public keys are 32 bytes, signatures 64; the message streams in, for Ed25519 hashes it behind two other values.
- The equation is the one without the cofactor, S B = R + k A, as bytes of R: OpenSSL, and so python-tuf, take it
  too, and a repository must not be good for one client and bad for another.
- Stricter than the RFC asks: S below the order, y below the prime, no key of small order (one signature would be
  good for many messages).
"""

from adapter.crypto.p256 import recode
from adapter.crypto.sha512 import Sha512

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, P - 2, P) % P
_ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
_TABLE_POINTS = 4  # 1, 3, 5, 7 times a point
_SIGN_BIT = 1 << 255

# A point is (X, Y, Z, T): x = X/Z, y = Y/Z, xy = T/Z (extended coordinates, RFC 8032 5.1.4).
_NEUTRAL = (0, 1, 1, 0)
_base_table = []


def verify(public, feed, signature):
    """True if `signature` is by the owner of `public` on the message that `feed(update)` hands to `update`.

    Anything malformed is False: it is the peer's fault, not ours.
    """
    if len(public) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    scalar = int.from_bytes(signature[32:], "little")
    point = _decode(public)
    if scalar >= ORDER or point is None:
        return False
    state = Sha512()
    state.update(signature[:32])
    state.update(public)
    feed(state.update)
    challenge = int.from_bytes(state.digest(), "little") % ORDER
    x, y, z, t = point
    return _encode(_combine(scalar, challenge, (P - x, y, z, P - t))) == signature[:32]


def _decode(public):
    """The point of a key; None if it is none, or of small order."""
    y = int.from_bytes(public, "little")
    sign = y >> 255
    y &= _SIGN_BIT - 1
    if y >= P:
        return None
    u = (y * y - 1) % P
    v = (_D * y * y + 1) % P
    # RFC 8032 5.1.3: a square root of u/v, if there is one.
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * _ROOT_OF_MINUS_1 % P
        if (v * x * x - u) % P:
            return None
    if x & 1 != sign:
        if x == 0:
            return None
        x = P - x
    point = (x, y, 1, x * y % P)
    eightfold = _double(_double(_double(point)))
    return point if eightfold[0] else None


def _encode(point):
    x, y, z, _ = point
    inverse = pow(z, P - 2, P)
    return ((x * inverse % P & 1) << 255 | y * inverse % P).to_bytes(32, "little")


def _combine(u1, u2, point):
    """u1 B + u2 `point`, in one pass over the bits as P-256 does it."""
    if not _base_table:
        y = 4 * pow(5, P - 2, P) % P
        _base_table.extend(_odd_multiples(_decode(y.to_bytes(32, "little"))))
    digits = bytearray(2 * 257)
    top = max(recode(u1, digits, 0), recode(u2, digits, 1))
    tables = (_base_table, _odd_multiples(point))
    total = _NEUTRAL
    for bit in range(2 * top, -2, -2):
        total = _double(total)
        for which in (0, 1):
            digit = digits[bit + which]
            if digit > 127:
                x, y, z, t = tables[which][(255 - digit) >> 1]
                total = _add(total, (P - x, y, z, P - t))
            elif digit:
                total = _add(total, tables[which][digit >> 1])
    return total


def _odd_multiples(point):
    """[1, 3, 5, 7] times `point`."""
    twice = _double(point)
    table = [point]
    while len(table) < _TABLE_POINTS:
        table.append(_add(table[-1], twice))
    return table


def _double(point):
    """RFC 8032 5.1.4, which holds for every point."""
    x, y, z, _ = point
    a = x * x
    b = y * y
    h = a + b
    e = (h - (x + y) * (x + y)) % P
    g = (a - b) % P
    f = (2 * z * z + g) % P
    h %= P
    return e * f % P, g * h % P, f * g % P, e * h % P


def _add(first, second):
    """RFC 8032 5.1.4, complete: it holds for equal, opposite and neutral points too."""
    x1, y1, z1, t1 = first
    x2, y2, z2, t2 = second
    a = (y1 - x1) * (y2 - x2) % P
    b = (y1 + x1) * (y2 + x2) % P
    c = 2 * t1 * t2 * _D % P
    d = 2 * z1 * z2 % P
    e = b - a
    f = d - c
    g = d + c
    h = b + a
    return e * f % P, g * h % P, f * g % P, e * h % P
