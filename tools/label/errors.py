"""What stops a label."""

from tools.errors import ToolError


class LabelError(ToolError):
    """A template that makes no sense, a value that does not fit its field, or a printer that does not answer."""
