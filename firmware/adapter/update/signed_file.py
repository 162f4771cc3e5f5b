"""One signed metadata file: what it claims to be, and whether enough keys of a role signed it.

- A key counts once, however often it is listed or signs; unknown and unsuited keys count for nothing.
- What is verified is the canonical form of `signed`; nothing else of the file is ever used.
"""

from binascii import a2b_base64, unhexlify
from hashlib import sha256

from adapter.crypto import p256
from adapter.crypto.csr import public_key_of_info
from adapter.crypto.errors import CryptoError
from adapter.update import strict_json
from adapter.update.errors import LengthError, MismatchError, SignatureError
from adapter.update.utc import seconds_of

MAX_SIGNATURES = 16
MAX_ROLE_KEYS = 16
SPECIFICATION_MAJOR = "1"
_PEM_BEGIN = "-----BEGIN PUBLIC KEY-----"
_PEM_END = "-----END PUBLIC KEY-----"


class SignedFile:
    """`data` (bytes) as metadata of type `kind`, of at most `max_bytes`.

    `name` is for messages, `body` the Value of `signed`, `expires_s` UTC seconds since 1970.
    LengthError or MismatchError if it cannot be that; nothing is verified yet.
    """

    def __init__(self, name, kind, data, max_bytes):
        if len(data) > max_bytes:
            raise LengthError("%s has %d bytes, at most %d are taken" % (name, len(data), max_bytes))
        document = strict_json.parse(data)
        self.name = name
        self.data = data
        self.body = document["signed"]
        self._signatures = document["signatures"]
        self._digest = None
        found = self.body["_type"].text()
        if found != kind:
            raise MismatchError("%s is of type %r, %r is wanted" % (name, found, kind))
        specification = self.body["spec_version"].text().split(".")
        if len(specification) not in (2, 3) or specification[0] != SPECIFICATION_MAJOR:
            raise MismatchError("%s is written to specification %s, 1.x is known" % (name, ".".join(specification)))
        self.version = self.body["version"].number()
        if self.version < 1:
            raise MismatchError("%s has version %d; versions count from 1" % (name, self.version))
        self.expires_s = seconds_of(self.body["expires"].text())

    @property
    def digest(self):
        """SHA-256 of what is signed."""
        if self._digest is None:
            state = sha256()
            self.body.canonical(state.update)
            self._digest = state.digest()
        return self._digest

    def verify(self, keys, role):
        """SignatureError unless the threshold of `role` is met.

        `role` is a Value with `keyids` and `threshold`, `keys` the Value that maps key ids to keys.
        """
        threshold = role["threshold"].number()
        keyids = [keyid.text() for keyid in role["keyids"].elements()]
        if not 1 <= threshold <= len(keyids) <= MAX_ROLE_KEYS:
            raise MismatchError("%s: threshold %d of %d keys makes no sense" % (self.name, threshold, len(keyids)))
        signatures = self._signatures_by(keyids)
        good = []
        for keyid in keyids:
            key = keys.get(keyid)
            if keyid not in signatures or key is None:
                continue
            public = _public_key(key)
            if public is None or public in good:
                continue
            if p256.verify(public, self.digest, signatures[keyid]):
                good.append(public)
                if len(good) == threshold:
                    return
        raise SignatureError("%s has %d valid signatures, %d are needed" % (self.name, len(good), threshold))

    def _signatures_by(self, keyids):
        """The first signature of each of `keyids`, as bytes."""
        found = {}
        count = 0
        for signature in self._signatures.elements():
            count += 1
            if count > MAX_SIGNATURES:
                raise MismatchError("%s has more than %d signatures" % (self.name, MAX_SIGNATURES))
            keyid = signature["keyid"].text()
            if keyid in keyids and keyid not in found:
                found[keyid] = _bytes_of(signature["sig"].text())
        return found


def _bytes_of(text):
    try:
        return unhexlify(text)
    except ValueError:
        return b""  # verifies under no key


def _public_key(key):
    """The 65 bytes of a P-256 key; None for a key of an algorithm this unit does not verify."""
    if key["keytype"].text() != "ecdsa" or key["scheme"].text() != "ecdsa-sha2-nistp256":
        return None
    pem = key["keyval"]["public"].text().strip()
    if not pem.startswith(_PEM_BEGIN) or not pem.endswith(_PEM_END):
        return None
    try:
        return public_key_of_info(a2b_base64(pem[len(_PEM_BEGIN) : -len(_PEM_END)]))
    except (CryptoError, ValueError):
        return None
