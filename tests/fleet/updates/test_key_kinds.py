"""What a root or targets may list: keys units can use, root by two of three, each root signed by the one before."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Delegations, Root

from fleet.updates.metadata import MAX_ROLE_KEYS, MAX_RSA_BITS, MIN_RSA_BITS
from tests.fleet.release_owners import Owners, check_refused, versions

ECDSA = ("ecdsa", "ecdsa-sha2-nistp256")
RSA = ("rsa", "rsassa-pss-sha256")
COMPRESSED_P256_INFO = "3039301306072a8648ce3d020106082a8648ce3d030107032200"  # SubjectPublicKeyInfo before the point


@pytest.fixture
def owners(owners: Owners) -> Owners:
    owners.initialise()
    owners.publish()
    return owners


def rsa_key(bits: int) -> SSlibKey:
    return SSlibKey.from_crypto(rsa.generate_private_key(65537, bits).public_key(), scheme="rsassa-pss-sha256")


def on_another_curve() -> SSlibKey:
    key = SSlibKey.from_crypto(ec.generate_private_key(ec.SECP384R1()).public_key())
    return SSlibKey(key.keyid, "ecdsa", "ecdsa-sha2-nistp256", key.keyval)


def not_a_key(keytype: str, scheme: str) -> SSlibKey:
    return SSlibKey("f" * 64, keytype, scheme, {"public": "nothing"})


def in_pem(keytype: str, scheme: str, text: str) -> SSlibKey:
    return SSlibKey("f" * 64, keytype, scheme, {"public": text})


def compressed() -> SSlibKey:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    text = b64encode(bytes.fromhex(COMPRESSED_P256_INFO) + point).decode()
    return in_pem(*ECDSA, f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")


def written(kind: PublicFormat, before: str = "", exponent: int = 65537) -> SSlibKey:
    public = rsa.generate_private_key(65537, MIN_RSA_BITS).public_key()
    if exponent != public.public_numbers().e:
        public = rsa.RSAPublicNumbers(exponent, public.public_numbers().n).public_key()
    return in_pem(*RSA, before + public.public_bytes(Encoding.PEM, kind).decode())


def pem_of(kind: str) -> str:
    return str((rsa_key(MIN_RSA_BITS) if kind == "rsa" else CryptoSigner.generate_ecdsa().public_key).keyval["public"])


# What makes each key, and why it is refused.
BAD = {
    "a scheme units do not know": (
        lambda: CryptoSigner.generate_ecdsa(scheme="ecdsa-sha2-nistp384").public_key,
        "units verify .* only",
    ),
    "RSA with another padding": (
        lambda: SSlibKey.from_crypto(
            rsa.generate_private_key(65537, MIN_RSA_BITS).public_key(), scheme="rsa-pkcs1v15-sha256"
        ),
        "units verify .* only",
    ),
    "RSA too short": (lambda: rsa_key(MIN_RSA_BITS // 2), f"units take {MIN_RSA_BITS} to {MAX_RSA_BITS}"),
    "RSA too long": (lambda: rsa_key(MAX_RSA_BITS + 8), f"units take {MIN_RSA_BITS} to {MAX_RSA_BITS}"),
    "P-384 by the name of P-256": (on_another_curve, "units compute on P-256"),
    "no ECDSA key": (lambda: not_a_key("ecdsa", "ecdsa-sha2-nistp256"), "which is no ecdsa-sha2-nistp256 key"),
    "no Ed25519 key": (lambda: not_a_key("ed25519", "ed25519"), "which is no ed25519 key"),
    "no RSA key": (lambda: not_a_key("rsa", "rsassa-pss-sha256"), "which is no rsassa-pss-sha256 key"),
    "a compressed point": (compressed, "in a form units do not read"),
    "PKCS 1": (lambda: written(PublicFormat.PKCS1), "in a form units do not read"),
    "text before it": (
        lambda: written(PublicFormat.SubjectPublicKeyInfo, before="from our HSM\n"),
        "in a form units do not read",
    ),
    "an RSA exponent of 40 bits": (
        lambda: written(PublicFormat.SubjectPublicKeyInfo, exponent=(1 << 40) + 15),
        "units take 32 bits",
    ),
    "an RSA key for ECDSA": (lambda: in_pem(*ECDSA, pem_of("rsa")), "it is of another kind"),
    "an EC key for RSA": (lambda: in_pem(*RSA, pem_of("ecdsa")), "it is of another kind"),
    "hexadecimal digits with spaces": (
        lambda: in_pem("ed25519", "ed25519", " ".join(["ab"] * 32)),
        "which is no ed25519 key",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_key_no_unit_can_use_is_refused_in_root_and_in_targets(owners: Owners, kind: str) -> None:
    make, match = BAD[kind]
    key = make()

    def spoil(holder: Root | Delegations) -> None:
        holder.keys[key.keyid] = key

    check_refused(owners, owners.edited("root", spoil, "root-1", "root-2"), {}, match)
    files = owners.edited("targets", lambda targets: spoil(targets.delegations), "targets")
    check_refused(owners, files, {}, match)


def test_one_key_under_two_ids_is_refused_since_units_count_it_once(owners: Owners) -> None:
    def double(root: Root) -> None:
        first, third = root.roles["root"].keyids[0], root.roles["root"].keyids[2]
        same = root.keys[first]
        root.revoke_key(third, "root")
        root.add_key(SSlibKey("e" * 64, same.keytype, same.scheme, dict(same.keyval)), "root")

    check_refused(owners, owners.edited("root", double, "root-1", "root-2"), {}, "under two ids")


def fewer_keys(root: Root) -> None:
    root.roles["root"].keyids.pop()


def threshold(value: int) -> Callable[[Root], None]:
    return lambda root: setattr(root.roles["root"], "threshold", value)


@pytest.mark.parametrize("change", [fewer_keys, threshold(1)])
def test_root_stays_at_two_of_three(owners: Owners, change: Callable[[Root], None]) -> None:
    check_refused(owners, owners.edited("root", change, "root-1", "root-2", "root-3"), {}, "at least 2 of 3")


@pytest.mark.parametrize("signers", [[], ["root-1"], ["targets", "root-3"]])
def test_a_root_below_its_threshold_is_refused(owners: Owners, signers: list[str]) -> None:
    check_refused(
        owners, owners.edited("root", lambda root: None, *signers), {}, "root version 2 is not signed as root demands"
    )


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
    check_refused(
        owners, owners.edited("root", all_new(owners), *signers), {}, "root version 2 is not signed as root demands"
    )


def test_a_root_with_both_thresholds_is_taken_even_if_all_keys_are_new(owners: Owners) -> None:
    files = owners.edited("root", all_new(owners), "root-1", "root-3", "usurper-1", "usurper-2")
    owners.repository.publish(files, {}, owners.now)
    assert versions(owners.repository)["root"] == 2


def test_a_role_lists_no_more_keys_than_a_unit_counts(owners: Owners) -> None:
    def crowd(root: Root) -> None:
        root.roles["targets"].keyids += [f"{number:064x}" for number in range(MAX_ROLE_KEYS)]

    check_refused(owners, owners.edited("root", crowd, "root-1", "root-2"), {}, f"{MAX_ROLE_KEYS + 1} keys")


def test_another_fleets_director_is_refused(owners: Owners) -> None:
    key = CryptoSigner.generate_ecdsa().public_key

    def change(targets: Any) -> None:
        targets.delegations.keys[key.keyid] = key
        targets.delegations.roles["director"].keyids = [key.keyid]

    check_refused(owners, owners.edited("targets", change, "targets"), {}, "this fleet's director key")
