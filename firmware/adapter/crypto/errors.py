"""The one error root of the crypto package."""

from adapter.errors import AdapterError


class CryptoError(AdapterError):
    """A key, a signature's encoding or a DER value is not what its standard allows."""
