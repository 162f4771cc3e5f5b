"""The attacks of the TUF paper on a BendableRepository: how, which error ends it, what may have moved before."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import MetaFile

from adapter.update.errors import (
    ExpiredError,
    HashError,
    LengthError,
    MismatchError,
    NetworkError,
    RollbackError,
    SignatureError,
    UpdateError,
)
from tests.firmware.adapter.update.repository import NOW, ROLE, BendableRepository, new_key

Bend = Callable[[BendableRepository], None]
STORED = {"timestamp.json", "snapshot.json", "targets.json"}


def wrong_key(role: str) -> Bend:
    def bend(repository: BendableRepository) -> None:
        repository.keys[role] = [new_key()]
        repository.publish(bump=("all",))

    return bend


def expired(role: str) -> Bend:
    def bend(repository: BendableRepository) -> None:
        name = {"board-simulated": "board"}.get(role, role)
        getattr(repository, name).expires = NOW
        repository.publish(bump=("all",))

    return bend


def garbled(path: str, mutate: Callable[[bytes], bytes]) -> Bend:
    def bend(repository: BendableRepository) -> None:
        repository.publish(bump=("all",))
        repository.files[path] = mutate(repository.files[path])

    return bend


def timestamp_rollback(repository: BendableRepository) -> None:
    repository.timestamp.version -= 1
    repository.publish_timestamp()


def snapshot_rollback(repository: BendableRepository) -> None:
    repository.snapshot.version -= 1
    repository.timestamp.version += 1
    repository.publish_snapshot()


def targets_rollback(repository: BendableRepository) -> None:
    repository.targets.version -= 1
    repository.publish(bump=("snapshot", "timestamp"))


def lost_from_snapshot(repository: BendableRepository) -> None:
    repository.publish(bump=("all",))
    del repository.snapshot.meta[f"{ROLE}.json"]
    repository.publish_snapshot()


def mixed_snapshot(repository: BendableRepository) -> None:
    """The timestamp names the new snapshot's version, the server sends the old one under that name."""
    old = repository.files["metadata/2.snapshot.json"]
    repository.publish(bump=("all",))
    repository.timestamp.snapshot_meta.length = None  # signatures vary in length
    repository.publish_timestamp()
    repository.files["metadata/3.snapshot.json"] = old


def mixed_board(repository: BendableRepository) -> None:
    """An old board role under the new one's name."""
    old = repository.files[f"metadata/2.{ROLE}.json"]
    repository.publish(bump=("all",))
    repository.snapshot.meta[f"{ROLE}.json"].length = None
    repository.publish_snapshot()
    repository.files[f"metadata/3.{ROLE}.json"] = old


def snapshot_version_lies(repository: BendableRepository) -> None:
    repository.publish(bump=("all",))
    repository.timestamp.snapshot_meta.version += 1
    repository.files["metadata/4.snapshot.json"] = repository.files["metadata/3.snapshot.json"]
    repository.publish_timestamp()


def targets_version_lies(repository: BendableRepository) -> None:
    repository.publish(bump=("all",))
    repository.files["metadata/9.targets.json"] = repository.files["metadata/3.targets.json"]
    repository.snapshot.meta["targets.json"].version = 9
    repository.publish_snapshot()


def targets_unlisted(repository: BendableRepository) -> None:
    repository.snapshot.meta = {"other.json": MetaFile(1), **repository.snapshot.meta}
    repository.publish(bump=("all",))
    repository.files["metadata/3.targets.json"] += b" " * 9000


def too_long(path: str) -> Bend:
    return garbled(path, lambda data: data + b" " * 9000)


def below_root_threshold(repository: BendableRepository) -> None:
    repository.next_root()
    repository.publish_root(repository.keys["root"][:1])


def one_root_key_twice(repository: BendableRepository) -> None:
    repository.next_root()
    signer = repository.keys["root"][0]
    path = "metadata/2.root.json"
    repository.publish_root([signer])
    text = repository.files[path].decode()
    start, stop = text.index("[") + 1, text.index("]")
    repository.files[path] = (text[:stop] + "," + text[start:stop] + text[stop:]).encode()


def root_of_new_keys_only(repository: BendableRepository) -> None:
    repository.next_root(rotate=("root",))
    repository.publish_root(repository.keys["root"])


def root_of_old_keys_only(repository: BendableRepository) -> None:
    repository.next_root(rotate=("root",))
    repository.publish_root(repository.old_root_signers)


def root_skips_a_version(repository: BendableRepository) -> None:
    repository.root.version += 1
    repository.next_root()
    repository.files["metadata/2.root.json"] = repository.files["metadata/3.root.json"]


def root_goes_back(repository: BendableRepository) -> None:
    """The second root, good, and the first one in the third one's place."""
    repository.next_root()
    repository.files["metadata/3.root.json"] = repository.files["metadata/1.root.json"]


def expired_root(repository: BendableRepository) -> None:
    repository.root.expires = NOW - timedelta(seconds=1)
    repository.next_root()


def listed_twice(repository: BendableRepository, role: str) -> dict[str, Any]:
    """`role` wants two signatures, and its one key stands in root under two ids."""
    repository.next_root()
    keyid = repository.keys[role][0].public_key.keyid
    other = "f" * 64
    root = json.loads(repository.files["metadata/2.root.json"])["signed"]
    root["keys"][other] = root["keys"][keyid]
    root["roles"][role] = {"keyids": [keyid, other], "threshold": 2}
    repository.files["metadata/2.root.json"] = signed_json(root, repository.keys["root"])
    return {"keyid": other}


def one_key_under_two_ids(repository: BendableRepository) -> None:
    second = listed_twice(repository, "timestamp")
    repository.publish(bump=("all",))
    document = json.loads(repository.files["metadata/timestamp.json"])
    document["signatures"].append(document["signatures"][0] | second)
    repository.files["metadata/timestamp.json"] = json.dumps(document).encode()


def one_key_listed_twice(repository: BendableRepository) -> None:
    repository.next_root()
    root = json.loads(repository.files["metadata/2.root.json"])["signed"]
    root["roles"]["timestamp"] = {"keyids": root["roles"]["timestamp"]["keyids"] * 2, "threshold": 2}
    repository.files["metadata/2.root.json"] = signed_json(root, repository.keys["root"])
    repository.publish(bump=("all",))


def one_compromised_targets_key(repository: BendableRepository) -> None:
    """Targets wants two of two keys; the thief has one, and writes whatever is below it."""
    signer = repository.keys["targets"][0]
    repository.root.add_key(new_key().public_key, "targets")
    repository.root.roles["targets"].threshold = 2
    repository.next_root()
    repository.keys["targets"] = [signer]
    repository.publish(bump=("all",))


def signed_twice(repository: BendableRepository) -> None:
    repository.publish(bump=("all",))
    document = json.loads(repository.files["metadata/timestamp.json"])
    document["signatures"] *= 2
    repository.files["metadata/timestamp.json"] = json.dumps(document).encode()


def threshold_zero(repository: BendableRepository) -> None:
    repository.next_root()
    root = json.loads(repository.files["metadata/2.root.json"])["signed"]
    root["roles"]["timestamp"]["threshold"] = 0
    repository.files["metadata/2.root.json"] = signed_json(root, repository.keys["root"])
    repository.publish(bump=("all",))


def version_beyond_bounds(repository: BendableRepository) -> None:
    """A fast-forward to where the journal has no room for it."""
    repository.timestamp.version = 2**32
    repository.publish_timestamp()


def listed_version_zero(repository: BendableRepository) -> None:
    timestamp = json.loads(repository.files["metadata/timestamp.json"])["signed"]
    timestamp["version"] += 1
    timestamp["meta"]["snapshot.json"]["version"] = 0
    repository.files["metadata/timestamp.json"] = signed_json(timestamp, repository.keys["timestamp"])


def unknown_hash(repository: BendableRepository) -> None:
    repository.publish(bump=("all",))
    timestamp = json.loads(repository.files["metadata/timestamp.json"])["signed"]
    hashes = timestamp["meta"]["snapshot.json"]["hashes"]
    hashes["blake3"] = hashes.pop("sha256")
    repository.files["metadata/timestamp.json"] = signed_json(timestamp, repository.keys["timestamp"])


def paths_and_prefixes(repository: BendableRepository) -> None:
    targets = json.loads(repository.files["metadata/2.targets.json"])["signed"]
    targets["version"] = 3
    targets["delegations"]["roles"][0]["path_hash_prefixes"] = ["00"]
    data = signed_json(targets, repository.keys["targets"])
    repository.targets.version = 3
    repository.snapshot.version = 3
    repository.timestamp.version = 3
    repository.snapshot.meta["targets.json"] = MetaFile(3)
    repository.files["metadata/3.targets.json"] = data
    repository.publish_snapshot()


def signed_json(signed: dict[str, Any], signers: list[CryptoSigner]) -> bytes:
    """Metadata that python-tuf would not write."""
    data = str(encode_canonical(signed)).encode()
    signatures = [signer.sign(data).to_dict() for signer in signers]
    return json.dumps({"signed": signed, "signatures": signatures}).encode()


def no_timestamp(repository: BendableRepository) -> None:
    del repository.files["metadata/timestamp.json"]


def two_names(data: bytes) -> bytes:
    return data.replace(b'"version":3', b'"version":3,"version":3')


def root_without(role: str, rotate: tuple[str, ...]) -> Bend:
    """Signed as it has to be; another role's keys are new, so that something would have to move."""

    def bend(repository: BendableRepository) -> None:
        repository.next_root(rotate=rotate)
        path = f"metadata/{repository.root.version}.root.json"
        signed = json.loads(repository.files[path])["signed"]
        del signed["roles"][role]
        signers = repository.keys["root"]
        canonical = str(encode_canonical(signed)).encode()
        signatures = [signer.sign(canonical).to_dict() for signer in signers]
        repository.files[path] = json.dumps({"signed": signed, "signatures": signatures}).encode()

    return bend


ATTACKS: list[tuple[str, Bend, type[UpdateError], set[str]]] = [
    # (what, how, the error, stored files that may have moved before it: those of earlier, good steps)
    ("timestamp by a foreign key", wrong_key("timestamp"), SignatureError, set()),
    ("snapshot by a foreign key", wrong_key("snapshot"), SignatureError, {"timestamp.json"}),
    ("targets by a foreign key", wrong_key("targets"), SignatureError, {"timestamp.json", "snapshot.json"}),
    ("board role by a foreign key", wrong_key(ROLE), SignatureError, STORED),
    ("expired timestamp", expired("timestamp"), ExpiredError, set()),
    ("expired snapshot", expired("snapshot"), ExpiredError, {"timestamp.json"}),
    ("expired targets", expired("targets"), ExpiredError, {"timestamp.json", "snapshot.json"}),
    ("expired board role", expired(ROLE), ExpiredError, STORED),
    ("timestamp rollback", timestamp_rollback, RollbackError, set()),
    ("snapshot rollback", snapshot_rollback, RollbackError, set()),
    ("targets rollback", targets_rollback, RollbackError, {"timestamp.json"}),
    ("role lost from the snapshot", lost_from_snapshot, RollbackError, {"timestamp.json"}),
    ("mix and match: old snapshot", mixed_snapshot, HashError, {"timestamp.json"}),
    ("mix and match: old board role", mixed_board, HashError, STORED),
    ("timestamp lies about a version", snapshot_version_lies, MismatchError, {"timestamp.json"}),
    ("snapshot lies about a version", targets_version_lies, MismatchError, {"timestamp.json", "snapshot.json"}),
    ("changed snapshot", garbled("metadata/3.snapshot.json", lambda d: d.replace(b'"version":3', b'"version":4')),
     HashError, {"timestamp.json"}),
    ("changed timestamp", garbled("metadata/timestamp.json", lambda d: d.replace(b'"version":3', b'"version":4')),
     SignatureError, set()),
    ("cut timestamp", garbled("metadata/timestamp.json", lambda d: d[:-1]), MismatchError, set()),
    ("a key twice in the JSON", garbled("metadata/timestamp.json", two_names), MismatchError, set()),
    ("cut targets", garbled("metadata/3.targets.json", lambda d: d[:-1]), LengthError,
     {"timestamp.json", "snapshot.json"}),
    ("endless timestamp", too_long("metadata/timestamp.json"), NetworkError, set()),
    ("endless snapshot", too_long("metadata/3.snapshot.json"), NetworkError, {"timestamp.json"}),
    ("endless targets", targets_unlisted, NetworkError, {"timestamp.json", "snapshot.json"}),
    ("no timestamp at all", no_timestamp, NetworkError, set()),
    ("root below its threshold", below_root_threshold, SignatureError, set()),
    ("one root key signs twice", one_root_key_twice, SignatureError, set()),
    ("root signed by new keys only", root_of_new_keys_only, SignatureError, set()),
    ("root signed by old keys only", root_of_old_keys_only, SignatureError, set()),
    ("root skips a version", root_skips_a_version, RollbackError, set()),
    ("the first root served as the third", root_goes_back, RollbackError, {"root.json"}),
    ("root without the snapshot's role", root_without("snapshot", ("timestamp",)), MismatchError, set()),
    ("root without the timestamp's role", root_without("timestamp", ("snapshot",)), MismatchError, set()),
    ("root without the targets' role", root_without("targets", ("timestamp",)), MismatchError, set()),
    ("expired root", expired_root, ExpiredError, {"root.json"}),
    ("one key under two ids", one_key_under_two_ids, SignatureError, {"root.json"}),
    ("one key listed twice", one_key_listed_twice, SignatureError, {"root.json"}),
    ("one of two targets keys compromised", one_compromised_targets_key, SignatureError,
     {"root.json", "timestamp.json", "snapshot.json"}),
    ("one key id signs twice", signed_twice, SignatureError, set()),
    ("threshold zero", threshold_zero, MismatchError, {"root.json"}),
    ("fast-forward beyond the bounds", version_beyond_bounds, MismatchError, set()),
    ("timestamp lists version zero", listed_version_zero, MismatchError, set()),
    ("only an unknown hash", unknown_hash, MismatchError, {"timestamp.json"}),
    ("a delegation by paths and by hashes", paths_and_prefixes, MismatchError,
     {"timestamp.json", "snapshot.json", "targets.json"}),
]  # fmt: skip
