"""Keys of all kinds, as securesystemslib writes and signs them; what is not known counts for nothing."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner

from adapter.crypto import der, ed25519, p256, rsa_pss
from adapter.update import keys
from adapter.update.errors import MismatchError, SignatureError
from adapter.update.keys import public_key
from adapter.update.signed_file import SignedFile
from adapter.update.strict_json import parse
from tests.conftest import RunMicroPython

SIGNED = {"_type": "timestamp", "spec_version": "1.0.31", "version": 1, "expires": "2030-01-01T00:00:00Z", "x": 'é"\\'}


def new_signer(name: str) -> CryptoSigner:
    made = {"p256": CryptoSigner.generate_ecdsa, "ed25519": CryptoSigner.generate_ed25519}
    return made.get(name, CryptoSigner.generate_rsa)()


SIGNERS = {name: new_signer(name) for name in ("p256", "ed25519", "rsa")}
KEYS = {name: {"keyid": signer.public_key.keyid, **signer.public_key.to_dict()} for name, signer in SIGNERS.items()}


def key(name: str, **changes: Any) -> dict[str, Any]:
    found = {field: value for field, value in KEYS[name].items() if field != "keyid"}
    return found | changes


def signed_file(*names: str) -> dict[str, Any]:
    data = str(encode_canonical(SIGNED)).encode()
    return {"signed": SIGNED, "signatures": [SIGNERS[name].sign(data).to_dict() for name in names]}


def role(listed: dict[str, dict[str, Any]], threshold: int) -> dict[str, Any]:
    return {"keys": listed, "role": {"keyids": list(listed), "threshold": threshold}}


def verify(document: dict[str, Any], authority: dict[str, Any]) -> None:
    found = SignedFile("timestamp", "timestamp", json.dumps(document).encode(), 20_000)
    by = parse(json.dumps(authority).encode())
    found.verify(by["keys"], by["role"])


ALL = {KEYS[name]["keyid"]: key(name) for name in KEYS}


@pytest.mark.parametrize("name", KEYS)
def test_each_kind_of_key_verifies_what_it_signed(name: str) -> None:
    only = {KEYS[name]["keyid"]: key(name)}
    verify(signed_file(name), role(only, 1))
    document = signed_file(name)
    document["signed"] = SIGNED | {"version": 2}
    with pytest.raises(SignatureError, match="0 valid signatures, 1 are needed"):
        verify(document, role(only, 1))


def test_a_threshold_is_met_by_keys_of_different_kinds() -> None:
    verify(signed_file(*KEYS), role(ALL, 3))
    with pytest.raises(SignatureError, match="2 valid signatures, 3 are needed"):
        verify(signed_file("p256", "rsa"), role(ALL, 3))


def test_the_older_spelling_of_the_p256_key_type_is_known() -> None:
    keyid = KEYS["p256"]["keyid"]
    verify(signed_file("p256"), role({keyid: key("p256", keytype="ecdsa-sha2-nistp256")}, 1))


def pem(data: bytes) -> str:
    return f"-----BEGIN PUBLIC KEY-----\n{b64encode(data).decode()}\n-----END PUBLIC KEY-----"


UNKNOWN = [
    key("p256", keytype="lms"),
    key("p256", scheme="ecdsa-sha2-nistp384"),
    key("ed25519", scheme="rsassa-pss-sha256"),
    key("rsa", scheme="rsa-pkcs1v15-sha256"),
    key("rsa", scheme="rsassa-pss-sha512"),
    {"keytype": "sigstore-oidc", "scheme": "Fulcio", "keyval": {"identity": "a", "issuer": "b"}},
]
BROKEN = [
    key("p256", keyval=KEYS["rsa"]["keyval"]),
    key("rsa", keyval=KEYS["p256"]["keyval"]),
    key("p256", keyval={"public": "no PEM"}),
    key("p256", keyval={"public": "-----BEGIN PUBLIC KEY-----\n????\n-----END PUBLIC KEY-----"}),
    key("ed25519", keyval={"public": "00" * 31}),
    key("ed25519", keyval={"public": "xy" * 32}),
    key("ed25519", keyval={"public": ""}),
    key("rsa", keyval={"public": pem(der.element(der.SEQUENCE, bytes(2000)))}),
    key("rsa", keyval={"public": pem(bytes(70_000))}),  # its length has no two bytes in what is remembered
    key("p256", keyval={"public": pem(bytes(70_000))}),
]


@pytest.mark.parametrize("other", UNKNOWN + BROKEN)
def test_a_key_that_cannot_be_used_counts_for_nothing_and_hinders_nobody(other: dict[str, Any]) -> None:
    assert public_key(parse(json.dumps(other).encode())) is None or other["keytype"] == "rsa"
    listed = {"0" * 64: other, **ALL}
    document = signed_file(*KEYS)
    document["signatures"].insert(0, {"keyid": "0" * 64, "sig": "00" * 64})
    verify(document, role(listed, 3))
    with pytest.raises(SignatureError):
        verify(document, role(listed, 4))


def test_a_key_longer_than_any_that_is_taken_is_not_looked_into() -> None:
    """The modulus of one of 60 KB took 41 s to measure."""
    number = der.element(der.SEQUENCE, der.integer(1 << 479_999 | 1), der.integer(65537))
    algorithm = der.element(der.SEQUENCE, der.element(der.OID, bytes.fromhex("2a864886f70d010101")), b"\x05\x00")
    public = pem(der.element(der.SEQUENCE, algorithm, der.bit_string(number)))
    assert public_key(parse(json.dumps(key("rsa", keyval={"public": public})).encode())) is None
    assert public_key(parse(json.dumps(key("rsa")).encode())) is not None
    longest = rsa.generate_private_key(public_exponent=65537, key_size=rsa_pss.MAX_MODULUS_BITS).public_key()
    data = longest.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    found = public_key(parse(json.dumps(key("rsa", keyval={"public": pem(data)})).encode()))
    assert found == ("rsassa-pss-sha256", data)


@pytest.mark.parametrize(
    "other", [{"keytype": "ecdsa"}, {"keytype": 1, "scheme": "ed25519", "keyval": {}}, key("p256", keyval={})]
)
def test_what_is_no_key_at_all_makes_the_file_malformed(other: dict[str, Any]) -> None:
    with pytest.raises(MismatchError):
        public_key(parse(json.dumps(other).encode()))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("p256", {"keytype": "ecdsa-sha2-nistp256"}),
        ("p256", {"keyval": {"public": "  " + KEYS["p256"]["keyval"]["public"].replace("\n", "\n\n") + "\n"}}),
        ("ed25519", {"keyval": {"public": KEYS["ed25519"]["keyval"]["public"].upper()}}),
        ("rsa", {"keyval": {"public": KEYS["rsa"]["keyval"]["public"] + "\n\n"}}),
        ("rsa", {"x": 1}),
    ],
)
def test_a_key_written_in_another_way_is_still_one_key(name: str, changes: dict[str, Any]) -> None:
    keyid = KEYS[name]["keyid"]
    document = signed_file(name)
    document["signatures"].append(document["signatures"][0] | {"keyid": "other"})
    authority = role({keyid: key(name), "other": key(name, **changes)}, 2)
    with pytest.raises(SignatureError, match="1 valid signatures, 2 are needed"):
        verify(document, authority)
    authority["role"]["threshold"] = 1
    verify(document, authority)


@pytest.mark.parametrize("signature", ["", "0", "zz", "00" * 64])
def test_a_bad_signature_beside_enough_good_ones_does_no_harm(signature: str) -> None:
    document = signed_file("p256", "rsa")
    document["signatures"].insert(0, {"keyid": KEYS["ed25519"]["keyid"], "sig": signature})
    verify(document, role(ALL, 2))
    with pytest.raises(SignatureError):
        verify(document, role(ALL, 3))


@pytest.mark.parametrize("name", KEYS)
def test_a_good_signature_is_worked_out_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And whatever else there is of key, text and signature is worked out for itself."""
    done: list[str] = []
    module = {"p256": p256, "ed25519": ed25519, "rsa": rsa_pss}[name]
    whole = module.verify
    monkeypatch.setattr(module, "verify", lambda *given: done.append(name) or whole(*given))
    monkeypatch.setattr(keys, "good", [])
    only = role({KEYS[name]["keyid"]: key(name)}, 1)
    good = signed_file(name)  # signed once: two signatures on one text may differ
    for _ in range(3):
        verify(good, only)
    assert len(done) == 1
    signature = bytearray.fromhex(good["signatures"][0]["sig"])
    signature[-1] ^= 1
    other = good | {"signed": SIGNED | {"version": 2}}
    another = good | {"signatures": [good["signatures"][0] | {"sig": signature.hex()}]}
    for bad in (other, another):
        for count in (1, 2):
            before = len(done)
            with pytest.raises(SignatureError):
                verify(bad, only)
            assert len(done) == before + 1, f"try {count}: a bad one is never remembered"
    verify(good, only)
    with pytest.raises(SignatureError):  # the same text and signature, said to be another's
        verify(good, role({KEYS[name]["keyid"]: new_signer(name).public_key.to_dict()}, 1))


def test_only_so_many_good_signatures_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "good", [])
    only = role({KEYS["ed25519"]["keyid"]: key("ed25519")}, 1)
    for version in range(1, 40):
        signed = SIGNED | {"version": version}
        signature = SIGNERS["ed25519"].sign(str(encode_canonical(signed)).encode()).to_dict()
        verify({"signed": signed, "signatures": [signature]}, only)
    assert len(keys.good) == keys._MAX_GOOD


SCRIPT = """
import sys, gc
from adapter.update.errors import UpdateError
from adapter.update.signed_file import SignedFile
from adapter.update.strict_json import parse
for line in sys.stdin.read().strip().split("\\n"):
    data, authority, limit = [part.encode() for part in line.split("\\t")]
    by = parse(authority)
    try:
        SignedFile("timestamp", "timestamp", data, 20000).verify(by["keys"], by["role"])
        answer = "good"
    except UpdateError as error:
        answer = type(error).__name__
    loaded = [name for name in ("p256", "ed25519", "rsa_pss") if "adapter.crypto." + name in sys.modules]
    print(answer, *loaded)
"""


def test_micropython_agrees_and_loads_only_what_keys_need(micropython: RunMicroPython) -> None:
    def line(document: dict[str, Any], authority: dict[str, Any]) -> str:
        return json.dumps(document) + "\t" + json.dumps(authority) + "\t-"

    one = {name: role({KEYS[name]["keyid"]: key(name)}, 1) for name in KEYS}
    asked = [
        line(signed_file("p256"), one["p256"]),
        line(signed_file("rsa"), one["rsa"]),
        line(signed_file("p256"), one["ed25519"]),
        line(signed_file(*KEYS), role(ALL, 3)),
        line(signed_file("rsa", "rsa"), role(ALL, 1)),
    ]
    printed = micropython(SCRIPT, stdin="\n".join(asked), heap="192K").splitlines()
    assert printed == [
        "good p256",
        "good p256 rsa_pss",
        "SignatureError p256 rsa_pss",
        "good p256 ed25519 rsa_pss",
        "SignatureError p256 ed25519 rsa_pss",
    ]
