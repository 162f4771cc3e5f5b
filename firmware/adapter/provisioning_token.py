"""May this station provision this unit again? After a factory reset only a token says so that the fleet signed.

It is good for one challenge: 32 random bytes that the unit drew for that station, held in RAM for CHALLENGE_MS and
gone with the first token that fits. So no token is worth anything twice, at another unit or later. A reset unit has
no clock; the challenge's age is its own. A unit whose provisioning was cut asks again: a token is for one session.
"""

from hashlib import sha256

from adapter.crypto import p256
from adapter.identity import RESET
from protocol.wire.errors import WireError
from protocol.wire.messages import unpack

CHALLENGE_MS = 600_000
CHALLENGE_BYTES = 32
CONTEXT = b"plugtone provisioning token 1\x00"
MAX_KEYS = 4
_KEY_ID_BYTES = 8
_MAX_EPOCH = 65_535  # the wire's u16


def split_keys(blob):
    """The public keys in the blob token_keys; WireError unless they are 1 to MAX_KEYS points of P-256."""
    count, rest = divmod(len(blob), p256.PUBLIC_KEY_BYTES)
    keys = [blob[at * p256.PUBLIC_KEY_BYTES : (at + 1) * p256.PUBLIC_KEY_BYTES] for at in range(count)]
    if rest or not 1 <= count <= MAX_KEYS or not all([p256.is_public_key(key) for key in keys]):
        raise WireError("token keys are 1 to %d public keys of 65 bytes, got %d bytes" % (MAX_KEYS, len(blob)))
    return keys


def key_id(key):
    """By what the fleet knows a key of its own."""
    return sha256(key).digest()[:_KEY_ID_BYTES]


class Challenge:
    """What the unit `identity` was asked to draw by `station` at `now_ms`; `secret` are the 32 random bytes.

    `epoch` is the lowest a token may be for: a reset unit is past its own, a half-provisioned one may go on with it.
    WireError if the unit is past the last there is.
    """

    def __init__(self, identity, station, secret, now_ms):
        self.secret = secret
        self.epoch = identity.epoch + (1 if identity.stage == RESET else 0)
        if self.epoch > _MAX_EPOCH:
            raise WireError("epoch %d was the last there is; scrap the unit" % identity.epoch)
        self._identity = identity
        self._station = station
        self._drawn_ms = now_ms

    def epoch_of(self, token, signature, keys, now_ms):
        """The epoch that the token allows to begin; WireError, saying what is wrong, if it is not for here and now."""
        identity = self._identity
        if now_ms - self._drawn_ms > CHALLENGE_MS:
            raise WireError("the challenge is older than %d s; ask for another one" % (CHALLENGE_MS // 1000))
        values = unpack(token)
        if values.name != "provisioning_token":
            raise WireError("that is no token but a %s" % values.name)
        for name, mine in (
            ("challenge", self.secret),
            ("station", self._station),
            ("serial", identity.serial),
        ):
            if values[name] != mine:
                raise WireError("the token is for another %s" % name)
        if values["epoch"] < self.epoch:
            raise WireError("the token is for epoch %d, the unit takes %d or later" % (values["epoch"], self.epoch))
        digest = sha256(CONTEXT + token).digest()
        if not any([p256.verify(key, digest, signature) for key in keys]):
            raise WireError("no fleet key that the unit knows has signed the token")
        return values["epoch"]
