"""A private key in an encrypted PKCS#8 file, behind securesystemslib's Signer: `encrypted-file:PATH`.

Importing this module makes the scheme known to `Signer.from_priv_key_uri`, beside those of HSMs and clouds.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.exceptions import Error as SignerError
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner, Key, SecretsHandler, SSlibKey

from tools.release.errors import ReleaseError

URI_SCHEME: Final = "encrypted-file"
SCHEMES: Final = ("ecdsa-sha2-nistp256", "ed25519", "rsassa-pss-sha256")  # what units verify; the first is the default
RSA_BITS: Final = 3072
_RSA_EXPONENT: Final = 65537
_FILE_MODE: Final = 0o600


class EncryptedFileSigner(CryptoSigner):
    """Opens the file with the secret `passphrase`."""

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> CryptoSigner:
        """The signer of `encrypted-file:PATH`; ReleaseError if the file is missing or the secret not its own."""
        path = Path(priv_key_uri.removeprefix(f"{URI_SCHEME}:"))
        if secrets_handler is None or not isinstance(public_key, SSlibKey):
            raise ReleaseError(f"{path} is encrypted and {public_key.keytype}: a passphrase is needed to open it")
        try:
            private = load_pem_private_key(path.read_bytes(), secrets_handler("passphrase").encode())
            return CryptoSigner(private, public_key)
        except FileNotFoundError:
            raise ReleaseError(f"there is no {path.name} in {path.parent}; give the folder that has it") from None
        except (ValueError, TypeError, SignerError) as error:
            raise ReleaseError(f"{path} does not open: {error}; check the passphrase") from error


SIGNER_FOR_URI_SCHEME[URI_SCHEME] = EncryptedFileSigner


def write_new_key(path: Path, scheme: str, passphrase: str) -> SSlibKey:
    """Make a private key for `scheme` in the file `path` (mode 0600), whole or not at all; its public half."""
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    if scheme == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
    elif scheme == "rsassa-pss-sha256":
        key = rsa.generate_private_key(_RSA_EXPONENT, RSA_BITS)
    elif scheme == "ecdsa-sha2-nistp256":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        raise ReleaseError(f"units verify {', '.join(SCHEMES)}; got {scheme!r}")
    public = SSlibKey.from_crypto(key.public_key(), scheme=scheme)
    encryption = BestAvailableEncryption(passphrase.encode())
    write_durably(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return public


def public_half(path: Path, passphrase: str) -> SSlibKey:
    """The public half of the key in that file; ReleaseError if the passphrase is not its own."""
    try:
        return SSlibKey.from_crypto(load_pem_private_key(path.read_bytes(), passphrase.encode()).public_key())
    except (ValueError, TypeError) as error:
        raise ReleaseError(f"{path} does not open: {error}; check the passphrase") from error


def write_durably(path: Path, data: bytes) -> None:
    """Make `path` hold `data` (mode 0600) or leave it as it was."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
