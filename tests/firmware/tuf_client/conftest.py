"""A server on loopback for all repositories of a session, and the command under test."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.conftest import REPOSITORY
from tests.firmware.tuf_client.repository import Repository

COMMAND = REPOSITORY / "firmware" / "tuf_client"
TIMEOUT_S = 60


class Handler(BaseHTTPRequestHandler):
    """Serves `/NUMBER/path` out of the repository of that number."""

    server: Server

    def do_GET(self) -> None:
        number, _, path = self.path.lstrip("/").partition("/")
        repository = self.server.repositories[int(number)]
        repository.asked.append(path)
        data = repository.files.get(path, repository.files.get(unquote(path)))
        if data is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data)
        except ConnectionError:
            return  # the client took no more than it wanted

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: list[Repository] = []


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def repository(server: Server) -> Repository:
    made = Repository()
    server.repositories.append(made)
    return made


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    said: str
    complaint: str


class Client:
    """The command with its folders; `url` is the repository's."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.metadata = folder / "metadata"
        self.artifacts = folder / "artifacts"
        self.metadata.mkdir()
        self.artifacts.mkdir()
        self.url = url

    def run(self, *words: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None) -> Ended:
        done = subprocess.run(
            [COMMAND, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            cwd=cwd,
            env=environment or dict(os.environ),
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def init(self, root: bytes) -> Ended:
        path = self.folder / "first root.json"
        path.write_bytes(root)
        return self.run("--metadata-dir", self.metadata, "init", path)

    def refresh(self) -> Ended:
        return self.run("--metadata-dir", self.metadata, "--metadata-url", f"{self.url}/metadata", "refresh")

    def download(self, *names: str) -> Ended:
        wanted = [word for name in names for word in ("--target-name", name)]
        places = ("--target-base-url", f"{self.url}/targets/", "--target-dir", str(self.artifacts))
        metadata = ("--metadata-url", f"{self.url}/metadata/", "--metadata-dir", str(self.metadata))
        return self.run(*metadata, *wanted, *places, "download")

    def stored(self) -> dict[str, bytes]:
        """Trusted files by name."""
        return {path.name: path.read_bytes() for path in self.metadata.iterdir()}

    def versions(self) -> dict[str, int]:
        """Trusted versions by role (as its file is named)."""
        return {
            name.removesuffix(".json"): json.loads(data)["signed"]["version"] for name, data in self.stored().items()
        }

    def fetched(self) -> dict[str, bytes]:
        """Artifacts by file name."""
        return {path.name: path.read_bytes() for path in self.artifacts.iterdir()}


@pytest.fixture
def fresh(server: Server, repository: Repository, tmp_path: Path) -> Client:
    """A client of `repository` that trusts nothing yet."""
    port, number = server.server_address[1], server.repositories.index(repository)
    return Client(tmp_path, f"http://127.0.0.1:{port}/{number}")


@pytest.fixture
def client(fresh: Client, repository: Repository) -> Client:
    """A client that was given the first root."""
    (fresh.metadata / "root.json").write_bytes(repository.file("root"))  # as init does, but for the process
    return fresh
