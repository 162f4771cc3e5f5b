"""When an account's service is suspended, and what brings it back (equipment rules 5, ToS 10.c, 10.g, 12).

- Several reasons may hold at once; service comes back with the end of the last.
- A suspended account keeps identity, updates and the term's clock, and an emergency-only line (line_allowance.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.errors import ConflictError
from fleet.domain.money import ZERO, Money
from fleet.domain.transitions import advance


class AccountService(StrEnum):
    """Whether the operator serves the account."""

    AVAILABLE = "available"
    SUSPENDED = "suspended"
    ENDED = "ended"


class AccountServiceEvent(StrEnum):
    SUSPEND = "suspend"
    LIFT = "lift"  # one reason falls away, another still holds
    REACTIVATE = "reactivate"
    END = "end"


ACCOUNT_SERVICE: dict[tuple[AccountService, AccountServiceEvent], AccountService] = {
    (AccountService.AVAILABLE, AccountServiceEvent.SUSPEND): AccountService.SUSPENDED,
    (AccountService.AVAILABLE, AccountServiceEvent.END): AccountService.ENDED,
    (AccountService.SUSPENDED, AccountServiceEvent.SUSPEND): AccountService.SUSPENDED,
    (AccountService.SUSPENDED, AccountServiceEvent.LIFT): AccountService.SUSPENDED,
    (AccountService.SUSPENDED, AccountServiceEvent.REACTIVATE): AccountService.AVAILABLE,
    (AccountService.SUSPENDED, AccountServiceEvent.END): AccountService.ENDED,
}


class SuspensionReason(StrEnum):
    """Each suspends at once, without notice."""

    NON_PAYMENT = "non_payment"  # ToS 10.c, 10.g
    LAW = "law"
    SECURITY = "security"
    NETWORK_PROTECTION = "network_protection"


# Ours: the terms do not say who of the operator decides. Nobody of the Account or of a distributor ever does.
MAY_SUSPEND: dict[SuspensionReason, frozenset[Role]] = {
    SuspensionReason.NON_PAYMENT: frozenset({Role.ADMIN, Role.FINANCE}),
    SuspensionReason.LAW: frozenset({Role.ADMIN}),
    SuspensionReason.SECURITY: frozenset({Role.ADMIN, Role.SUPPORT}),
    SuspensionReason.NETWORK_PROTECTION: frozenset({Role.ADMIN, Role.SUPPORT}),
}


@dataclass(frozen=True, slots=True)
class ServiceStanding:
    """`episode` counts the account's suspensions: each costs its reconnect fee once. `version` 0: never changed."""

    state: AccountService = AccountService.AVAILABLE
    reasons: frozenset[SuspensionReason] = frozenset()
    episode: int = 0
    version: int = field(default=0, compare=False)


def suspend(standing: ServiceStanding, reason: SuspensionReason, roles: frozenset[Role]) -> ServiceStanding:
    """Suspended for `reason` by somebody with `roles`; ForbiddenError if they may not."""
    _check_may(reason, roles)
    state = advance(ACCOUNT_SERVICE, standing.state, AccountServiceEvent.SUSPEND, "the account's service")
    began = standing.state is AccountService.AVAILABLE
    return ServiceStanding(state, standing.reasons | {reason}, standing.episode + began)


def lift(
    standing: ServiceStanding, reason: SuspensionReason, roles: frozenset[Role], unpaid: Money, reconnect_paid: bool
) -> ServiceStanding:
    """`reason` no longer holds: the account is reactivated if it was the last.

    Reactivation follows full payment and the reconnect fee, whatever the account was suspended for (ER 5, decision
    0010); non-payment is lifted by full payment only. ConflictError says what is missing.
    """
    _check_may(reason, roles)
    left = standing.reasons - {reason}
    event = AccountServiceEvent.LIFT if left else AccountServiceEvent.REACTIVATE
    state = advance(ACCOUNT_SERVICE, standing.state, event, "the account's service")
    if left == standing.reasons:
        raise ConflictError(f"the account is not suspended for {reason}, only for {', '.join(sorted(left))}")
    if unpaid > ZERO and (not left or reason is SuspensionReason.NON_PAYMENT):
        raise ConflictError(f"{unpaid} is unpaid; reactivation follows full payment")
    if not left and not reconnect_paid:
        raise ConflictError("the reconnect fee is unpaid; reactivation follows its payment")
    return replace(standing, state=state, reasons=left)


def end(standing: ServiceStanding) -> ServiceStanding:
    """The account's service has ended, by cancellation or termination."""
    state = advance(ACCOUNT_SERVICE, standing.state, AccountServiceEvent.END, "the account's service")
    return replace(standing, state=state, reasons=frozenset())


def _check_may(reason: SuspensionReason, roles: frozenset[Role]) -> None:
    may = MAY_SUSPEND[reason]
    if not roles & may:
        had = ", ".join(sorted(roles)) or "nobody"
        raise ForbiddenError(f"a suspension for {reason} is decided by {' or '.join(sorted(may))}, got {had}")
