"""A repository whose metadata python-tuf writes and signs, and which tests may bend before it is served."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

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

TOP_LEVEL = ("root", "targets", "snapshot", "timestamp")
BELOW_ROOT = ("targets", "snapshot", "timestamp")


def new_key(kind: str = "ecdsa") -> CryptoSigner:
    made: dict[str, Callable[[], CryptoSigner]] = {
        "ecdsa": CryptoSigner.generate_ecdsa,
        "ed25519": CryptoSigner.generate_ed25519,
        "rsa": CryptoSigner.generate_rsa,
    }
    return made[kind]()


def days(count: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=count)


class Repository:
    """Change `signed`, `signers` or `files`; `publish` signs. `asked` are the paths that were asked for."""

    def __init__(self) -> None:
        self.signed: dict[str, Any] = {
            "root": Root(expires=days(30), consistent_snapshot=True),
            "targets": Targets(expires=days(30)),
            "snapshot": Snapshot(expires=days(30)),
            "timestamp": Timestamp(expires=days(30)),
        }
        self.signers: dict[str, list[CryptoSigner]] = {role: [new_key()] for role in TOP_LEVEL}
        self.hashed = False
        self._published: set[str] = set()
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        for role in TOP_LEVEL:
            self.root.add_key(self.signers[role][0].public_key, role)
        self.publish(*BELOW_ROOT, "root", bump=False)

    @property
    def root(self) -> Root:
        found: Root = self.signed["root"]
        return found

    @property
    def targets(self) -> Targets:
        found: Targets = self.signed["targets"]
        return found

    def path(self, role: str, version: int | None = None) -> str:
        """Where the file of a role is served; `version` is the one it has now unless given."""
        name = quote(role, "")
        if role == "timestamp" or (role != "root" and not self.root.consistent_snapshot):
            return f"metadata/{name}.json"
        return f"metadata/{version or self.signed[role].version}.{name}.json"

    def file(self, role: str) -> bytes:
        return self.files[self.path(role)]

    def publish(self, *roles: str, bump: bool = True) -> None:
        """Sign each role in this order, a version higher unless told otherwise, and list it in the next one up."""
        for role in roles:
            signed = self.signed[role]
            signed.version += bump and role in self._published
            self._published.add(role)
            metadata = Metadata(signed)
            for signer in self.signers[role]:
                metadata.sign(signer, append=True)
            self.serve(role, metadata.to_bytes())

    def serve(self, role: str, data: bytes) -> None:
        self.files[self.path(role)] = data
        version = self.signed[role].version
        facts = MetaFile.from_data(version, data, ["sha256"]) if self.hashed else MetaFile(version)
        if role == "snapshot":
            self.signed["timestamp"].snapshot_meta = facts
        elif role not in ("root", "timestamp"):
            self.signed["snapshot"].meta[f"{role}.json"] = facts

    def release(self) -> None:
        """Everything below root, a version higher."""
        self.publish(*BELOW_ROOT)

    def rewrite(self, role: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Serve what python-tuf would not write: `change` the signed part of a role's file, and sign that."""
        signed = json.loads(self.file(role))["signed"]
        change(signed)
        data = str(encode_canonical(signed)).encode()
        signatures = [signer.sign(data).to_dict() for signer in self.signers[role]]
        self.serve(role, json.dumps({"signed": signed, "signatures": signatures}).encode())

    def resign(self, role: str, change: Callable[[list[dict[str, Any]]], None]) -> None:
        """`change` the list of signatures on a role's file."""
        document = json.loads(self.file(role))
        change(document["signatures"])
        self.serve(role, json.dumps(document).encode())

    def rotate(self, role: str, kind: str = "ecdsa") -> None:
        """Give `role` one new key in place of those it has; root is not published yet."""
        for keyid in list(self.root.roles[role].keyids):
            self.root.revoke_key(keyid, role)
        self.signers[role] = [new_key(kind)]
        self.root.add_key(self.signers[role][0].public_key, role)

    def delegate(self, parent: str, name: str, paths: list[str] | None = None, **role: Any) -> None:
        """`parent` delegates to `name`, last of all, by one more new key; the file is published by `publish`."""
        signer = new_key()
        delegations = self.signed[parent].delegations or Delegations({}, roles={})
        self.signed[parent].delegations = delegations
        if paths is None and "path_hash_prefixes" not in role:
            paths = ["*"]
        made = {"threshold": 1, "terminating": False, "paths": paths} | role
        delegations.roles[name] = DelegatedRole(name, [], **made)
        self.signed[parent].add_key(signer.public_key, name)
        self.signers.setdefault(name, []).append(signer)
        self.signed.setdefault(name, Targets(expires=days(30)))

    def add(self, role: str, name: str, data: bytes, hashes: tuple[str, ...] = ("sha256",)) -> None:
        """`role` lists the artifact `name`, and it is served as consistent snapshots ask for."""
        target = TargetFile.from_data(name, data, list(hashes))
        self.signed[role].targets[name] = target
        for path in self.artifact_paths(name, target):
            self.files[path] = data

    def artifact_paths(self, name: str, target: TargetFile) -> list[str]:
        folder, slash, last = name.rpartition("/")
        if not self.root.consistent_snapshot:
            return [f"targets/{name}"]
        return [f"targets/{folder}{slash}{digest}.{last}" for digest in target.hashes.values()]
