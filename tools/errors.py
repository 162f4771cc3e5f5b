"""The root of the errors of the tools; the command `plugtone` shows their text and no traceback."""


class ToolError(Exception):
    """A tool cannot do what it was asked: what happened, the value seen, what to do."""
