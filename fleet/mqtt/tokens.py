"""NATS JWTs (`ed25519-nkey`): reads a server's authorisation request, writes the signed answer to it."""

from __future__ import annotations

import json
from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import nkeys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fleet.domain.identity import Permissions, Refusal

MAX_REQUEST_BYTES = 64 * 1024
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
_UNLIMITED = -1


class TokenError(ValueError):
    """A token that is not what the broker sends."""


@dataclass(frozen=True, slots=True)
class ConnectionRequest:
    """What the broker tells of a client that wants in. `certificate_pem` is empty if it verified none."""

    server_id: str
    user_key: str
    client_id: str
    certificate_pem: str
    connection_type: str
    host: str


def read_request(token: bytes) -> ConnectionRequest:
    """The request in `token`, whose signature is the asking server's own; TokenError for any other."""
    if len(token) > MAX_REQUEST_BYTES:
        raise TokenError(f"a request has at most {MAX_REQUEST_BYTES} bytes, got {len(token)}")
    try:
        header, body, signature = token.split(b".")
        claims = json.loads(_decode(body))
        if json.loads(_decode(header)) != _HEADER:
            raise TokenError("a request is signed with ed25519-nkey")
        nats = claims["nats"]
        server_id = nats["server_id"]["id"]
        _check_signature(str(claims["iss"]), server_id, header + b"." + body, _decode(signature))
        client = nats["client_info"]
        chains = nats.get("client_tls", {}).get("verified_chains") or [[""]]
        return ConnectionRequest(
            server_id=server_id,
            user_key=nats["user_nkey"],
            client_id=client.get("mqtt_id", ""),
            certificate_pem=chains[0][0],
            connection_type=client.get("type", ""),
            host=client.get("host", ""),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise TokenError(f"not an authorisation request of the broker: {error}") from error


def allow(key: nkeys.KeyPair, request: ConnectionRequest, permissions: Permissions, account: str, now_s: int) -> bytes:
    """The answer that lets `request` into `account` with `permissions`, over MQTT only."""
    user = {
        "pub": {"allow": list(permissions.publish)},
        "sub": {"allow": list(permissions.subscribe)},
        "subs": _UNLIMITED,
        "data": _UNLIMITED,
        "payload": _UNLIMITED,
        "allowed_connection_types": ["MQTT"],
        "type": "user",
        "version": 2,
    }
    claims = {"aud": account, "sub": request.user_key, "name": permissions.name, "nats": user}
    return _answer(key, request, {"jwt": _sign(key, claims, now_s).decode()}, now_s)


def refuse(key: nkeys.KeyPair, request: ConnectionRequest, reason: Refusal, now_s: int) -> bytes:
    """The answer that keeps `request` out."""
    return _answer(key, request, {"error": reason.value}, now_s)


def public_key(key: nkeys.KeyPair) -> str:
    """The nkey's public half, as NATS writes it."""
    return bytes(key.public_key).decode()


def _answer(key: nkeys.KeyPair, request: ConnectionRequest, answer: Mapping[str, str], now_s: int) -> bytes:
    nats = {**answer, "type": "authorization_response", "version": 2}
    return _sign(key, {"aud": request.server_id, "sub": request.user_key, "nats": nats}, now_s)


def _sign(key: nkeys.KeyPair, claims: dict[str, Any], now_s: int) -> bytes:
    claims = {"iss": public_key(key), "iat": now_s, **claims}
    claims["jti"] = b32encode(sha256(json.dumps(claims).encode()).digest()).decode().rstrip("=")
    signed = _encode(_HEADER) + b"." + _encode(claims)
    return signed + b"." + urlsafe_b64encode(key.sign(signed)).rstrip(b"=")


def _check_signature(issuer: str, server_id: str, signed: bytes, signature: bytes) -> None:
    if issuer != server_id or not issuer.startswith("N"):
        raise TokenError(f"signed by {issuer!r}, not by server {server_id!r}")
    raw = b32decode(issuer)[1:33]  # a prefix byte, the key, two bytes of CRC
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, signed)
    except InvalidSignature as error:
        raise TokenError(f"the signature is not server {server_id}'s") from error


def _encode(value: Mapping[str, Any]) -> bytes:
    return urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=")


def _decode(part: bytes) -> bytes:
    return urlsafe_b64decode(part + b"=" * (-len(part) % 4))
