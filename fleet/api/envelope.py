"""What every answer carries: a request id, security headers, and a line in the access log without query or body."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Final
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fleet.api.problems import problem_of

log = logging.getLogger("plugtone.access")

REQUEST_ID_FORM: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")

TOO_LARGE: Final = 413

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
TRANSPORT_SECURITY: Final = "max-age=31536000"


class Envelope:
    """ASGI middleware, the outermost one; an answer's own headers win over the defaults."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    @staticmethod
    async def _refuse_body(request_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        """The framework's limit answers in plain text; ours is a problem as any other."""
        detail = "the body is larger than this address takes"
        response = problem_of(request_id, TOO_LARGE, "content_too_large", detail)
        response.headers.update({"X-Request-Id": request_id, **HEADERS})
        await response(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = given.decode() if REQUEST_ID_FORM.fullmatch(given) else secrets.token_hex(8)
        scope["plugtone.request_id"] = request_id
        started = time.perf_counter()
        status = 0

        async def send_enveloped(message: Message) -> None:
            nonlocal status
            if status == TOO_LARGE:
                return  # the answer was replaced
            if message["type"] == "http.response.start":
                status = message["status"]
                if status == TOO_LARGE:
                    await self._refuse_body(request_id, scope, receive, send)
                    return
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", TRANSPORT_SECURITY)
            await send(message)

        try:
            await self._app(scope, receive, send_enveloped)
        finally:
            elapsed_ms = (time.perf_counter() - started) * 1000
            path = quote(scope["path"])  # it was decoded, and a line break in it would forge a line
            log.info("%s %s %s %d %.1f ms", request_id, scope["method"], path, status, elapsed_ms)
