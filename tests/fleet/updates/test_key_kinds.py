"""What a root or targets may list: keys units can use, root by two of three, each root signed by the one before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from securesystemslib.signer import CryptoSigner, Key, SSlibKey
from tuf.api.metadata import Metadata, Root

from fleet.updates.errors import MetadataError
from fleet.updates.metadata import MAX_ROLE_KEYS, MAX_RSA_BITS, MIN_RSA_BITS, to_bytes
from tests.fleet.release_owners import Owners, tree


@pytest.fixture
def owners(owners: Owners) -> Owners:
    owners.initialise()
    owners.publish()
    return owners


def next_root(owners: Owners, change: Callable[[Root], None], signers: list[str]) -> dict[str, bytes]:
    root: Metadata[Root] = owners.bundle.require("root")
    root.signed.version += 1
    change(root.signed)
    root.signatures.clear()
    for name in signers:
        root.sign(owners.keys.signer(name), append=True)
    return {f"{root.signed.version}.root.json": to_bytes(root)}


def next_targets(owners: Owners, key: Key) -> dict[str, bytes]:
    targets: Metadata[Any] = owners.bundle.require("targets")
    targets.signed.version += 1
    targets.signed.delegations.keys[key.keyid] = key
    targets.signatures.clear()
    targets.sign(owners.keys.signer("targets"))
    return {"2.targets.json": to_bytes(targets)}


def refused(owners: Owners, files: dict[str, bytes], match: str) -> None:
    before = tree(owners.repository.directory)
    with pytest.raises(MetadataError, match=match):
        owners.repository.publish(files, {}, owners.now)
    assert tree(owners.repository.directory) == before


def rsa_key(bits: int) -> SSlibKey:
    return SSlibKey.from_crypto(rsa.generate_private_key(65537, bits).public_key(), scheme="rsassa-pss-sha256")


def on_another_curve() -> SSlibKey:
    key = SSlibKey.from_crypto(ec.generate_private_key(ec.SECP384R1()).public_key())
    return SSlibKey(key.keyid, "ecdsa", "ecdsa-sha2-nistp256", key.keyval)


def not_a_key(keytype: str, scheme: str) -> SSlibKey:
    return SSlibKey("f" * 64, keytype, scheme, {"public": "nothing"})


BAD = {
    "a scheme units do not know": lambda: CryptoSigner.generate_ecdsa(scheme="ecdsa-sha2-nistp384").public_key,
    "RSA with another padding": lambda: SSlibKey.from_crypto(
        rsa.generate_private_key(65537, MIN_RSA_BITS).public_key(), scheme="rsa-pkcs1v15-sha256"
    ),
    "RSA too short": lambda: rsa_key(MIN_RSA_BITS // 2),
    "RSA too long": lambda: rsa_key(MAX_RSA_BITS + 8),
    "P-384 by the name of P-256": on_another_curve,
    "no ECDSA key": lambda: not_a_key("ecdsa", "ecdsa-sha2-nistp256"),
    "no Ed25519 key": lambda: not_a_key("ed25519", "ed25519"),
    "no RSA key": lambda: not_a_key("rsa", "rsassa-pss-sha256"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_key_no_unit_can_use_is_refused_in_root_and_in_targets(owners: Owners, kind: str) -> None:
    key = BAD[kind]()

    def spoil(root: Root) -> None:
        root.keys[key.keyid] = key

    match = "units verify|units compute|units take|which is no"
    refused(owners, next_root(owners, spoil, ["root-1", "root-2"]), match)
    refused(owners, next_targets(owners, key), match)


def fewer_keys(root: Root) -> None:
    root.roles["root"].keyids.pop()


def threshold(value: int) -> Callable[[Root], None]:
    return lambda root: setattr(root.roles["root"], "threshold", value)


@pytest.mark.parametrize("change", [fewer_keys, threshold(1)])
def test_root_stays_at_two_of_three(owners: Owners, change: Callable[[Root], None]) -> None:
    refused(owners, next_root(owners, change, ["root-1", "root-2", "root-3"]), "at least 2 of 3")


@pytest.mark.parametrize("signers", [[], ["root-1"], ["targets", "root-3"]])
def test_a_root_below_its_threshold_is_refused(owners: Owners, signers: list[str]) -> None:
    refused(owners, next_root(owners, lambda root: None, signers), "root version 2 is not signed as root demands")


def all_new(owners: Owners) -> Callable[[Root], None]:
    def change(root: Root) -> None:
        for number in (1, 2, 3):
            old, new = owners.key(f"root-{number}"), owners.key(f"usurper-{number}")
            root.revoke_key(old.keyid, "root")
            root.add_key(new, "root")

    return change


@pytest.mark.parametrize(
    "signers",
    [
        ["usurper-1", "usurper-2", "usurper-3"],
        ["root-1", "root-2", "root-3"],
        ["root-1", "usurper-1", "usurper-2"],
        ["root-1", "root-2", "usurper-1"],
    ],
)
def test_a_root_needs_both_thresholds(owners: Owners, signers: list[str]) -> None:
    refused(owners, next_root(owners, all_new(owners), signers), "root version 2 is not signed as root demands")


def test_a_root_with_both_thresholds_is_taken_even_if_all_keys_are_new(owners: Owners) -> None:
    files = next_root(owners, all_new(owners), ["root-1", "root-3", "usurper-1", "usurper-2"])
    owners.repository.publish(files, {}, owners.now)
    assert {each.role: each.version for each in owners.repository.status()}["root"] == 2


def test_a_role_lists_no_more_keys_than_a_unit_counts(owners: Owners) -> None:
    def crowd(root: Root) -> None:
        root.roles["targets"].keyids += [f"{number:064x}" for number in range(MAX_ROLE_KEYS)]

    refused(owners, next_root(owners, crowd, ["root-1", "root-2"]), f"{MAX_ROLE_KEYS + 1} keys")


def test_another_fleets_director_is_refused(owners: Owners) -> None:
    key = CryptoSigner.generate_ecdsa().public_key
    targets: Metadata[Any] = owners.bundle.require("targets")
    targets.signed.version += 1
    targets.signed.delegations.keys[key.keyid] = key
    targets.signed.delegations.roles["director"].keyids = [key.keyid]
    targets.signatures.clear()
    targets.sign(owners.keys.signer("targets"))
    refused(owners, {"2.targets.json": to_bytes(targets)}, "this fleet's director key")
