"""Who may do what: roles are sets of permissions, an actor has roles and a scope."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """What a route may demand, as `subject:action`."""

    UNIT_READ = "unit:read"
    UNIT_PROVISION = "unit:provision"
    STATION_OPERATE = "station:operate"
    UNIT_MANAGE = "unit:manage"
    UNIT_CLAIM = "unit:claim"
    CHANNEL_CHOOSE = "channel:choose"
    CLONE_ALARM_RESOLVE = "clone_alarm:resolve"
    MAC_MANAGE = "mac:manage"
    ACCOUNT_READ = "account:read"
    ACCOUNT_MANAGE = "account:manage"
    ACCOUNT_CLOSE = "account:close"
    ADMINISTRATOR_APPOINT = "administrator:appoint"
    ORDER_MANAGE = "order:manage"
    SHIPMENT_MANAGE = "shipment:manage"
    TERM_READ = "term:read"
    RMA_READ = "rma:read"
    RMA_MANAGE = "rma:manage"
    RETURN_RECEIVE = "return:receive"
    CANCELLATION_READ = "cancellation:read"
    CANCELLATION_MANAGE = "cancellation:manage"
    SERVICE_SUSPEND = "service:suspend"
    SERVICE_END = "service:end"
    LOCATION_READ = "location:read"
    LOCATION_MANAGE = "location:manage"
    NUMBER_READ = "number:read"
    NUMBER_MANAGE = "number:manage"
    NETWORK_MANAGE = "network:manage"
    VOICE_READ = "voice:read"
    VOICE_MANAGE = "voice:manage"
    SUBSCRIBER_READ = "subscriber:read"
    CALL_READ = "call:read"
    METERING_READ = "metering:read"
    METERING_MANAGE = "metering:manage"
    USE_READ = "use:read"
    USE_REVIEW = "use:review"
    DESTINATION_READ = "destination:read"
    DESTINATION_BLOCK = "destination:block"
    CHARGE_READ = "charge:read"
    POLICY_READ = "policy:read"
    POLICY_MANAGE = "policy:manage"
    RELEASE_READ = "release:read"
    RELEASE_PUBLISH = "release:publish"
    ROLLOUT_READ = "rollout:read"
    ROLLOUT_MANAGE = "rollout:manage"
    ROLLOUT_APPROVE = "rollout:approve"
    PEOPLE_MANAGE = "people:manage"
    PERSON_OWN = "person:own"
    TOKEN_OWN = "token:own"  # noqa: S105 - the name of a permission, no secret
    AUDIT_READ = "audit:read"
    METRICS_READ = "metrics:read"
    OUTBOX_MANAGE = "outbox:manage"


class Role(StrEnum):
    """The operator's people, and an account's own Administrators."""

    VIEWER = "viewer"
    WAREHOUSE = "warehouse"
    SUPPORT = "support"
    RELEASE_MANAGER = "release_manager"
    APPROVER = "approver"
    FINANCE = "finance"
    REGISTRAR = "registrar"  # a machine's: the list of accounts it lets in, and nothing else
    MONITOR = "monitor"  # a machine's: figures without names, and nothing else
    ADMIN = "admin"
    ACCOUNT_ADMINISTRATOR = "account_administrator"


_P = Permission
_READ = frozenset({_P.UNIT_READ, _P.RELEASE_READ, _P.ROLLOUT_READ, _P.TOKEN_OWN, _P.PERSON_OWN})

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _READ,
    Role.WAREHOUSE: _READ | {_P.UNIT_PROVISION, _P.STATION_OPERATE, _P.SHIPMENT_MANAGE, _P.RMA_READ, _P.RETURN_RECEIVE},
    Role.SUPPORT: _READ
    | {_P.ACCOUNT_READ, _P.ACCOUNT_MANAGE, _P.ORDER_MANAGE, _P.TERM_READ, _P.RMA_READ, _P.RMA_MANAGE, _P.UNIT_MANAGE}
    | {_P.CLONE_ALARM_RESOLVE, _P.CHANNEL_CHOOSE}
    | {_P.POLICY_READ, _P.CANCELLATION_READ, _P.CANCELLATION_MANAGE, _P.SERVICE_SUSPEND, _P.ACCOUNT_CLOSE}
    | {_P.LOCATION_READ, _P.LOCATION_MANAGE, _P.NUMBER_READ, _P.NUMBER_MANAGE}
    | {_P.VOICE_READ, _P.CALL_READ, _P.USE_READ, _P.USE_REVIEW, _P.DESTINATION_READ, _P.DESTINATION_BLOCK}
    | {_P.METERING_READ},
    Role.RELEASE_MANAGER: _READ | {_P.RELEASE_PUBLISH, _P.ROLLOUT_MANAGE},
    Role.APPROVER: _READ | {_P.ROLLOUT_APPROVE},
    Role.FINANCE: _READ
    | {_P.ACCOUNT_READ, _P.TERM_READ, _P.RMA_READ, _P.CHARGE_READ, _P.POLICY_READ, _P.AUDIT_READ}
    | {_P.CANCELLATION_READ, _P.SERVICE_SUSPEND, _P.SERVICE_END, _P.METERING_READ, _P.METERING_MANAGE},
    Role.REGISTRAR: frozenset({_P.SUBSCRIBER_READ}),
    Role.MONITOR: frozenset({_P.METRICS_READ}),
    Role.ADMIN: frozenset(_P),
    Role.ACCOUNT_ADMINISTRATOR: frozenset(
        {_P.UNIT_READ, _P.ACCOUNT_READ, _P.TERM_READ, _P.RMA_READ, _P.CHARGE_READ, _P.TOKEN_OWN, _P.CANCELLATION_READ}
        | {_P.PERSON_OWN, _P.ACCOUNT_CLOSE, _P.ADMINISTRATOR_APPOINT, _P.UNIT_CLAIM, _P.CHANNEL_CHOOSE}
        | {_P.LOCATION_READ, _P.LOCATION_MANAGE, _P.NUMBER_READ}
        | {_P.CALL_READ, _P.DESTINATION_READ, _P.METERING_READ}
    ),
}


class ActorKind(StrEnum):
    PERSON = "person"
    TOKEN = "token"  # noqa: S105
    UNIT = "unit"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Errand:
    """A request its sender may repeat: `key` is the sender's name for it, `digest` what it asks, `attempt` this try."""

    key: str
    digest: bytes
    attempt: str


@dataclass(frozen=True, slots=True)
class Seen:
    """The version of what a write goes to, as its sender saw it last (`If-Match`)."""

    reference: str
    version: int


class ForbiddenError(Exception):
    """The actor lacks the permission, or the thing lies outside its scope."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: `reference` is what the audit keeps (a person's, token's or unit's id, never a name).

    `account_id` is None for the operator's own people and machines, who see every account; an Administrator sees that
    account alone. `owner` is the person a token is of. `operator` is the person who works at the station that acts, by
    their badge: the audit keeps both. `errand` makes the unit of work remember the request with the change, so that a
    repeated request changes nothing; `seen` makes it refuse a change of what has changed since.
    """

    kind: ActorKind
    reference: str
    permissions: frozenset[Permission]
    account_id: int | None = None
    owner: str = ""
    operator: str = ""
    errand: Errand | None = None
    seen: Seen | None = None

    def require(self, permission: Permission) -> None:
        """Raise ForbiddenError unless the actor has `permission`."""
        if permission not in self.permissions:
            raise ForbiddenError(f"this needs {permission}; {self.kind} {self.reference} has it not")

    def require_over(self, roles: frozenset[Role]) -> None:
        """Raise ForbiddenError if `roles` permit what the actor may not: nobody gives or takes over such rights."""
        beyond = permissions_of(roles) - self.permissions
        if beyond:
            missing = ", ".join(sorted(beyond))
            raise ForbiddenError(f"this is beyond the rights of {self.kind} {self.reference}, which lacks {missing}")

    def sees_account(self, account_id: int | None) -> bool:
        """Whether rows of that account (None: of no account) are in the actor's scope."""
        return self.account_id is None or self.account_id == account_id


def permissions_of(roles: frozenset[Role]) -> frozenset[Permission]:
    """The union of what the roles permit."""
    return frozenset().union(*(ROLE_PERMISSIONS[role] for role in roles))


def roles_of(actor: Actor) -> frozenset[Role]:
    """The roles all of whose rights the actor has: a token decides what the person it is of might."""
    return frozenset(role for role, rights in ROLE_PERMISSIONS.items() if rights <= actor.permissions)


def system_actor(name: str) -> Actor:
    """The fleet's own machinery: gateway, scheduler, worker."""
    return Actor(ActorKind.SYSTEM, name, frozenset(Permission))


def unit_actor(serial: str) -> Actor:
    """A unit that acts through the gateway."""
    return Actor(ActorKind.UNIT, serial, frozenset())
