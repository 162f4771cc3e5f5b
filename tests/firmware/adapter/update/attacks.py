"""The attacks of the TUF paper on a BendableRepository: how, which error ends it, what may have moved before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

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


def no_timestamp(repository: BendableRepository) -> None:
    del repository.files["metadata/timestamp.json"]


def two_names(data: bytes) -> bytes:
    return data.replace(b'"version":3', b'"version":3,"version":3')


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
    ("expired root", expired_root, ExpiredError, {"root.json"}),
]  # fmt: skip
