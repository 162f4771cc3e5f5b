"""The certificate request (PKCS#10, RFC 2986) of a unit.

The request names the serial number as common name and nothing else; the authority adds the rest.
"""

from hashlib import sha256

from adapter.crypto import der, p256
from adapter.crypto.ec_key import public_key_info

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
