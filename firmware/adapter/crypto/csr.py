"""The certificate request (PKCS#10, RFC 2986) of a unit.

The request names the unit's serial number as common name and its chip's own id as serialNumber (X.520 6.2.10), so
that the fleet gives no board the certificate of another; the authority adds the rest.
"""

from binascii import hexlify
from hashlib import sha256

from adapter.crypto import der, p256
from adapter.crypto.ec_key import public_key_info

_OID_ECDSA_SHA256 = b"\x2a\x86\x48\xce\x3d\x04\x03\x02"  # 1.2.840.10045.4.3.2
_OID_COMMON_NAME = b"\x55\x04\x03"  # 2.5.4.3
_OID_SERIAL_NUMBER = b"\x55\x04\x05"  # 2.5.4.5
_PRINTABLE_STRING = 0x13


def make_csr(private, serial, board_uid):
    """The DER request for `serial` (text) on the chip `board_uid`, signed by the 32-byte `private` key.

    The same each time.
    """
    name = b""
    for oid, tag, value in (
        (_OID_COMMON_NAME, der.UTF8_STRING, serial.encode()),
        (_OID_SERIAL_NUMBER, _PRINTABLE_STRING, hexlify(board_uid)),
    ):
        name += der.element(der.SET, der.element(der.SEQUENCE, der.element(der.OID, oid), der.element(tag, value)))
    body = der.element(
        der.SEQUENCE,
        der.integer(0),
        der.element(der.SEQUENCE, name),
        public_key_info(p256.public_key(private)),
        der.element(der.constructed(0)),
    )
    return der.element(
        der.SEQUENCE,
        body,
        der.element(der.SEQUENCE, der.element(der.OID, _OID_ECDSA_SHA256)),
        der.bit_string(p256.sign(private, sha256(body).digest())),
    )
