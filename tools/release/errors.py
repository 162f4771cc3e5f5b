"""What can go wrong while a release is signed, for the person at the terminal."""


class ReleaseError(Exception):
    """A key, image or bundle that cannot be used; says what was seen and what to do."""
