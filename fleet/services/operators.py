"""Whether somebody acts for the operator, to whom releases, clone alarms and the outbox belong."""

from __future__ import annotations

from fleet.domain.access import Actor, ForbiddenError, Permission


def require_operator(actor: Actor, permission: Permission) -> None:
    """ForbiddenError unless the actor has the permission and acts for the operator, not for one account."""
    actor.require(permission)
    if actor.account_id is not None:
        raise ForbiddenError(f"{permission} is the operator's; this actor acts for one account")
