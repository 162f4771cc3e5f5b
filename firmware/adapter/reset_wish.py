"""The wish for a factory reset, as the running unit leaves it for boot in the first block of partition `scratch`.

It is whole or not there: a program that was cut leaves other bytes. The self-test's pattern is never it.
"""

_WISH = b"plugtone: factory reset is wanted"


def wish(scratch):
    """From here on the unit is one to be reset, at its next start."""
    scratch.erase(0, scratch.block_bytes)
    scratch.program(0, _WISH)


def is_wished(scratch):
    """True if the wish is whole."""
    found = bytearray(len(_WISH))
    scratch.readinto(0, found)
    return found == _WISH
