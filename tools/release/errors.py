"""What can go wrong while a release is signed, for the person at the terminal."""

from tools.errors import ToolError


class ReleaseError(ToolError):
    """A key, image or bundle that cannot be used; says what was seen and what to do."""
