"""What the bridge can fail with."""

from tools.errors import ToolError


class BridgeError(ToolError):
    """The bridge cannot begin, or go on: what is in its way, and what to do."""
