"""Fetches the command's files over plain HTTP: one connection a file, every wait and every length bounded."""

import socket
import time

from adapter.errors import AdapterError
from adapter.http import Response, request
from adapter.update.errors import NetworkError, UpdateError

_SILENCE_S = 30
_METADATA_MS = 120_000
_ARTIFACT_MS = 3_600_000
_READ_BYTES = 16_384
_MAX_ADDRESSES = 4
_ABSENT = (403, 404)  # as TUF's own client reads them
_SCHEME = "http://"
_HTTP_PORT = 80


class Server:
    """The files below `url`."""

    def __init__(self, url):
        authority, _, path = url[len(_SCHEME) :].partition("/")
        host, colon, port = authority.rpartition(":")
        if not colon:
            host, port = authority, str(_HTTP_PORT)
        if not url.startswith(_SCHEME) or not host or not port.isdigit():
            raise NetworkError("a URL such as http://host:port/path is wanted, got %s" % url)
        self._host = host.strip("[]")
        self._port = int(port)
        self._name = authority
        self._base = "/" + path if not path or path.endswith("/") else "/" + path + "/"

    def fetch(self, path, max_bytes, sink=None):
        """The file's bytes (b"" with `sink`, which gets them), None if the server does not have it; NetworkError."""
        body = bytearray()
        response = Response(sink or body.extend, max_bytes)
        until_ms = time.ticks_add(time.ticks_ms(), _ARTIFACT_MS if sink else _METADATA_MS)
        try:
            connection = self._connect()
            try:
                _send(connection, request(self._name, self._base + path))
                while not response.done:
                    if time.ticks_diff(until_ms, time.ticks_ms()) < 0:
                        raise NetworkError("%s%s takes too long" % (self._name, self._base + path))
                    data = connection.recv(_READ_BYTES)
                    if not data:
                        response.closed()
                    response.feed(data)
            finally:
                connection.close()
        except (AdapterError, OSError) as error:
            if isinstance(error, UpdateError):
                raise
            raise NetworkError("%s%s%s: %s" % (self._name, self._base, path, error))
        if response.status in _ABSENT:
            return None
        if not response.is_success:
            raise NetworkError("%s%s%s: status %d" % (self._name, self._base, path, response.status))
        return bytes(body)

    def _connect(self):
        last = None
        for address in socket.getaddrinfo(self._host, self._port, 0, socket.SOCK_STREAM)[:_MAX_ADDRESSES]:
            connection = socket.socket(address[0], socket.SOCK_STREAM)
            try:
                connection.settimeout(_SILENCE_S)
                connection.connect(address[-1])
                return connection
            except OSError as error:
                connection.close()
                last = error
        raise last or NetworkError("%s has no address" % self._host)


def _send(connection, data):
    view = memoryview(data)
    while view:
        view = view[connection.send(view) :]
