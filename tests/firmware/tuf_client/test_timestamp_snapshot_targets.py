"""Specification 5.4 to 5.6.6 through the command: each top-level role's signature, version, hash and expiry."""

from __future__ import annotations

from typing import Any

import pytest
from tuf.api.metadata import MetaFile

from tests.firmware.tuf_client.conftest import Client, Ended
from tests.firmware.tuf_client.repository import BELOW_ROOT, TOP_LEVEL, Repository, days, new_key

# Which stored files a refresh may have moved before it fails at the role: those of good steps before.
MOVED = {"timestamp": (), "snapshot": ("timestamp",), "targets": ("timestamp", "snapshot")}


def refused(client: Client, repository: Repository, role: str, error: str) -> Ended:
    """The refresh fails with `error` at `role`: what comes before it is stored, and nothing else moved."""
    before = client.stored()
    ended = client.refresh()
    assert ended.status == 1
    assert error in ended.complaint
    moved = {f"{name}.json": repository.file(name) for name in MOVED[role]}
    assert client.stored() == before | moved
    return ended


@pytest.fixture(params=[False, True], ids=["first refresh", "later refresh"])
def started(request: pytest.FixtureRequest, client: Client, repository: Repository) -> Client:
    """A client that has only its root, and one that trusts version 1 of everything."""
    if request.param:
        assert client.refresh().status == 0
    return client


def test_what_is_trusted_is_stored_as_it_was_served(client: Client, repository: Repository) -> None:
    repository.files["metadata/timestamp.json"] += b" \n"
    assert client.refresh().status == 0
    assert client.stored() == {f"{role}.json": repository.file(role) for role in TOP_LEVEL}
    assert repository.asked[1:] == [repository.path(role) for role in ("timestamp", "snapshot", "targets")]


@pytest.mark.parametrize("role", BELOW_ROOT)
def test_a_role_below_its_threshold_is_refused(started: Client, repository: Repository, role: str) -> None:
    repository.signers[role] = [new_key()]
    repository.release()
    refused(started, repository, role, "SignatureError")


@pytest.mark.parametrize("role", BELOW_ROOT)
def test_an_expired_role_is_refused(started: Client, repository: Repository, role: str) -> None:
    repository.signed[role].expires = days(-1)
    repository.release()
    refused(started, repository, role, "ExpiredError")


@pytest.mark.parametrize("role", BELOW_ROOT)
def test_a_role_of_another_type_is_refused(started: Client, repository: Repository, role: str) -> None:
    repository.release()
    other = "snapshot" if role == "timestamp" else "timestamp"
    repository.rewrite(role, lambda signed: signed.update(_type=other))
    refused(started, repository, role, "MismatchError")


@pytest.mark.parametrize("role", BELOW_ROOT)
def test_a_role_that_is_missing_ends_the_refresh(started: Client, repository: Repository, role: str) -> None:
    repository.release()
    data = repository.files.pop(repository.path(role))
    refused(started, repository, role, "NetworkError")
    repository.files[repository.path(role)] = data
    assert started.refresh().status == 0  # a failed refresh leaves the next one a way


@pytest.mark.parametrize(
    ("role", "specification"), [("timestamp", "2.0.0"), ("snapshot", "0.9.0"), ("targets", "1"), ("targets", "x")]
)
def test_a_role_of_another_specification_is_refused(
    client: Client, repository: Repository, role: str, specification: str
) -> None:
    repository.rewrite(role, lambda signed: signed.update(spec_version=specification))
    refused(client, repository, role, "MismatchError")


@pytest.mark.parametrize(("role", "size"), [("timestamp", 16_384), ("snapshot", 2_000_000), ("targets", 5_000_000)])
def test_no_more_is_read_than_the_bound_of_a_role(client: Client, repository: Repository, role: str, size: int) -> None:
    repository.files[repository.path(role)] += b" " * size
    assert str(size) in refused(client, repository, role, "NetworkError").complaint


@pytest.mark.parametrize("role", ["snapshot", "targets"])
def test_no_more_is_read_than_the_signed_length(client: Client, repository: Repository, role: str) -> None:
    repository.hashed = True
    repository.release()
    size = len(repository.file(role))
    repository.files[repository.path(role)] += b" "
    assert f"the {size} bytes there can be" in refused(client, repository, role, "NetworkError").complaint


def test_a_timestamp_that_goes_back_is_refused(client: Client, repository: Repository) -> None:
    repository.publish("timestamp")
    assert client.refresh().status == 0
    repository.signed["timestamp"].version = 1
    repository.publish("timestamp", bump=False)
    refused(client, repository, "timestamp", "RollbackError")


def test_a_timestamp_of_the_same_version_is_discarded_without_an_error(client: Client, repository: Repository) -> None:
    assert client.refresh().status == 0
    before = client.stored()
    repository.signed["timestamp"].snapshot_meta = MetaFile(100)
    repository.publish("timestamp", bump=False)
    repository.asked.clear()
    assert client.refresh().status == 0
    assert client.stored() == before
    assert repository.asked == ["metadata/2.root.json", "metadata/timestamp.json"]


def test_a_timestamp_that_lists_an_older_snapshot_is_refused(client: Client, repository: Repository) -> None:
    repository.publish("snapshot", "timestamp")
    assert client.refresh().status == 0
    repository.signed["timestamp"].snapshot_meta = MetaFile(1)
    repository.publish("timestamp")
    refused(client, repository, "timestamp", "RollbackError")


@pytest.mark.parametrize("role", ["snapshot", "targets"])
def test_a_role_whose_hash_is_another_is_refused(started: Client, repository: Repository, role: str) -> None:
    repository.hashed = True
    repository.release()
    path = repository.path(role)
    repository.files[path] = repository.files[path].replace(b'"version":2', b'"version":3')
    refused(started, repository, role, "HashError")


@pytest.mark.parametrize("role", ["snapshot", "targets"])
def test_hashes_and_lengths_that_fit_are_taken(client: Client, repository: Repository, role: str) -> None:
    repository.hashed = True
    repository.release()
    assert client.refresh().status == 0
    assert client.versions()[role] == 2


@pytest.mark.parametrize("role", ["snapshot", "targets"])
def test_a_role_of_another_version_than_is_listed_is_refused(
    started: Client, repository: Repository, role: str
) -> None:
    """The file is good and signed, but a version higher than its name, and than the role above says."""
    repository.publish("targets")
    repository.publish("snapshot")
    newer = repository.file(role)
    listed = repository.signed[role].version + 1
    meta = MetaFile(listed)
    if role == "targets":
        repository.signed["snapshot"].meta["targets.json"] = meta
        repository.publish("snapshot")
    else:
        repository.signed["timestamp"].snapshot_meta = meta
    repository.files[repository.path(role, listed)] = newer
    repository.publish("timestamp")
    before = started.stored()
    ended = started.refresh()
    assert ended.status == 1
    assert "MismatchError" in ended.complaint
    assert started.stored().get(f"{role}.json") == before.get(f"{role}.json")


@pytest.mark.parametrize("hashed", [False, True])
def test_a_snapshot_that_lists_an_older_targets_is_refused(
    client: Client, repository: Repository, hashed: bool
) -> None:
    repository.hashed = hashed
    repository.release()
    assert client.refresh().status == 0
    repository.targets.version = 1
    repository.publish("targets", bump=False)
    repository.publish("snapshot", "timestamp")
    refused(client, repository, "snapshot", "RollbackError")


def test_a_snapshot_that_no_longer_lists_a_role_is_refused(client: Client, repository: Repository) -> None:
    repository.delegate("targets", "delegated")
    repository.publish("delegated")
    repository.release()
    assert client.refresh().status == 0
    del repository.signed["snapshot"].meta["delegated.json"]
    repository.publish("snapshot", "timestamp")
    refused(client, repository, "snapshot", "RollbackError")


def test_files_in_the_folder_that_are_damaged_are_fetched_again(client: Client, repository: Repository) -> None:
    assert client.refresh().status == 0
    whole = client.stored()
    for name in ("timestamp.json", "snapshot.json", "targets.json"):
        (client.metadata / name).write_bytes(whole[name][:-9])
        assert client.refresh().status == 0
        assert client.stored() == whole


def test_stored_metadata_counts_only_while_its_keys_do(client: Client, repository: Repository) -> None:
    """The targets key is revoked; versions and hashes stay as they were, so only the signature can tell."""
    assert client.refresh().status == 0
    repository.rotate("targets")
    repository.publish("root")
    before = client.stored()
    ended = client.refresh()
    assert ended.status == 1
    assert "SignatureError: targets" in ended.complaint
    assert client.stored() == before | {"root.json": repository.file("root")}


@pytest.mark.parametrize("kind", ["ecdsa", "ed25519", "rsa"])
def test_keys_of_every_kind_sign_every_role(client: Client, repository: Repository, kind: str) -> None:
    signers = repository.signers["root"]
    for role in TOP_LEVEL:
        repository.rotate(role, kind)
    repository.signers["root"] += signers
    repository.publish("root")
    repository.release()
    ended = client.refresh()
    assert ended.status == 0, ended.complaint
    assert client.versions() == dict.fromkeys(TOP_LEVEL, 2)
    other = new_key(kind).sign(b"another text").signature
    repository.release()
    repository.resign("timestamp", lambda signatures: signatures[0].update(sig=other))
    refused(client, repository, "timestamp", "SignatureError")


def test_an_older_repositorys_name_for_p256_keys_is_known(client: Client, repository: Repository) -> None:
    def rename(signed: dict[str, Any]) -> None:
        for key in signed["keys"].values():
            key["keytype"] = "ecdsa-sha2-nistp256"

    repository.publish("root")
    repository.rewrite("root", rename)
    assert client.refresh().status == 0
    assert client.versions() == {"root": 2, "targets": 1, "snapshot": 1, "timestamp": 1}


def three_of_three(repository: Repository) -> None:
    for _ in range(2):
        repository.signers["timestamp"].append(new_key())
        repository.root.add_key(repository.signers["timestamp"][-1].public_key, "timestamp")
    repository.root.roles["timestamp"].threshold = 3
    repository.publish("root")
    repository.release()


def test_a_threshold_is_met_by_that_many_keys(client: Client, repository: Repository) -> None:
    three_of_three(repository)
    assert client.refresh().status == 0
    repository.release()
    repository.resign("timestamp", lambda signatures: signatures.pop())
    refused(client, repository, "timestamp", "2 valid signatures, 3 are needed")


def test_a_signature_that_stands_twice_voids_the_file(client: Client, repository: Repository) -> None:
    repository.resign("timestamp", lambda signatures: signatures.append(signatures[0]))
    refused(client, repository, "timestamp", "is signed twice")


@pytest.mark.parametrize("twice", ["keyid", "key"])
def test_one_key_fills_no_threshold_of_two(client: Client, repository: Repository, twice: str) -> None:
    """Listed twice under its id, or under a second one."""
    keyid = repository.root.roles["timestamp"].keyids[0]
    other = keyid if twice == "keyid" else "0" * 64

    def list_twice(signed: dict[str, Any]) -> None:
        signed["keys"][other] = signed["keys"][keyid]
        signed["roles"]["timestamp"] = {"keyids": [keyid, other], "threshold": 2}

    repository.publish("root")
    repository.rewrite("root", list_twice)
    if twice == "key":
        repository.resign("timestamp", lambda signatures: signatures.append(signatures[0] | {"keyid": other}))
    before = client.stored()
    ended = client.refresh()
    assert ended.status == 1
    assert "1 valid signatures, 2 are needed" in ended.complaint
    assert client.stored() == before | {"root.json": repository.file("root")}


@pytest.mark.parametrize("signature", ["", "00"])
def test_a_bad_signature_beside_a_good_one_does_no_harm(client: Client, repository: Repository, signature: str) -> None:
    second = new_key()
    repository.root.add_key(second.public_key, "timestamp")
    repository.publish("root")
    bad = {"keyid": second.public_key.keyid, "sig": signature}
    repository.resign("timestamp", lambda signatures: signatures.insert(0, bad))
    assert client.refresh().status == 0


def test_fields_and_keys_that_are_not_known_hinder_nobody(client: Client, repository: Repository) -> None:
    """They are part of what is signed all the same (specification 4)."""

    def add(signed: dict[str, Any]) -> None:
        signed["x"] = {"é": [1, None, True, '"\\']}
        signed["keys"]["1" * 64] = {
            "keytype": "lms",
            "scheme": "lms",
            "keyval": {"x": "y"},
            "keyid_hash_algorithms": [],
        }
        signed["roles"]["timestamp"]["keyids"].append("1" * 64)
        signed["roles"]["timestamp"]["x"] = 1

    repository.publish("root")
    repository.rewrite("root", add)
    assert client.refresh().status == 0
    assert client.versions()["root"] == 2
    repository.publish("root")
    repository.rewrite("root", add)
    path = repository.path("root")
    repository.files[path] = repository.files[path].replace(b"[1, null", b"[2, null")
    ended = client.refresh()
    assert ended.status == 1
    assert "SignatureError" in ended.complaint
