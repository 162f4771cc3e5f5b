"""Specification 5.7 through the command: what an artifact has to be, and where it goes."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.firmware.tuf_client.conftest import Client
from tests.firmware.tuf_client.repository import TOP_LEVEL, Repository

NAME = "folder/some file.img"
LOCAL = "folder%2Fsome%20file.img"


def artifact_requests(repository: Repository) -> int:
    return sum(path.startswith("targets/") for path in repository.asked)


def offer(repository: Repository, data: bytes, name: str = NAME, **how: Any) -> None:
    repository.add("targets", name, data, **how)
    repository.release()


def test_a_download_refreshes_first_and_fetches_by_hash(client: Client, repository: Repository) -> None:
    offer(repository, b"data" * 50_000)
    ended = client.download(NAME)
    assert ended.status == 0, ended.complaint
    assert client.fetched() == {LOCAL: b"data" * 50_000}
    digest = repository.targets.targets[NAME].hashes["sha256"]
    assert repository.asked[-1] == f"targets/folder/{digest}.some%20file.img"
    assert client.versions() == dict.fromkeys(TOP_LEVEL, 2) | {"root": 1}


def test_a_target_nobody_lists_is_not_found_but_the_metadata_is_fresh(client: Client, repository: Repository) -> None:
    ended = client.download("nothing")
    assert ended.status == 1
    assert "no role lists a target nothing" in ended.complaint
    assert client.versions() == dict.fromkeys(TOP_LEVEL, 1)
    assert artifact_requests(repository) == 0


def test_an_artifact_that_is_here_is_not_fetched_again(client: Client, repository: Repository) -> None:
    offer(repository, b"data")
    for _ in range(2):
        assert client.download(NAME).status == 0
    assert artifact_requests(repository) == 1
    (client.artifacts / LOCAL).write_bytes(b"DATA")  # damaged, and of the right length
    assert client.download(NAME).status == 0
    assert client.fetched() == {LOCAL: b"data"}
    assert artifact_requests(repository) == 2


def test_a_newer_artifact_takes_the_place_of_the_older(client: Client, repository: Repository) -> None:
    for data in (b"first", b"the second"):
        offer(repository, data)
        assert client.download(NAME).status == 0
        assert client.fetched() == {LOCAL: data}


@pytest.mark.parametrize(
    "served", [b"DATA", b"dat", b"data and more", b"", None], ids=["other", "cut", "long", "empty", "none"]
)
@pytest.mark.parametrize("had_before", [False, True])
def test_an_artifact_that_is_not_what_was_signed_for_is_refused(
    client: Client, repository: Repository, served: bytes | None, had_before: bool
) -> None:
    before = {}
    if had_before:
        offer(repository, b"older")
        assert client.download(NAME).status == 0
        before = {LOCAL: b"older"}
    offer(repository, b"data")
    (path,) = repository.artifact_paths(NAME, repository.targets.targets[NAME])
    repository.files.pop(path)
    if served is not None:
        repository.files[path] = served
    assert client.download(NAME).status == 1
    assert client.fetched() == before


def test_several_targets_are_fetched_in_turn_until_one_fails(client: Client, repository: Repository) -> None:
    for name in ("first", "second", "fourth"):
        repository.add("targets", name, name.encode())
    repository.release()
    assert client.download("second", "first", "third", "fourth").status == 1
    assert client.fetched() == {"second": b"second", "first": b"first"}
    assert repository.asked.count("metadata/timestamp.json") == 1


@pytest.mark.parametrize("suffix", [".part", "%part", ".new", ".tmp", "%2E", "~"])
def test_a_download_that_fails_leaves_every_other_artifact(client: Client, repository: Repository, suffix: str) -> None:
    """Where the bytes lie before they are verified is no other artifact's place."""
    for name in ("file", "file" + suffix):
        repository.add("targets", name, name.encode())
    repository.release()
    assert client.download("file" + suffix).status == 0
    before = client.fetched()
    (path,) = repository.artifact_paths("file", repository.targets.targets["file"])
    repository.files[path] = b"evil"
    assert client.download("file").status == 1
    assert client.fetched() == before


def test_an_artifact_without_a_name_leaves_nothing(client: Client, repository: Repository) -> None:
    offer(repository, b"data", "")
    assert client.download("").status == 1
    assert client.fetched() == {}


@pytest.mark.parametrize("hashes", [("sha256",), ("sha512",), ("sha256", "sha512")], ids="+".join)
def test_sha256_and_sha512_are_known(client: Client, repository: Repository, hashes: tuple[str, ...]) -> None:
    offer(repository, b"data", hashes=hashes)
    assert client.download(NAME).status == 0
    assert client.fetched() == {LOCAL: b"data"}


@pytest.mark.parametrize("wrong", ["sha256", "sha512"])
def test_every_hash_that_is_known_has_to_fit(client: Client, repository: Repository, wrong: str) -> None:
    repository.add("targets", NAME, b"data", ("sha256", "sha512"))
    hashes = repository.targets.targets[NAME].hashes
    hashes[wrong] = hashes[wrong][::-1]
    for path in repository.artifact_paths(NAME, repository.targets.targets[NAME]):
        repository.files[path] = b"data"
    repository.release()
    ended = client.download(NAME)
    assert ended.status == 1
    assert "HashError" in ended.complaint
    assert client.fetched() == {}


def test_a_hash_that_is_not_known_vouches_for_nothing(client: Client, repository: Repository) -> None:
    repository.add("targets", NAME, b"data")
    hashes = repository.targets.targets[NAME].hashes
    hashes["blake9"] = hashes.pop("sha256")
    repository.release()
    assert client.download(NAME).status == 1
    assert client.fetched() == {}


@pytest.mark.parametrize(
    "name", ["../up", "/abs", ".", "..", "a?b", "a#b", "100%", "a+b@c:d", "é€", "a\nb", "-x", "n" * 200]
)
def test_odd_target_names_stay_in_their_folder(client: Client, repository: Repository, name: str) -> None:
    offer(repository, b"data", name)
    ended = client.download(name)
    assert ended.status == 0, ended.complaint
    local = quote(name, "") if name not in (".", "..") else name.replace(".", "%2E")
    assert client.fetched() == {local: b"data"}
    assert {path.name for path in client.folder.iterdir()} == {"metadata", "artifacts"}
