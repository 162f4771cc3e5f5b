"""An update repository that tests can bend: real python-tuf metadata, real keys, and every file in a dict."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from adapter.update.errors import NetworkError
from adapter.update.fetching import Get
from fleet.updates.director import AssignedImage, Director
from protocol.wire.image import ImageHeader
from protocol.wire.release import delta_name, target_facts, target_name

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
SERIAL = "PT000000019"
BOARD = "simulated"
ROLE = "board-simulated"
ABI = 6
PAYLOAD = b"p" * 9000
_SCHEME = "ecdsa-sha2-nistp256"


def new_key() -> CryptoSigner:
    return CryptoSigner.generate_ecdsa(scheme=_SCHEME)


class BendableRepository:
    """Change `root`, `targets`, `board`, `snapshot`, `timestamp` or `keys`, then `publish`."""

    def __init__(self) -> None:
        expires = NOW + timedelta(days=30)
        self.keys = {name: [new_key()] for name in ("targets", "snapshot", "timestamp", ROLE, "director")}
        self.keys["root"] = [new_key() for _ in range(3)]
        self.root = Root(version=1, expires=expires, consistent_snapshot=True)
        for role in ("root", "targets", "snapshot", "timestamp"):
            for signer in self.keys[role]:
                self.root.add_key(signer.public_key, role)
        self.root.roles["root"].threshold = 2
        self.board = Targets(version=1, expires=expires)
        self.targets = Targets(version=1, expires=expires, delegations=self._delegations())
        self.snapshot = Snapshot(version=1, expires=expires)
        self.timestamp = Timestamp(version=1, expires=expires)
        self.files: dict[str, bytes] = {}
        self.old_root_signers = self.keys["root"]
        self.publish_root()
        self.publish()

    def _delegations(self) -> Delegations:
        keys = {signer.public_key.keyid: signer.public_key for role in (ROLE, "director") for signer in self.keys[role]}
        board, director = (self.keys[role][0].public_key.keyid for role in (ROLE, "director"))
        return Delegations(
            keys,
            {
                ROLE: DelegatedRole(ROLE, [board], 1, True, paths=["simulated_*.img"]),
                "director": DelegatedRole("director", [director], 1, True, paths=["director/*"]),
            },
        )

    @property
    def first_root(self) -> bytes:
        return self.files["metadata/1.root.json"]

    def signed(self, signed: Any, signers: list[CryptoSigner], compact: bool = True) -> bytes:
        metadata = Metadata(signed)
        for signer in signers:
            metadata.sign(signer, append=True)
        return metadata.to_bytes(JSONSerializer(compact=compact))

    def publish_root(self, signers: list[CryptoSigner] | None = None) -> None:
        """Sign root by its keys (all of the old and the new version, unless told otherwise)."""
        signers = signers or list({s.public_key.keyid: s for s in self.old_root_signers + self.keys["root"]}.values())
        self.files[f"metadata/{self.root.version}.root.json"] = self.signed(self.root, signers)

    def next_root(self, rotate: tuple[str, ...] = ()) -> None:
        """Root N+1 with fresh keys for the roles `rotate`."""
        self.root.version += 1
        self.old_root_signers = self.keys["root"]
        for role in rotate:
            for signer in self.keys[role]:
                self.root.revoke_key(signer.public_key.keyid, role)
            self.keys[role] = [new_key() for _ in self.keys[role]]
            for signer in self.keys[role]:
                self.root.add_key(signer.public_key, role)
        self.publish_root()

    def add_image(self, version: str = "1.0.0", counter: int = 1, payload: bytes = PAYLOAD, **header: Any) -> str:
        """An image with its target; its name."""
        facts = {"revision_from": 1, "revision_to": 4, "abi": ABI, "security_counter": 0, "data_schema": 1,
                 "minimum_heap_bytes": 1000, "board": BOARD} | header  # fmt: skip
        made = ImageHeader(version=version, release_counter=counter, **facts)
        image = made.pack(payload) + payload
        name = target_name(BOARD, version)
        self.add_target(name, image, target_facts(made))
        return name

    def add_delta(self, base: bytes, name: str, data: bytes, custom: Any = None) -> str:
        """`data` as the delta from the image `base` to the one called `name`; the path under which it is served."""
        custom = custom or {"base": sha256(base).hexdigest()}
        return self.add_target(delta_name(name, ImageHeader.unpack(base).version), data, custom)

    def add_target(self, name: str, data: bytes, custom: Any) -> str:
        """A target of the board's role; the path under which it is served."""
        target = TargetFile.from_data(name, data, ["sha256"])
        target.unrecognized_fields["custom"] = custom
        self.board.targets[name] = target
        path = f"targets/{target.hashes['sha256']}.{name}"
        self.files[path] = data
        return path

    def renew(self, now: datetime) -> None:
        """Everything is published anew, to hold for 30 days from `now` on: for a unit whose clock is the real one."""
        for signed in (self.root, *self._online().values()):
            signed.expires = now + timedelta(days=30)
        self.publish_root()
        self.publish(bump=("all",))

    def image(self, name: str) -> bytes:
        return self.files[f"targets/{self.board.targets[name].hashes['sha256']}.{name}"]

    def publish(self, bump: tuple[str, ...] = (), compact: bool = True) -> None:
        """Sign everything below root; `bump` raises those versions first ("all": every one)."""
        for role, signed in self._online().items():
            if role in bump or "all" in bump:
                signed.version += 1
        names = {"targets": self.targets, ROLE: self.board}
        for role, signed in names.items():
            data = self.signed(signed, self.keys[role], compact)
            self.files[f"metadata/{signed.version}.{role}.json"] = data
            self.snapshot.meta[f"{role}.json"] = MetaFile.from_data(signed.version, data, ["sha256"])
        self.publish_snapshot(compact)

    def publish_snapshot(self, compact: bool = True) -> None:
        data = self.signed(self.snapshot, self.keys["snapshot"], compact)
        self.files[f"metadata/{self.snapshot.version}.snapshot.json"] = data
        self.timestamp.snapshot_meta = MetaFile.from_data(self.snapshot.version, data, ["sha256"])
        self.publish_timestamp(compact)

    def publish_timestamp(self, compact: bool = True) -> None:
        self.files["metadata/timestamp.json"] = self.signed(self.timestamp, self.keys["timestamp"], compact)

    def _online(self) -> dict[str, Any]:
        return {"targets": self.targets, ROLE: self.board, "snapshot": self.snapshot, "timestamp": self.timestamp}

    def assigned_image(self, listed: str, **changes: Any) -> AssignedImage:
        target = self.board.targets[listed]
        facts = {
            "name": listed,
            "length": target.length,
            "sha256": target.hashes["sha256"],
            "release_counter": target.custom["release_counter"],
            "board": target.custom["board"],
        }
        return AssignedImage(**(facts | changes))

    def assign(
        self, name: str | None, sequence: int = 1, serial: str = SERIAL, at: datetime = NOW, **changes: Any
    ) -> None:
        """The director's order for the unit, signed by the fleet's own code."""
        image = None if name is None else self.assigned_image(name, **changes)
        order = Director(self.keys["director"][0]).sign(serial, sequence, image, at)
        self.files[f"director/{SERIAL}.json"] = order

    def assign_to(self, serial: str, name: str | None, at: datetime) -> None:
        """The director's first order for another unit than SERIAL, where that one looks for it."""
        self.assign(name, serial=serial, at=at)
        self.files[f"director/{serial}.json"] = self.files.pop(f"director/{SERIAL}.json")

    def forge_assignment(self, signer: CryptoSigner | None = None, **changes: Any) -> None:
        """The current order with `changes`, signed by `signer` (the director if None)."""
        signed = json.loads(self.files[f"director/{SERIAL}.json"])["signed"] | changes
        signature = (signer or self.keys["director"][0]).sign(str(encode_canonical(signed)).encode())
        whole = {"signed": signed, "signatures": [signature.to_dict()]}
        self.files[f"director/{SERIAL}.json"] = json.dumps(whole).encode()


def assigned_repository(payload: bytes = PAYLOAD) -> BendableRepository:
    """Of one image, 1.0.0 of release counter 2, which is assigned."""
    made = BendableRepository()
    name = made.add_image("1.0.0", 2, payload)
    made.publish(bump=("all",))
    made.assign(name)
    return made


class DictStore(dict[str, bytes]):
    """The unit's metadata store."""

    def put(self, name: str, data: bytes) -> None:
        self[name] = bytes(data)

    def delete(self, name: str) -> None:
        self.pop(name, None)


def serve(
    job: Generator[Get, Any, Any],
    files: dict[str, bytes] | list[dict[str, bytes] | None],
    chunk_bytes: int = 1000,
    asked: list[tuple[int, str]] | None = None,
) -> Any:
    """Drive a generator of Gets from `files`, or one such dict a mirror (None: out of reach); what it returns.

    `asked` gets (mirror, path) of each Get.
    """
    mirrors = files if isinstance(files, list) else [files]
    try:
        get = next(job)
        while True:
            if asked is not None:
                asked.append((get.mirror, get.path))
            mirror = mirrors[get.mirror]
            if mirror is None:
                get = job.throw(NetworkError(f"mirror {get.mirror} is out of reach"))
                continue
            data = mirror.get(get.path)
            if data is None:
                get = job.send(None)
            elif len(data) - get.offset > get.max_bytes:
                get = job.throw(NetworkError(f"{get.path} is endless"))
            elif get.sink is None:
                get = job.send(data)
            else:
                for at in range(get.offset, len(data), chunk_bytes):
                    get.sink(data[at : at + chunk_bytes])
                get = job.send(b"")
    except StopIteration as stop:
        return stop.value
