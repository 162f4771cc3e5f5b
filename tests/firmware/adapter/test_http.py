"""The HTTP client: any cutting of the bytes gives the same answer, and no server makes it take too much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.http import (
    MAX_ERROR_PAGE_BYTES,
    MAX_HEADERS,
    MAX_INTERIM_RESPONSES,
    MAX_LINE_BYTES,
    HttpError,
    Response,
    request,
)
from tests.conftest import RunMicroPython

LIMIT = 1000
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: 1\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
RANGE = b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 3-4/5\r\nContent-Length: 2\r\n\r\nlo"


def taken(data: bytes, cuts: list[int] | None = None, offset: int = 0, limit: int = LIMIT) -> tuple[Response, bytes]:
    body = bytearray()
    response = Response(body.extend, limit, offset)
    at = 0
    for cut in [*sorted(cuts or []), len(data)]:
        if response.done:
            break
        response.feed(data[at:cut])
        at = cut
    return response, bytes(body)


def test_a_request_names_host_and_range() -> None:
    assert request("fleet", "/a") == b"GET /a HTTP/1.1\r\nHost: fleet\r\nAccept-Encoding: identity\r\n\r\n"
    assert b"\r\nRange: bytes=7-\r\n" in request("fleet", "/a", 7)


@pytest.mark.parametrize(
    ("host", "path"), [("h", "a"), ("h", "/a b"), ("h", "/a\r\nX: y"), ("h\n", "/"), ("", "/"), ("h", "/é")]
)
def test_nothing_can_be_smuggled_into_a_request(host: str, path: str) -> None:
    with pytest.raises(HttpError):
        request(host, path)


@given(
    st.sampled_from([OK, CHUNKED, EARLY + OK, OK.replace(b"\r\n", b"\n")]), st.lists(st.integers(0, 130), max_size=9)
)
def test_however_the_bytes_are_cut_the_body_is_the_same(data: bytes, cuts: list[int]) -> None:
    response, body = taken(data, [min(cut, len(data)) for cut in cuts])
    assert (response.status, response.done, response.keep_alive, response.rest, body) == (
        200,
        True,
        True,
        b"",
        b"hello",
    )


def test_bytes_after_the_response_are_kept() -> None:
    response, _ = taken(OK + b"HTTP/1.1")
    assert response.rest == b"HTTP/1.1"


def test_a_range_gives_what_is_left() -> None:
    response, body = taken(RANGE, offset=3)
    assert (response.is_success, body) == (True, b"lo")


def test_a_server_without_ranges_is_read_from_the_start_and_skipped() -> None:
    for data in (OK, CHUNKED):
        response, body = taken(data, [60, 90], offset=3, limit=2)
        assert (response.is_success, body) == (True, b"lo")


def test_an_errors_page_is_read_over() -> None:
    response, body = taken(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000)
    assert (response.status, response.is_success, response.done, body) == (404, False, True, b"")


def test_an_errors_page_has_a_bound() -> None:
    head = b"HTTP/1.1 503 Later\r\nTransfer-Encoding: chunked\r\n\r\n"
    page = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    assert not taken(head + page * (MAX_ERROR_PAGE_BYTES // 4096))[0].done
    with pytest.raises(HttpError, match="status 503 with more than 65536 bytes"):
        taken(head + page * (MAX_ERROR_PAGE_BYTES // 4096 + 1))


def test_connections_end_when_the_server_says_so() -> None:
    assert not taken(OK.replace(b"Content", b"Connection: Close\r\nContent"))[0].keep_alive
    assert not taken(OK.replace(b"HTTP/1.1", b"HTTP/1.0"))[0].keep_alive


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_a_response_without_a_body_is_whole_at_once(status: bytes) -> None:
    assert taken(b"HTTP/1.1 " + status + b"\r\n\r\n")[0].done


HEAD = b"HTTP/1.1 200 OK\r\n"
BROKEN = {
    "no status line": b"hello\r\n",
    "another protocol": b"HTTP/2 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 2x0 OK\r\n\r\n",
    "endless line": HEAD + b"X: " + b"y" * MAX_LINE_BYTES,
    "endless headers": HEAD + b"X: y\r\n" * (MAX_HEADERS + 1),
    "endless trailers": CHUNKED[:-2] + b"X: y\r\n" * (MAX_HEADERS + 1),
    "endless interim responses": EARLY * (MAX_INTERIM_RESPONSES + 1),
    "switched protocols": b"HTTP/1.1 101 Switching\r\n\r\n",
    "header without a colon": HEAD + b"oops\r\n",
    "header with a space": HEAD + b"Content-Length : 5\r\n\r\nhello",
    "folded header": HEAD + b"X: y\r\n z\r\n\r\n",
    "no length": HEAD + b"\r\n",
    "negative length": HEAD + b"Content-Length: -5\r\n\r\n",
    "odd length": HEAD + b"Content-Length: 5, 5\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "length and chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "unknown transfer coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "compressed": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n",
    "bad chunk size": CHUNKED.replace(b"\r\n3\r\n", b"\r\n-3\r\n"),
    "huge chunk size": CHUNKED.replace(b"\r\n3\r\n", b"\r\n00000000000000000003\r\n"),
    "no end of chunk": CHUNKED.replace(b"hel\r\n", b"hello\r\n"),
    "too long a body": HEAD + b"Content-Length: 2000\r\n\r\n" + b"x" * 1001,
    "too many chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"20\r\n" + b"x" * 32 + b"\r\n20\r\n" * 1
    + (b"x" * 32 + b"\r\n20\r\n") * 40,
}  # fmt: skip


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_breaks_http_or_a_bound_is_refused(data: bytes) -> None:
    with pytest.raises(HttpError):
        taken(data)
    with pytest.raises(HttpError):
        taken(data, list(range(len(data))))


@pytest.mark.parametrize(
    "given_range",
    [b"", b"Content-Range: bytes 2-4/5\r\n", b"Content-Range: bytes */5\r\n", b"Content-Range: x 3-4/5\r\n"],
)
def test_a_range_nobody_asked_for_is_refused(given_range: bytes) -> None:
    with pytest.raises(HttpError):
        taken(RANGE.replace(b"Content-Range: bytes 3-4/5\r\n", given_range), offset=3)


def test_a_range_without_asking_is_no_success() -> None:
    assert not taken(RANGE.replace(b"3-4", b"0-1"))[0].is_success


@pytest.mark.parametrize("at", range(1, len(OK)))
def test_a_connection_closed_too_early_is_an_error(at: int) -> None:
    response, _ = taken(OK[:at])
    with pytest.raises(HttpError, match="closed"):
        response.closed()


@given(st.binary(max_size=300))
def test_no_bytes_break_the_client(data: bytes) -> None:
    try:
        response, body = taken(b"HTTP/1.1 200 OK\r\n" + data)
    except HttpError:
        return
    assert len(body) <= LIMIT
    assert response.status == 200


SCRIPT = """
import sys
from binascii import unhexlify
from adapter.http import HttpError, Response
for line in sys.stdin.read().split():
    data = unhexlify(line)
    for step in (len(data), 1, 7):
        body = bytearray()
        response = Response(body.extend, 1000)
        try:
            for at in range(0, len(data), step):
                if not response.done:
                    response.feed(data[at : at + step])
            print(response.done, response.status, len(body))
        except HttpError:
            print("refused")
"""


def test_micropython_reads_the_same(micropython: RunMicroPython) -> None:
    printed = micropython(SCRIPT, stdin="\n".join(data.hex() for data in [OK, CHUNKED, EARLY + OK, *BROKEN.values()]))
    assert printed.splitlines() == ["True 200 5"] * 9 + ["refused"] * 3 * len(BROKEN)
