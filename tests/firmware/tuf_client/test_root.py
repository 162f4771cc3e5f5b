"""Specification 5.2 and 5.3 through the command: where trust starts, and how it moves to newer keys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.firmware.tuf_client.conftest import Client
from tests.firmware.tuf_client.repository import TOP_LEVEL, Repository, days, new_key

ALL_AT_1 = dict.fromkeys(TOP_LEVEL, 1)


def test_init_trusts_a_root_and_asks_the_server_nothing(fresh: Client, repository: Repository) -> None:
    ended = fresh.init(repository.file("root"))
    assert (ended.status, ended.complaint) == (0, "")
    assert fresh.stored() == {"root.json": repository.file("root")}
    assert repository.asked == []
    assert fresh.refresh().status == 0
    assert fresh.versions() == ALL_AT_1


def without_version(root: dict[str, Any]) -> None:
    del root["signed"]["version"]


def without_signature(root: dict[str, Any]) -> None:
    root["signatures"] = []


def with_a_foreign_signature(root: dict[str, Any]) -> None:
    root["signatures"][0]["sig"] = new_key().sign(b"another text").signature


@pytest.mark.parametrize("spoil", [without_version, without_signature, with_a_foreign_signature])
def test_an_initial_root_that_is_none_is_refused_before_any_request(
    fresh: Client, repository: Repository, spoil: Any
) -> None:
    root = json.loads(repository.file("root"))
    spoil(root)
    assert fresh.init(json.dumps(root).encode()).status == 1
    assert fresh.stored() == {}
    (fresh.metadata / "root.json").write_text(json.dumps(root))
    assert fresh.refresh().status == 1
    assert repository.asked == []


def test_that_the_initial_root_expired_does_not_matter(fresh: Client, repository: Repository) -> None:
    repository.root.expires = days(-1)
    repository.publish("root", bump=False)
    first = repository.file("root")
    repository.root.expires = days(30)
    repository.publish("root")
    assert fresh.init(first).status == 0
    assert fresh.refresh().status == 0
    assert fresh.versions()["root"] == 2


def test_roots_are_asked_one_by_one_until_there_is_no_newer_one(client: Client, repository: Repository) -> None:
    for _ in range(3):
        old = repository.signers["root"]
        repository.rotate("root")
        repository.signers["root"] += old
        repository.publish("root")
    ended = client.refresh()
    assert ended.status == 0, ended.complaint
    roots = [f"metadata/{version}.root.json" for version in (2, 3, 4, 5)]
    assert repository.asked == [
        *roots,
        "metadata/timestamp.json",
        "metadata/1.snapshot.json",
        "metadata/1.targets.json",
    ]
    assert client.stored()["root.json"] == repository.file("root")
    repository.asked.clear()
    assert client.refresh().status == 0
    assert repository.asked == ["metadata/5.root.json", "metadata/timestamp.json"]


# name: [(keys, threshold, who signs) of root 1, 2 ...], and whether the last is taken
CHAINS: dict[str, tuple[list[tuple[str, int, str]], bool]] = {
    "one key for another": ([("a", 1, "a"), ("b", 1, "ab"), ("b", 1, "b")], True),
    "signatures of strangers beside": ([("a", 1, "xay"), ("b", 1, "xbay"), ("b", 1, "yb")], True),
    "other keys of the same five": ([("abcde", 3, "ace"), ("abcde", 3, "bcd"), ("abcde", 3, "dea")], True),
    "one of five": ([("abcde", 3, "ace"), ("abcdf", 3, "abd")], True),
    "one of five, the new one signs": ([("abcde", 3, "ace"), ("abcdf", 3, "abcf"), ("abcdf", 3, "adf")], True),
    "all of five": ([("abcde", 3, "ace"), ("fghij", 3, "acefgh"), ("fghij", 3, "hij")], True),
    "threshold up": ([("abc", 1, "a"), ("abc", 2, "ab")], True),
    "threshold down": ([("abc", 2, "ab"), ("abc", 1, "ab"), ("abc", 1, "c")], True),
    "a second key": ([("a", 1, "a"), ("ab", 2, "ab")], True),
    "not by the old key": ([("a", 1, "a"), ("b", 1, "bxy")], False),
    "not by the new key": ([("a", 1, "a"), ("b", 1, "axy")], False),
    "below the new threshold": ([("abcde", 3, "ace"), ("abdfg", 3, "ace")], False),
    "below the old threshold": ([("abcde", 3, "ace"), ("abdfg", 3, "afg")], False),
    "threshold up, too few sign": ([("abc", 1, "a"), ("abc", 2, "b")], False),
    "threshold down, too few sign": ([("abc", 2, "ab"), ("abc", 1, "a")], False),
    "unsigned": ([("a", 1, "a"), ("a", 1, "")], False),
}


@pytest.mark.parametrize(("chain", "taken"), CHAINS.values(), ids=CHAINS)
def test_a_root_counts_when_both_thresholds_signed_it(
    fresh: Client, repository: Repository, chain: list[tuple[str, int, str]], taken: bool
) -> None:
    signers = {letter: new_key() for letter in "abcdefghijxy"}
    for number, (keys, threshold, signing) in enumerate(chain):
        for keyid in list(repository.root.roles["root"].keyids):
            repository.root.revoke_key(keyid, "root")
        for letter in keys:
            repository.root.add_key(signers[letter].public_key, "root")
        repository.root.roles["root"].threshold = threshold
        repository.signers["root"] = [signers[letter] for letter in signing]
        repository.publish("root", bump=number > 0)
    (fresh.metadata / "root.json").write_bytes(repository.files["metadata/1.root.json"])
    ended = fresh.refresh()
    assert ended.status == (0 if taken else 1), ended.complaint
    last = len(chain) if taken else len(chain) - 1
    assert fresh.stored()["root.json"] == repository.files[f"metadata/{last}.root.json"]
    if not taken:
        assert "SignatureError" in ended.complaint
        assert list(fresh.stored()) == ["root.json"]


@pytest.mark.parametrize("version", [3, 1])
def test_a_root_of_another_version_than_its_name_says_is_refused(
    client: Client, repository: Repository, version: int
) -> None:
    repository.publish("root")
    second = repository.file("root")
    repository.root.version = version
    repository.publish("root", bump=False)
    wrong = repository.files[f"metadata/{version}.root.json"]
    repository.files["metadata/2.root.json"] = second if version == 1 else wrong
    repository.files["metadata/3.root.json"] = wrong
    ended = client.refresh()
    assert ended.status == 1
    assert "RollbackError" in ended.complaint
    assert client.versions() == {"root": 2 if version == 1 else 1}


def test_the_trusted_root_once_more_is_no_error(client: Client, repository: Repository) -> None:
    repository.files["metadata/2.root.json"] = repository.file("root")
    assert client.refresh().status == 0
    assert client.versions() == ALL_AT_1


def test_each_good_root_is_kept_before_the_next_is_looked_at(client: Client, repository: Repository) -> None:
    repository.publish("root")
    second = repository.file("root")
    repository.signers["root"] = [new_key()]
    repository.publish("root")
    assert client.refresh().status == 1
    assert client.stored() == {"root.json": second}


def test_expiry_matters_for_the_last_root_only(client: Client, repository: Repository) -> None:
    repository.root.expires = days(-1)
    repository.publish("root")
    repository.root.expires = days(30)
    repository.publish("root")
    assert client.refresh().status == 0
    before = client.stored()
    repository.root.expires = days(-1)
    repository.publish("root")
    repository.release()
    ended = client.refresh()
    assert ended.status == 1
    assert "ExpiredError" in ended.complaint
    assert client.stored() == before | {"root.json": repository.file("root")}


@pytest.mark.parametrize("rotated", [("timestamp",), ("snapshot",), ("timestamp", "snapshot")])
def test_rotated_online_keys_end_a_fast_forward(
    client: Client, repository: Repository, rotated: tuple[str, ...]
) -> None:
    """What was fast-forwarded with the old key starts again: timestamp with its key, what snapshot lists with its."""
    if "timestamp" in rotated:
        repository.signed["timestamp"].version = 2**31
    if "snapshot" in rotated:
        repository.targets.version = 2**31
    if rotated == ("timestamp", "snapshot"):
        repository.signed["snapshot"].version = 2**31
    repository.release()
    assert client.refresh().status == 0
    for role in rotated:
        repository.rotate(role)
    repository.publish("root")
    for role in ("targets", "snapshot", "timestamp"):
        repository.signed[role].version = min(repository.signed[role].version, 5)
    repository.release()
    ended = client.refresh()
    assert ended.status == 0, ended.complaint
    assert max(client.versions().values()) < 10


@pytest.mark.parametrize("said", [False, None])
def test_names_have_versions_only_where_root_says_so(fresh: Client, repository: Repository, said: bool | None) -> None:
    repository.root.consistent_snapshot = said
    repository.add("targets", "a/file", b"data")
    repository.publish("targets", "snapshot", "timestamp", "root", bump=False)
    (fresh.metadata / "root.json").write_bytes(repository.file("root"))
    ended = fresh.download("a/file")
    assert ended.status == 0, ended.complaint
    names = ["2.root", "timestamp", "snapshot", "targets"]
    assert repository.asked == [*[f"metadata/{name}.json" for name in names], "targets/a/file"]


def test_a_root_beyond_the_bound_is_not_read(client: Client, repository: Repository) -> None:
    repository.root.unrecognized_fields["x"] = "y" * 520_000
    repository.publish("root")
    ended = client.refresh()
    assert ended.status == 1
    assert "512000" in ended.complaint
    assert client.versions() == {"root": 1}
