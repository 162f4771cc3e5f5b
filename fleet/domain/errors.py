"""The errors of the rules; each says what happened, the value seen, and what to do."""


class FleetError(Exception):
    """The root of the fleet's own errors. `code` is stable, for programs; str() is for people."""

    code = "fleet_error"


class NotFoundError(FleetError):
    """Nothing by that name in the actor's scope."""

    code = "not_found"


class InvalidError(FleetError):
    """A value no rule allows."""

    code = "invalid"


class ConflictError(FleetError):
    """The thing exists already, or is not in a state that allows the step."""

    code = "conflict"


class IllegalTransitionError(ConflictError):
    """A state machine's table has no such step; nothing has changed."""

    code = "illegal_transition"


class StaleVersionError(ConflictError):
    """Somebody changed the thing since it was read; read it again."""

    code = "stale_version"


class UnauthenticatedError(FleetError):
    """Nobody we know: no credential, or one that is wrong, expired or revoked."""

    code = "unauthenticated"


class TooManyAttemptsError(FleetError):
    """A limit on tries was reached; `retry_after_s` says when to come again."""

    code = "too_many_attempts"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
