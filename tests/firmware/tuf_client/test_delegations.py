"""Specification 5.6.7 through the command: who is asked for a target, in which order, and under whose keys."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from urllib.parse import quote

import pytest

from tests.firmware.tuf_client.conftest import Client
from tests.firmware.tuf_client.repository import TOP_LEVEL, Repository, days, new_key

# name: [(who delegates, to whom, by which paths)] with ! for terminating, and who is asked for `some/file`
GRAPHS: dict[str, tuple[list[tuple[str, str, str]], str]] = {
    "one": ([("targets", "A", "some/*")], "A"),
    "two, in order": ([("targets", "B", "some/*"), ("targets", "A", "some/*")], "BA"),
    "depth first": ([("targets", "A", "*/*"), ("targets", "B", "*/*"), ("A", "C", "*/*"), ("A", "D", "*/*")], "ACDB"),
    "deeper first": ([("targets", "A", "*/*"), ("targets", "B", "*/*"), ("A", "C", "*/*"), ("C", "D", "*/*")], "ACDB"),
    "terminating": ([("targets", "A", "*/*"), ("targets", "B", "*/*"), ("A", "C", "!*/*"), ("A", "D", "*/*")], "AC"),
    "terminating has children": ([("targets", "A", "!*/*"), ("targets", "B", "*/*"), ("A", "C", "*/*")], "AC"),
    "terminating elsewhere": ([("targets", "A", "!other/*"), ("targets", "B", "*/*")], "B"),
    "paths that do not match": ([("targets", "A", "*.img"), ("targets", "B", "*/f?le"), ("B", "C", "some/x*")], "B"),
    "a star ends at a slash": ([("targets", "A", "*"), ("targets", "B", "s*e")], ""),
    "case matters": ([("targets", "A", "Some/*"), ("targets", "B", "some/FILE")], ""),
    "a cycle": ([("targets", "A", "*/*"), ("A", "B", "*/*"), ("B", "C", "*/*"), ("C", "A", "*/*")], "ABC"),
    "to itself": ([("targets", "A", "*/*"), ("A", "A", "*/*")], "A"),
    "two ways to one": ([("targets", "A", "*/*"), ("targets", "B", "*/*"), ("B", "C", "*/*"), ("A", "C", "*/*")],
                        "ACB"),
    "two ways, one open": ([("targets", "A", "*/*"), ("targets", "B", "*/*"), ("A", "C", "x/*"), ("B", "C", "*/*")],
                           "ABC"),
}  # fmt: skip


def build(repository: Repository, edges: list[tuple[str, str, str]]) -> None:
    for parent, child, path in edges:
        repository.delegate(parent, child, [path.lstrip("!")], terminating=path.startswith("!"))
    repository.publish(*{child: None for _, child, _ in edges})
    repository.release()


def roles_asked(repository: Repository) -> list[str]:
    """The delegated roles among what was asked."""
    top = {repository.path(role) for role in TOP_LEVEL} | {"metadata/2.root.json"}
    asked = [path for path in repository.asked if path.startswith("metadata/") and path not in top]
    return [path.removeprefix("metadata/").split(".", 1)[1].removesuffix(".json") for path in asked]


@pytest.mark.parametrize(("edges", "asked"), GRAPHS.values(), ids=GRAPHS)
def test_roles_are_asked_depth_first_in_the_order_of_delegations(
    client: Client, repository: Repository, edges: list[tuple[str, str, str]], asked: str
) -> None:
    build(repository, edges)
    ended = client.download("some/file")
    assert ended.status == 1
    assert "no role lists a target some/file" in ended.complaint
    assert roles_asked(repository) == list(asked)


TREE = [
    ("targets", "A", "*.md"),
    ("targets", "B", "releases/*/*"),
    ("B", "C", "releases/x/*"),
    ("B", "D", "releases/y/*"),
]


@pytest.mark.parametrize(
    ("name", "owner", "asked"),
    [
        ("top", "targets", ""),
        ("read.md", "A", "A"),
        ("releases/x/1", "C", "BC"),
        ("releases/y/1", "D", "BD"),
        ("releases/x/2", "B", "B"),
    ],
)
def test_the_first_role_that_lists_a_target_has_the_word(
    client: Client, repository: Repository, name: str, owner: str, asked: str
) -> None:
    build(repository, TREE)
    repository.add(owner, name, b"of the owner")
    for role in {"A", "B", "C", "D"} - set(asked):
        repository.signed[role].targets[name] = repository.signed[owner].targets[name]
    repository.publish("A", "B", "C", "D")
    repository.release()
    ended = client.download(name)
    assert ended.status == 0, ended.complaint
    assert f"of role {owner}, 12 bytes" in ended.said
    assert roles_asked(repository) == list(asked)


@pytest.mark.parametrize("name", ["releases/z/1", "releases/x/deep/1", "other.img"])
def test_a_target_not_delegated_all_the_way_is_not_found(client: Client, repository: Repository, name: str) -> None:
    build(repository, TREE)
    repository.add("C", name, b"not for C to say")
    repository.publish("C")
    repository.release()
    assert client.download(name).status == 1
    assert client.fetched() == {}
    assert "C" not in roles_asked(repository)


def test_hash_bins_are_asked_by_the_digest_of_the_targets_name(client: Client, repository: Repository) -> None:
    names = [f"file {count}" for count in range(8)]
    bins = {"low": list("01234567"), "high": ["8", "9", "a", "b", "c", "d", "e0", "e1", "e2", "e", "f"]}
    for name, prefixes in bins.items():
        repository.delegate("targets", name, path_hash_prefixes=prefixes)
        for target in names:
            if ("low" if int(sha256(target.encode()).hexdigest()[0], 16) < 8 else "high") == name:
                repository.add(name, target, target.encode())
    repository.publish("low", "high")
    repository.release()
    ended = client.download(*names)
    assert ended.status == 0, ended.complaint
    assert sorted(client.fetched().values()) == [name.encode() for name in names]
    for name in names:
        assert f"{name} of role {'low' if int(sha256(name.encode()).hexdigest()[0], 16) < 8 else 'high'}" in ended.said


def test_no_more_than_32_roles_are_visited(client: Client, repository: Repository) -> None:
    build(repository, [("targets", f"role-{count}", "*/*") for count in range(40)])
    repository.add("role-39", "some/file", b"data")
    repository.publish("role-39")
    repository.release()
    assert client.download("some/file").status == 1
    assert roles_asked(repository) == [f"role-{count}" for count in range(31)]  # and targets


def test_a_delegation_has_a_threshold_of_its_own(client: Client, repository: Repository) -> None:
    for _ in range(2):
        repository.delegate("targets", "A", threshold=2)
    delegations = repository.targets.delegations
    assert delegations is not None
    assert delegations.roles is not None
    delegations.roles["A"].keyids = [signer.public_key.keyid for signer in repository.signers["A"]]
    repository.add("A", "file", b"data")
    repository.publish("A")
    repository.release()
    assert client.download("file").status == 0
    repository.resign("A", lambda signatures: signatures.pop())
    repository.publish("snapshot", "timestamp")
    (client.metadata / "A.json").unlink()
    (client.artifacts / "file").unlink()
    ended = client.download("file")
    assert ended.status == 1
    assert "A has 1 valid signatures, 2 are needed" in ended.complaint
    assert client.fetched() == {}


def shared_by_two(repository: Repository) -> None:
    """`release` is delegated by A and by B, each with a key of its own, and signed for A."""
    build(
        repository, [("targets", "A", "a/*"), ("targets", "B", "b/*"), ("A", "shared", "a/*"), ("B", "shared", "b/*")]
    )
    repository.signers["shared"].pop()
    repository.add("shared", "a/file", b"for A")
    repository.add("shared", "b/file", b"not for B")
    repository.publish("shared")
    repository.release()


def test_a_role_counts_only_under_the_delegator_that_has_it_signed(client: Client, repository: Repository) -> None:
    """In one process, where the role is in memory, and in a later one, where it is in the folder."""
    shared_by_two(repository)
    for _ in range(2):
        ended = client.download("a/file", "b/file")
        assert ended.status == 1
        assert "SignatureError: shared" in ended.complaint
        assert client.fetched() == {"a%2Ffile": b"for A"}


def test_a_stored_role_is_verified_under_its_current_delegator(client: Client, repository: Repository) -> None:
    """The delegation's key is replaced while the role's file, its version and its place stay."""
    build(repository, [("targets", "A", "*")])
    repository.add("A", "file", b"data")
    repository.publish("A")
    repository.release()
    assert client.download("file").status == 0
    delegations = repository.targets.delegations
    assert delegations is not None
    assert delegations.roles is not None
    other = new_key().public_key
    delegations.keys[other.keyid] = other
    delegations.roles["A"].keyids = [other.keyid]
    repository.release()
    stored = client.stored()["A.json"]
    ended = client.download("file")
    assert ended.status == 1
    assert "SignatureError: A" in ended.complaint
    assert client.stored()["A.json"] == stored


def without_signature(repository: Repository) -> None:
    repository.resign("A", lambda signatures: signatures.clear())


def expired(repository: Repository) -> None:
    repository.signed["A"].expires = days(-1)
    repository.publish("A")


def missing(repository: Repository) -> None:
    del repository.files[repository.path("A")]


def unlisted(repository: Repository) -> None:
    del repository.signed["snapshot"].meta["A.json"]


def of_another_version(repository: Repository) -> None:
    repository.rewrite("A", lambda signed: signed.update(version=7))


def of_another_hash(repository: Repository) -> None:
    repository.hashed = True
    repository.publish("A")
    repository.files[repository.path("A")] += b" "


@pytest.mark.parametrize("spoil", [without_signature, expired, missing, unlisted, of_another_version, of_another_hash])
def test_a_role_that_is_not_good_ends_the_search(client: Client, repository: Repository, spoil: Any) -> None:
    """Even where a later role has the target; and nothing of the bad role is kept (5.6.7)."""
    build(repository, [("targets", "A", "*"), ("targets", "B", "*")])
    repository.add("B", "file", b"data")
    repository.publish("B")
    repository.release()
    spoil(repository)
    repository.publish("snapshot", "timestamp")
    ended = client.download("file")
    assert ended.status == 1
    assert client.fetched() == {}
    assert set(client.versions()) == set(TOP_LEVEL)
    assert "B" not in roles_asked(repository)
    if spoil is unlisted:
        assert roles_asked(repository) == []  # it is not even asked for


def test_a_newer_role_replaces_the_stored_one(client: Client, repository: Repository) -> None:
    build(repository, [("targets", "A", "*")])
    for data in (b"first", b"second"):
        repository.add("A", "file", data)
        repository.publish("A", "snapshot", "timestamp")
        assert client.download("file").status == 0
        assert client.fetched() == {"file": data}
        assert client.stored()["A.json"] == repository.file("A")


def test_no_role_delegates_to_another_twice(client: Client, repository: Repository) -> None:
    """Which keys would count for it?"""
    build(repository, [("targets", "A", "*")])
    repository.add("A", "file", b"data")
    repository.publish("A", "targets")

    def delegate_twice(signed: dict[str, Any]) -> None:
        signed["delegations"]["roles"].append(signed["delegations"]["roles"][0] | {"paths": ["other"]})

    repository.rewrite("targets", delegate_twice)
    repository.publish("snapshot", "timestamp")
    ended = client.download("file")
    assert ended.status == 1
    assert "targets delegates to A twice" in ended.complaint
    assert client.fetched() == {}


@pytest.mark.parametrize("role", TOP_LEVEL)
def test_no_role_delegates_to_a_top_level_role(client: Client, repository: Repository, role: str) -> None:
    repository.delegate("targets", "A")
    repository.publish("A")
    repository.publish("targets")
    repository.rewrite("targets", lambda signed: signed["delegations"]["roles"][0].update(name=role))
    repository.publish("snapshot", "timestamp")
    ended = client.download("file")
    assert ended.status == 1
    if role != "targets":  # that one was visited before, and is not again
        assert f"delegates to the top-level role {role}" in ended.complaint
    assert client.versions() == dict.fromkeys(TOP_LEVEL, 2) | {"root": 1}


@pytest.mark.parametrize(
    "role", ["?", "#", "/abs", "../up", ".", "..", "a b", "%2e", "é€", "a\nb", "1.root", "r" * 240]
)
def test_odd_role_names_stay_in_their_folder(client: Client, repository: Repository, role: str) -> None:
    repository.delegate("targets", role)
    repository.add(role, "file", b"data")
    repository.publish(role)
    repository.release()
    ended = client.download("file")
    assert ended.status == 0, ended.complaint
    assert f"metadata/1.{quote(role, '')}.json" in repository.asked
    assert set(client.stored()) == {*(f"{name}.json" for name in TOP_LEVEL), f"{quote(role, '')}.json"}


def test_a_delegated_key_of_an_unknown_kind_hinders_nobody(client: Client, repository: Repository) -> None:
    build(repository, [("targets", "A", "*")])
    repository.add("A", "file", b"data")
    repository.publish("A")
    repository.publish("targets")

    def add_key(signed: dict[str, Any]) -> None:
        signed["delegations"]["keys"]["1" * 64] = {"keytype": "new", "scheme": "new", "keyval": {"public": ""}}
        signed["delegations"]["roles"][0]["keyids"].insert(0, "1" * 64)

    repository.rewrite("targets", add_key)
    repository.publish("snapshot", "timestamp")
    ended = client.download("file")
    assert ended.status == 0, ended.complaint
