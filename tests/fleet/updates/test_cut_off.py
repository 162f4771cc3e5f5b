"""A publication of several roots, or one after another that was given up, is whole or not begun, wherever it is cut."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import MetaFile

from fleet.updates import repository as module
from fleet.updates.keys import OnlineKeys, directory_of
from fleet.updates.metadata import parse
from fleet.updates.repository import Repository, ensure
from tests.fleet.release_owners import NOW, Owners
from tests.fleet.updates.test_online_keys import Cut, check_served, dying_at
from tools.release.keys import key_of
from tools.release.sign import renew


@pytest.fixture
def owners(owners: Owners) -> Owners:
    owners.initialise()
    owners.sign("1.0.0", 1)
    owners.publish()
    return owners


def cut_at(
    owners: Owners, repository: Repository, step: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[str], bool]:
    """Publish what is new and die at the write of that number: the files written, and whether it got through."""
    published = {each.role: each.version for each in repository.status()}
    files, payloads = owners.bundle.files_after(published), owners.bundle.payloads_after(published)
    written: list[str] = []
    write = module.write_whole

    def cut(path: Path, data: bytes, mode: int = 0o644) -> None:
        if len(written) == step:
            raise Cut
        written.append(path.name)
        write(path, data, mode)

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_whole", cut)
        try:
            repository.publish(files, payloads, NOW)
        except Cut:
            return written, False
    return written, True


def check_hashes(repository: Repository) -> None:
    """Every file the current snapshot lists is the one it lists."""
    metadata = repository.directory / "metadata"
    timestamp = parse("timestamp", (metadata / "timestamp.json").read_bytes()).signed
    number = timestamp.snapshot_meta.version
    snapshot = parse("snapshot", (metadata / f"{number}.snapshot.json").read_bytes()).signed
    listed: dict[str, MetaFile] = snapshot.meta
    for name, meta in listed.items():
        meta.verify_length_and_hashes((metadata / f"{meta.version}.{name}").read_bytes())


def test_several_roots_are_served_together_or_not_at_all(owners: Owners, monkeypatch: pytest.MonkeyPatch) -> None:
    owners.repository.make_next_keys(["timestamp"])
    timestamp = owners.repository.keys.public()["timestamp"]
    owners.replace_keys({timestamp["keyid"]: key_of(timestamp["next"])})
    owners.replace(targets="targets-9")
    renew(owners.bundle, owners.keys, "root", NOW)
    data_dir = owners.repository.directory.parent
    step, ended = 0, False
    while not ended:
        copy = data_dir.parent / f"data-{step}"
        shutil.copytree(data_dir, copy)
        _, ended = cut_at(owners, ensure(copy), step, monkeypatch)
        repository = ensure(copy, NOW)  # what starts in its place
        check_served(repository)
        check_hashes(repository)
        owners_again = Owners(owners.keys, owners.bundle, repository)
        owners_again.publish()
        check_served(repository)
        assert {each.role: each.version for each in repository.status()}["root"] == 4
        step += 1
    assert step > 5


def test_a_root_of_a_publication_that_was_given_up_does_not_follow_on_another(
    owners: Owners, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = tmp_path / "bundle-before"
    shutil.copytree(owners.bundle.directory, before)
    renew(owners.bundle, owners.keys, "root", NOW)
    renew(owners.bundle, owners.keys, "root", NOW)
    step = 0
    while "3.root.json" not in cut_at(owners, owners.repository, step, monkeypatch)[0]:
        step += 1
    if (owners.repository.directory / "metadata" / "2.root.json").exists():
        pytest.fail("root 2 is served before root 3")
    shutil.rmtree(owners.bundle.directory)
    shutil.copytree(before, owners.bundle.directory)
    owners.replace(root_3="root-9")
    owners.publish()
    assert {each.role: each.version for each in owners.repository.status()}["root"] == 2
    assert not (owners.repository.directory / "metadata" / "3.root.json").exists()
    check_served(owners.repository)


def test_a_snapshot_of_a_publication_that_was_given_up_never_becomes_current_with_files_of_another(
    owners: Owners, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = tmp_path / "bundle-before"
    shutil.copytree(owners.bundle.directory, before)
    owners.replace(targets="targets-8")
    written, _ = cut_at(owners, owners.repository, 2, monkeypatch)
    assert written[-1].endswith(".snapshot.json")
    shutil.rmtree(owners.bundle.directory)
    shutil.copytree(before, owners.bundle.directory)
    renew(owners.bundle, owners.keys, "targets", NOW + timedelta(days=1))
    written, _ = cut_at(owners, owners.repository, 1, monkeypatch)
    assert written == ["2.targets.json"]
    repository = ensure(owners.repository.directory.parent, NOW)
    check_served(repository)
    check_hashes(repository)
    owners.publish()
    check_hashes(repository)
    assert {each.role: each.version for each in repository.status()}["targets"] == 2


def test_a_described_key_gives_way_to_a_file_wherever_it_is_cut(
    owners: Owners, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data_dir = owners.repository.directory.parent
    original = owners.repository.keys
    public = original.public()["director"]
    moved = (original.directory / "director.pem").rename(tmp_path / "elsewhere.pem")
    entry = {"key": public["key"], "keyid": public["keyid"], "uri": f"file2:{moved}"}
    (original.directory / "director.json").write_text(json.dumps(entry))
    original.make_next(["director"])
    following = original.public()["director"]["next"]["keyid"]
    for step in range(3):
        copy = tmp_path / f"data-{step}"
        shutil.copytree(data_dir, copy)
        keys = OnlineKeys(directory_of(copy))
        with monkeypatch.context() as patched:
            dying_at(patched, step)
            try:
                keys.settle("director", following)
                assert step == 2
            except Cut:
                assert step < 2
        assert keys.signer("director", following).public_key.keyid == following
        keys.settle("director", following)
        assert keys.public()["director"]["keyid"] == following
