"""A webhook is a signed POST: HMAC-SHA256 over time, delivery id and body; receivers drop ids they have seen."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import Final

import httpx

from fleet.domain.delivery import DeliveryError, Letter

TIMEOUT_S: Final = 10
SIGNATURE_HEADER: Final = "Plugtone-Signature"
DELIVERY_HEADER: Final = "Plugtone-Delivery"
MAX_SKEW_S: Final = 300
GONE: Final = 410  # RFC 9110 15.5.11: the receiver wants no more


def sign(secret: str, timestamp: int, delivery: str, body: bytes) -> str:
    """The signature header's value: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.delivery.body">`."""
    signed = f"{timestamp}.{delivery}.".encode() + body
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def verify(secret: str, header: str, delivery: str, body: bytes, now_s: int) -> bool:
    """Whether `header` signs this delivery, no more than MAX_SKEW_S ago; what a receiver does."""
    stamp = header.partition(",")[0].removeprefix("t=")
    if not stamp.isdecimal() or abs(now_s - int(stamp)) > MAX_SKEW_S:
        return False
    return hmac.compare_digest(header, sign(secret, int(stamp), delivery, body))


class WebhookCourier:
    """Posts letters of kind `webhook` as JSON: {id, key, data}."""

    kind = "webhook"

    def __init__(self, url: str, secret: str, client: httpx.Client, clock: Callable[[], datetime]) -> None:
        self._url = url
        self._secret = secret
        self._client = client
        self._clock = clock

    def deliver(self, letter: Letter) -> None:
        """Post it; DeliveryError unless the receiver answers 2xx."""
        delivery = f"outbox-{letter.id}"
        body = json.dumps({"id": delivery, "key": letter.key, "data": letter.payload}, sort_keys=True).encode()
        headers = {
            "Content-Type": "application/json",
            DELIVERY_HEADER: delivery,
            SIGNATURE_HEADER: sign(self._secret, int(self._clock().timestamp()), delivery, body),
        }
        try:
            response = self._client.post(self._url, content=body, headers=headers, timeout=TIMEOUT_S)
        except httpx.HTTPError as error:
            raise DeliveryError(f"the webhook's receiver did not answer: {type(error).__name__}: {error}") from error
        if not response.is_success:
            message = f"the webhook's receiver answered {response.status_code}"
            raise DeliveryError(message, permanent=response.status_code == GONE)
