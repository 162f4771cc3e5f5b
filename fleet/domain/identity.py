"""Who may connect to the broker, and to which topics: one pure decision, refused unless all is right.

- A certificate from the device CA opens a unit's own topics if its identity is the current one, the unit is
  not revoked, and the MQTT client id is the certificate's serial number.
- A quarantined unit may say who it is and hear the answer, nothing more.
- A certificate from the gateway CA opens the gateway's topics; a CN alone never does.
- Units are refused until every gateway listens: the broker keeps a message only while somebody is interested.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Issuer(StrEnum):
    """Which of our authorities signed a peer's certificate."""

    DEVICES = "devices"
    GATEWAYS = "gateways"


class Refusal(StrEnum):
    """Why a connection is refused; counted and logged, never told to the peer."""

    NO_CERTIFICATE = "no_certificate"
    FOREIGN_ISSUER = "foreign_issuer"
    MALFORMED = "malformed"
    WRONG_CLIENT_ID = "wrong_client_id"
    UNKNOWN = "unknown"
    DEAD_IDENTITY = "dead_identity"
    REVOKED = "revoked"
    GATEWAY_AWAY = "gateway_away"
    UNAVAILABLE = "unavailable"


class Standing(StrEnum):
    """What the fleet's records say of the identity a certificate claims."""

    GOOD = "good"
    QUARANTINED = "quarantined"
    REVOKED = "revoked"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Peer:
    """What a connecting client proved: who signed its certificate, its CN, and the certificate's SHA-256."""

    issuer: Issuer
    common_name: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Identity:
    """The fleet's record of one certificate."""

    serial: str
    fingerprint: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Permissions:
    """The NATS subjects a client may publish and subscribe; `.` stands for MQTT's `/`."""

    name: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


_REFUSED = {Standing.DEAD: Refusal.DEAD_IDENTITY, Standing.REVOKED: Refusal.REVOKED}
_DELIVERIES = "$MQTT.sub.>"  # where the broker hands QoS 1 messages to a session
_GATEWAYS = "pt.1.gateway"


def gateway_subject(name: str) -> str:
    """Where gateway `name` says that it listens to everything it should."""
    return f"{_GATEWAYS}.{name}.ready"


GATEWAYS_READY = gateway_subject("*")


def decide(peer: Peer, client_id: str, identity: Identity | None, gateways_listen: bool) -> Permissions | Refusal:
    """The permissions of `peer`, or why it has none. `identity` is the record of its fingerprint, if there is one."""
    if client_id != peer.common_name:
        return Refusal.WRONG_CLIENT_ID
    if peer.issuer is Issuer.GATEWAYS:
        return _gateway_permissions(client_id)
    if identity is None or identity.fingerprint != peer.fingerprint or identity.serial != peer.common_name:
        return Refusal.UNKNOWN
    if identity.standing in _REFUSED:
        return _REFUSED[identity.standing]
    if not gateways_listen:
        return Refusal.GATEWAY_AWAY
    return _unit_permissions(identity.serial, identity.standing)


def _unit_permissions(serial: str, standing: Standing) -> Permissions:
    kinds = "register" if standing is Standing.QUARANTINED else ">"
    own = f"pt.1.*.{serial}"
    return Permissions(serial, (f"{own}.up.{kinds}",), (f"{own}.down", f"{own}.down.>", _DELIVERIES))


def _gateway_permissions(name: str) -> Permissions:
    return Permissions(name, ("pt.1.*.*.down", gateway_subject(name)), ("pt.1.*.*.up.*", _DELIVERIES))
