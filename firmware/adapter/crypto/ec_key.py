"""Keys of P-256 in DER: the private one as TLS takes it (RFC 5915), the public one as certificates have it (RFC 5480).

TLS takes its key whenever it connects, beside a telephone line's heap: so the arithmetic is not loaded with this.
"""

from adapter.crypto import der
from adapter.crypto.errors import CryptoError

_OID_EC_PUBLIC_KEY = b"\x2a\x86\x48\xce\x3d\x02\x01"  # 1.2.840.10045.2.1
_OID_P256 = b"\x2a\x86\x48\xce\x3d\x03\x01\x07"  # 1.2.840.10045.3.1.7


def public_key_info(public):
    """SubjectPublicKeyInfo (RFC 5480) of a 65-byte public key."""
    return der.element(
        der.SEQUENCE,
        der.element(der.SEQUENCE, der.element(der.OID, _OID_EC_PUBLIC_KEY), der.element(der.OID, _OID_P256)),
        der.bit_string(public),
    )


def public_key_of_info(data):
    """The 65-byte public key in a SubjectPublicKeyInfo; CryptoError if it is of another kind."""
    from adapter.crypto import p256

    outer = der.Reader(data)
    info = outer.enter(der.SEQUENCE)
    outer.end()
    algorithm = info.enter(der.SEQUENCE)
    kinds = algorithm.element(der.OID), algorithm.element(der.OID)
    algorithm.end()
    public = info.bit_string()
    info.end()
    if kinds != (_OID_EC_PUBLIC_KEY, _OID_P256) or not p256.is_public_key(public):
        raise CryptoError("a P-256 public key is wanted, got %d bytes of another kind" % len(data))
    return public


def key_der(private, public):
    """ECPrivateKey (RFC 5915) of a key pair: what `SSLContext.load_cert_chain` takes as key."""
    return der.element(
        der.SEQUENCE,
        der.integer(1),
        der.element(der.OCTET_STRING, private),
        der.element(der.constructed(0), der.element(der.OID, _OID_P256)),
        der.element(der.constructed(1), der.bit_string(public)),
    )
