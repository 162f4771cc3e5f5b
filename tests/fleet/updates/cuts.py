"""A fleet that dies at a file operation, and what holds of the repository whoever comes after finds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata, MetaFile

from fleet.updates import repository as module
from fleet.updates.metadata import parse
from fleet.updates.repository import Repository
from tests.fleet.release_owners import NOW


class Cut(BaseException):
    """The process dies here."""


def dying_at(monkeypatch: pytest.MonkeyPatch, step: int) -> list[str]:
    """Die at the file operation of that number: writes of the repository, renames and removals of keys."""
    done: list[str] = []

    def counted(name: str) -> None:
        if len(done) == step:
            raise Cut
        done.append(name)

    write, replace, unlink = module.write_whole, Path.replace, Path.unlink

    def cut_write(path: Path, data: bytes, mode: int = 0o644) -> None:
        counted(path.name)
        write(path, data, mode)

    def cut_replace(self: Path, target: Path) -> Path:
        if self.parent.name == "keys":
            counted(self.name)
        return replace(self, target)

    def cut_unlink(self: Path, missing_ok: bool = False) -> None:
        if self.parent.name == "keys":
            counted(self.name)
        unlink(self, missing_ok)

    monkeypatch.setattr(module, "write_whole", cut_write)
    monkeypatch.setattr(Path, "replace", cut_replace)
    monkeypatch.setattr(Path, "unlink", cut_unlink)
    return done


def publish_until(
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    repository: Repository,
    files: Mapping[str, bytes],
    payloads: Mapping[str, bytes],
) -> tuple[list[str], bool]:
    """Publish and die at the file operation of that number: those that were done, and whether it got through."""
    with monkeypatch.context() as patched:
        done = dying_at(patched, step)
        try:
            repository.publish(files, payloads, NOW)
        except Cut:
            return done, False
    return done, True


def check_served(repository: Repository) -> None:
    """What is served verifies from the newest root down, and the director's signature by what targets lists."""
    metadata = repository.directory / "metadata"
    newest = 1
    while (metadata / f"{newest + 1}.root.json").exists():  # as clients walk: none is fetched beyond a gap
        newest += 1
    root = Metadata.from_file(str(metadata / f"{newest}.root.json"))
    timestamp: Metadata[Any] = Metadata.from_file(str(metadata / "timestamp.json"))
    root.verify_delegate("timestamp", timestamp)
    version = timestamp.signed.snapshot_meta.version
    snapshot: Metadata[Any] = Metadata.from_file(str(metadata / f"{version}.snapshot.json"))
    root.verify_delegate("snapshot", snapshot)
    number = snapshot.signed.meta["targets.json"].version
    targets: Metadata[Any] = Metadata.from_file(str(metadata / f"{number}.targets.json"))
    root.verify_delegate("targets", targets)
    signed = json.loads(repository.director.sign("PT000000018", 1, None, NOW))
    assert [each["keyid"] for each in signed["signatures"]] == targets.signed.delegations.roles["director"].keyids


def check_hashes(repository: Repository) -> None:
    """Every file the current snapshot lists is the one it lists."""
    metadata = repository.directory / "metadata"
    timestamp = parse("timestamp", (metadata / "timestamp.json").read_bytes()).signed
    number = timestamp.snapshot_meta.version
    snapshot = parse("snapshot", (metadata / f"{number}.snapshot.json").read_bytes()).signed
    listed: dict[str, MetaFile] = snapshot.meta
    for name, meta in listed.items():
        meta.verify_length_and_hashes((metadata / f"{meta.version}.{name}").read_bytes())
