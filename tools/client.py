"""The fleet over HTTP: JSON in, JSON out, problems as errors, patient while the service restarts.

A write carries an Idempotency-Key, the same on every attempt, so that it happens once however often it is sent.
A `repeatable` write goes to a route that gives the same answer when asked the same again, and carries no key.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, BinaryIO, Final, Protocol, Self

import httpx

from tools.errors import ToolError

URL_VARIABLE: Final = "PLUGTONE_URL"
TOKEN_VARIABLE: Final = "PLUGTONE_TOKEN"  # noqa: S105 - the variable's name
DEFAULT_URL: Final = "http://127.0.0.1:8080"
OPERATOR_VARIABLE: Final = "PLUGTONE_OPERATOR"
OPERATOR_HEADER: Final = "Plugtone-Operator"
CONNECT_LIMIT_S: Final = 5.0
ANSWER_LIMIT_S: Final = 30.0
STREAM_LIMIT_S: Final = 300.0  # between two pieces of a long answer
PATIENCE_S: Final = 20.0
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0
MAX_PAGES: Final = 10_000
ANSWER_LOST: Final = "answer_lost"
# The service, or a proxy before it, is starting or stopping.
_PASSING = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class UnreachableError(ToolError):
    """The fleet service did not answer within our patience; `sent` False: it cannot have heard the question either."""

    def __init__(self, what: str, sent: bool = True) -> None:
        super().__init__(what)
        self.sent = sent


class RefusedError(ToolError):
    """The fleet service answered with a problem; `code` is its stable name, `status` the HTTP status."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class Poster(Protocol):
    """What a bench needs of a fleet: answers to writes. It may be the fleet itself, or a station without network."""

    def post(self, path: str, body: Any = None, *, repeatable: bool = False) -> Any:
        """The answer to a write."""


class FleetClient:
    """One service and one token; `patience_s` bounds how long a request is tried again."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        patience_s: float = PATIENCE_S,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = httpx.Timeout(ANSWER_LIMIT_S, connect=CONNECT_LIMIT_S)
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout, transport=transport)
        self._patience_s = patience_s
        self._sleep = sleep

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, *, patience_s: float = PATIENCE_S) -> Self:
        """The client that PLUGTONE_URL and PLUGTONE_TOKEN describe; ToolError without a token.

        PLUGTONE_OPERATOR is the badge of who works at a station, if anybody does.
        """
        token = environment.get(TOKEN_VARIABLE)
        if not token:
            raise ToolError(f"{TOKEN_VARIABLE} is not set; make a token in the console and export it")
        fleet = cls(environment.get(URL_VARIABLE, DEFAULT_URL), token, patience_s=patience_s)
        if environment.get(OPERATOR_VARIABLE):
            fleet.name_operator(environment[OPERATOR_VARIABLE])
        return fleet

    def name_operator(self, badge: str) -> None:
        """From now on every question says who works at this station."""
        self._http.headers[OPERATOR_HEADER] = badge

    def get(self, path: str, **params: Any) -> Any:
        """The resource at `path`."""
        return self._send("GET", path, {"params": params})

    def items(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, page after page."""
        for _ in range(MAX_PAGES):
            page = self.get(path, **params)
            yield from page["items"]
            if page["next"] is None:
                return
            params["cursor"] = page["next"]

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        repeatable: bool = False,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Any:
        """The answer to a write; `options` go to httpx (`files`, `data`) in place of a JSON body."""
        return self._write("POST", path, body, repeatable, headers, options)

    def post_or_read(self, path: str, body: Any, read: Callable[[], Any]) -> Any:
        """The answer to a write; where it was carried out and the service died with the answer, what `read` finds."""
        try:
            return self.post(path, body)
        except RefusedError as error:
            if error.code != ANSWER_LOST:
                raise
            return read()

    def newest(self, path: str) -> dict[str, Any]:
        """The item of a list that was made last, by the number in its id."""
        return max(self.items(path), key=lambda item: int(item["id"].rpartition("-")[2]))

    def put(
        self,
        path: str,
        body: Any = None,
        *,
        repeatable: bool = False,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Any:
        """The answer to a replacement."""
        return self._write("PUT", path, body, repeatable, headers, options)

    def patch(self, path: str, body: Any = None, *, repeatable: bool = False, **options: Any) -> Any:
        """The answer to a change."""
        return self._write("PATCH", path, body, repeatable, None, options)

    def delete(self, path: str) -> Any:
        """The answer to an end."""
        return self._write("DELETE", path, None, False, None, {})

    def download(self, path: str) -> bytes:
        """The bytes at `path`."""
        return self._answer("GET", path, {}).content

    def download_pieces(self, path: str) -> Iterator[bytes]:
        """The bytes at `path` as they come."""
        with self._http.stream("GET", path) as response:
            if not response.is_success:
                response.read()
            _checked(response)
            yield from response.iter_bytes()

    def upload_lines(self, path: str, file: BinaryIO, name: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Send a file that may be sent twice, and yield the objects of an answer that has one a line, as they come.

        The answer may be cut off at any line: whoever reads it knows its last one.
        """
        timeout = httpx.Timeout(STREAM_LIMIT_S, connect=CONNECT_LIMIT_S)
        try:
            with self._http.stream(
                "POST", path, files={"file": (name, file)}, params=params, timeout=timeout
            ) as answer:
                if not answer.is_success:
                    answer.read()
                _checked(answer)
                for line in answer.iter_lines():
                    if line:
                        yield json.loads(line)
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            raise UnreachableError(f"the answer of {self.url} was cut off: {why}; send it again") from error

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(
        self,
        method: str,
        path: str,
        body: Any,
        repeatable: bool,
        headers: Mapping[str, str] | None,
        options: dict[str, Any],
    ) -> Any:
        key = {} if repeatable else {"Idempotency-Key": secrets.token_urlsafe(18)}
        content = {} if body is None else {"json": body}
        return self._send(method, path, {**options, **content, "headers": {**key, **(headers or {})}})

    def _send(self, method: str, path: str, options: dict[str, Any]) -> Any:
        response = self._answer(method, path, options)
        try:
            return response.json() if response.content else None
        except ValueError as error:  # a portal or a proxy that answers everything
            raise UnreachableError(
                f"what answers at {self.url} is not the fleet; see the network and the address"
            ) from error

    def _answer(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        until = time.monotonic() + self._patience_s
        pause_s = FIRST_PAUSE_S
        sent = False
        while True:
            try:
                response = self._http.request(method, path, **options)
                if response.status_code not in _PASSING:
                    return _checked(response)
                why, sent = f"it answers {response.status_code}", True
            except httpx.TransportError as error:
                why = str(error) or type(error).__name__
                sent = sent or not isinstance(error, _NOT_SENT)
            if time.monotonic() + pause_s > until:
                waited = f"in {self._patience_s:.0f} s"
                raise UnreachableError(f"no answer from {self.url} {waited}: {why}; is it running?", sent)
            self._sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads out retries
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        problem = response.json()
        raise RefusedError(response.status_code, problem.get("code", ""), problem.get("detail") or problem["title"])
    raise RefusedError(
        response.status_code, "", f"{response.request.url.path} answers {response.status_code}; is this the fleet?"
    )
