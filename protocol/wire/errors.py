"""The one error the wire package raises."""


class WireError(ValueError):
    """Bytes or values that the protocol forbids; says what, the value seen, and the bound."""
