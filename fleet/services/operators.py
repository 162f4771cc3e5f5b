"""Whether somebody acts for the operator, to whom releases and rollouts belong."""

from __future__ import annotations

from fleet.domain.access import Actor, ForbiddenError, Permission


def require_operator(actor: Actor, permission: Permission) -> None:
    """ForbiddenError unless the actor has the permission and acts for the operator, not for one account."""
    actor.require(permission)
    if actor.account_id is not None:
        raise ForbiddenError("releases and rollouts are the operator's; this actor acts for one account")
