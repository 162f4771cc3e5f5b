"""A write with an Idempotency-Key happens once: the same key and request get the first answer again."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from fleet.domain.access import Actor, Errand, ForbiddenError
from fleet.domain.errors import ConflictError, FleetError, InvalidError
from fleet.services.build import Services
from fleet.services.errands import Answer

KEY_HEADER: Final = "idempotency-key"
WRITING_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KEPT_HEADERS: Final = ("content-type", "etag", "location")
KEY_FORM: Final = re.compile(r"[\x21-\x7e]{1,128}")
MAX_KEPT_BODY_BYTES: Final = 256 * 1024


Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class KeyReusedError(InvalidError):
    """The key was used for another request before."""

    code = "idempotency_key_reused"


class AnswerLostError(ConflictError):
    """The request was carried out, or is being carried out now, and its answer is not kept (yet)."""

    code = "answer_lost"


async def errand_of(request: Request) -> Errand:
    """The request as its sender names it; InvalidError for a key of the wrong form."""
    key = request.headers[KEY_HEADER]
    if not KEY_FORM.fullmatch(key):
        raise InvalidError(f"Idempotency-Key is 1 to 128 visible ASCII characters, got {key[:140]!r}")
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    digest.update(await request.body())
    return Errand(key, digest.digest(), secrets.token_hex(8))


async def run_once(
    services: Services, actor: Actor, handler: Handler, request: Request, keeps_answer: bool
) -> Response:
    """The kept answer to the actor's errand, or `handler`'s, kept if it may be.

    A request that is refused is forgotten and may be tried again. One that breaks is not: if it was carried out
    before it broke, its record stands, and else there is none.
    """
    errand = actor.errand
    if errand is None:
        raise ValueError("run_once needs an actor with an errand")
    errands = services.errands
    known = await run_in_threadpool(errands.find, actor, errand.key)
    if known is not None:
        return _replay(known.answer, known.digest, errand)
    try:
        response = await handler(request)
    except (FleetError, ForbiddenError, HTTPException, RequestValidationError):
        await run_in_threadpool(errands.forget, actor, errand)
        raise
    body = bytes(response.body) if hasattr(response, "body") else None
    if response.status_code >= 400:
        await run_in_threadpool(errands.forget, actor, errand)
    elif keeps_answer and body is not None and len(body) <= MAX_KEPT_BODY_BYTES:
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        await run_in_threadpool(errands.keep, actor, errand, Answer(response.status_code, headers, body))
    return response


def _replay(answer: Answer | None, digest: bytes, errand: Errand) -> Response:
    if digest != errand.digest:
        raise KeyReusedError(f"Idempotency-Key {errand.key!r} was used for another request; choose a new key")
    if answer is None:
        raise AnswerLostError(
            f"the request with Idempotency-Key {errand.key!r} was carried out, its answer is not kept: read it"
        )
    return Response(answer.body, answer.status, {**answer.headers, "Idempotency-Replayed": "true"})
