"""The root of the errors the adapter raises, and those that more than one module raises."""


class AdapterError(Exception):
    """Something the adapter refuses or cannot do; says what, the value seen, and what to do."""


class FlashError(OSError):
    """A flash operation out of bounds, against the NOR rule, or on a sealed partition.

    An OSError, since the flash is boot's object: what boot raises is no instance of the image's own classes.
    """


class SlotError(AdapterError):
    """A step of staging, trial or confirmation that the boot record does not allow now."""


class IdentityError(AdapterError):
    """An identity partition or a value for it that makes no sense."""
