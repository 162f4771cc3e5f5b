"""One signed metadata file: what it claims to be, and whether enough keys of a role signed it.

- A key counts once, however often and under whatever ids it is listed; unknown and unsuited keys count for nothing.
- A key id that signs twice voids the file (specification 4.2: it is unique among the signatures).
- What is verified is the canonical form of `signed`; nothing else of the file is ever used.
"""

from hashlib import sha256

from adapter.update import strict_json
from adapter.update.errors import LengthError, MismatchError, SignatureError
from adapter.update.hashes import of_hex
from adapter.update.keys import public_key, verify
from adapter.update.utc import seconds_of

MAX_SIGNATURES = 32
MAX_ROLE_KEYS = 32
_MAX_VERSION = 0xFFFFFFFF  # the journal packs versions into four bytes
SPECIFICATION_MAJOR = "1"


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
        self.version = version_of(self.body)
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
        """The public keys that meet the threshold of `role`; SignatureError if there are not enough.

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
            public = public_key(key)
            if public is None or public in good:
                continue
            if verify(public, self, signatures[keyid]):
                good.append(public)
                if len(good) == threshold:
                    return good
        raise SignatureError("%s has %d valid signatures, %d are needed" % (self.name, len(good), threshold))

    def _signatures_by(self, keyids):
        """The signature of each of `keyids` that signed, as bytes."""
        found = {}
        seen = []
        for signature in self._signatures.elements():
            if len(seen) == MAX_SIGNATURES:
                raise MismatchError("%s has more than %d signatures" % (self.name, MAX_SIGNATURES))
            keyid = signature["keyid"].text()
            if keyid in seen:
                raise SignatureError("%s is signed twice by key %s" % (self.name, keyid[:16]))
            seen.append(keyid)
            if keyid in keyids:
                found[keyid] = of_hex(signature["sig"].text())  # b"" verifies under no key
        return found


def version_of(value):
    """The `version` in a Value; MismatchError if it is not in 1 to 4,294,967,295."""
    version = value["version"].number()
    if not 1 <= version <= _MAX_VERSION:
        raise MismatchError("versions count from 1 to %d, got %d" % (_MAX_VERSION, version))
    return version
