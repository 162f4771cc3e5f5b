"""The certificate request (PKCS#10, RFC 2986) of a unit, and its private key as TLS takes it.

The request names the serial number as common name and nothing else; the authority adds the rest.
"""

from hashlib import sha256

from adapter.crypto import der, p256
from adapter.crypto.errors import CryptoError

_OID_EC_PUBLIC_KEY = b"\x2a\x86\x48\xce\x3d\x02\x01"  # 1.2.840.10045.2.1
_OID_P256 = b"\x2a\x86\x48\xce\x3d\x03\x01\x07"  # 1.2.840.10045.3.1.7
_OID_ECDSA_SHA256 = b"\x2a\x86\x48\xce\x3d\x04\x03\x02"  # 1.2.840.10045.4.3.2
_OID_COMMON_NAME = b"\x55\x04\x03"  # 2.5.4.3


def make_csr(private, serial):
    """The DER request for `serial` (text), signed by the 32-byte `private` key; the same each time."""
    name = der.element(
        der.SEQUENCE,
        der.element(
            der.SET,
            der.element(
                der.SEQUENCE,
                der.element(der.OID, _OID_COMMON_NAME),
                der.element(der.UTF8_STRING, serial.encode()),
            ),
        ),
    )
    body = der.element(
        der.SEQUENCE,
        der.integer(0),
        name,
        public_key_info(p256.public_key(private)),
        der.element(der.constructed(0)),
    )
    return der.element(
        der.SEQUENCE,
        body,
        der.element(der.SEQUENCE, der.element(der.OID, _OID_ECDSA_SHA256)),
        der.bit_string(p256.sign(private, sha256(body).digest())),
    )


def public_key_info(public):
    """SubjectPublicKeyInfo (RFC 5480) of a 65-byte public key."""
    return der.element(
        der.SEQUENCE,
        der.element(der.SEQUENCE, der.element(der.OID, _OID_EC_PUBLIC_KEY), der.element(der.OID, _OID_P256)),
        der.bit_string(public),
    )


def public_key_of_info(data):
    """The 65-byte public key in a SubjectPublicKeyInfo; CryptoError if it is of another kind."""
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
