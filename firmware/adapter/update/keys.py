"""Which algorithm verifies the signatures of a TUF key (specification 4.2): its type and scheme say it.

The algorithm is a field, so another one is one more row here and one more module; each module is loaded when a
key first needs it, and a unit whose keys are all of one kind never loads the others.

Signatures found good since the start are remembered by their digests: whoever signs and delegates what is looked
at anew in every refresh, but the arithmetic need not be done again for the same key, text and signature.
"""

from binascii import a2b_base64
from hashlib import sha256

from adapter.crypto.errors import CryptoError
from adapter.update.hashes import of_hex

_KINDS = (
    ("ecdsa", "ecdsa-sha2-nistp256"),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"),
    ("ed25519", "ed25519"),
    ("rsa", "rsassa-pss-sha256"),
)
_MAX_KEY_BYTES = 1024  # of DER: RSA's longest takes 552, and time grows with the square of the length
_MAX_GOOD = 16
good = []  # marks of signatures that held since the start, 32 bytes each, the newest last
_PEM_BEGIN = "-----BEGIN PUBLIC KEY-----"
_PEM_END = "-----END PUBLIC KEY-----"


def public_key(key):
    """(scheme, public key as bytes) of the Value `key`; None for one that cannot be used here.

    Two key ids with the same answer are one key, however they are written. An RSA key is looked into by `verify`.
    """
    scheme = key["scheme"].text()
    if (key["keytype"].text(), scheme) not in _KINDS:
        return None
    text = key["keyval"]["public"].text()
    try:
        if scheme == "ed25519":
            public = of_hex(text)
            return (scheme, public) if len(public) == 32 else None
        text = text.strip()
        if not text.startswith(_PEM_BEGIN) or not text.endswith(_PEM_END):
            return None
        public = a2b_base64(text[len(_PEM_BEGIN) : -len(_PEM_END)])
        if len(public) > _MAX_KEY_BYTES:
            return None
        if scheme == "ecdsa-sha2-nistp256":
            from adapter.crypto.ec_key import public_key_of_info

            public = public_key_of_info(public)
        return scheme, public
    except (CryptoError, ValueError):
        return None


def mark(public):
    """Four bytes by which what `public_key` gave is known again."""
    return sha256(public[1]).digest()[:4]


def verify(public, signed_file, signature):
    """True if `signature` (bytes) on the SignedFile is by the owner of what `public_key` gave."""
    scheme, public = public
    state = sha256(scheme.encode() + bytes((len(public) >> 8, len(public) & 0xFF)) + public)
    state.update(signed_file.digest)
    state.update(signature)
    digest = state.digest()
    if digest in good:
        return True
    if not _verifies(scheme, public, signed_file, signature):
        return False
    good.append(digest)
    if len(good) > _MAX_GOOD:
        good.pop(0)
    return True


def _verifies(scheme, public, signed_file, signature):
    if scheme == "ecdsa-sha2-nistp256":
        from adapter.crypto import p256

        return p256.verify(public, signed_file.digest, signature)
    if scheme == "ed25519":
        from adapter.crypto import ed25519

        return ed25519.verify(public, signed_file.body.canonical, signature)
    from adapter.crypto import rsa_pss

    return rsa_pss.verify(public, signed_file.digest, signature)
