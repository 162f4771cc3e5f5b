"""Why an update does not happen: one class a reason, `reason` being its name in UPDATE_REASONS of the wire."""

from adapter.errors import AdapterError


class UpdateError(AdapterError):
    """The update stops here; what is stored and installed is as it was before the step that failed."""

    reason = "mismatch"


class MismatchError(UpdateError):
    """A file is malformed, or two signed files do not say the same thing."""


class SignatureError(UpdateError):
    """Too few valid signatures."""

    reason = "signature"


class ExpiredError(UpdateError):
    """Signed, but no longer valid."""

    reason = "expired"


class RollbackError(UpdateError):
    """Older than what is trusted already."""

    reason = "rollback"


class HashError(UpdateError):
    """The bytes are not those that were signed for."""

    reason = "hash"


class LengthError(UpdateError):
    """More or fewer bytes than were signed for, or than are ever taken."""

    reason = "length"


class WrongBoardError(UpdateError):
    """An image that cannot run here."""

    reason = "wrong_board"


class TooBigError(UpdateError):
    """An image for which slot or heap have no room."""

    reason = "too_big"


class NetworkError(UpdateError):
    """The server cannot be reached, stalls, or does not have the file."""

    reason = "network"


class AbsentError(NetworkError):
    """The server answers, but does not have the file."""


class SpentError(UpdateError):
    """The assignment used up the bytes, the time or the steps it may cost."""

    reason = "deadline"


class RefusedError(UpdateError):
    """An image that was on trial here and went back."""

    reason = "refused_before"


class CancelledError(UpdateError):
    """The fleet took the assignment back."""

    reason = "cancelled"


class FlashFailedError(UpdateError):
    """The slot or the boot record could not be written."""

    reason = "flash"


class DeltaError(UpdateError):
    """A delta that does not make the image from the one that runs; the full image will."""
