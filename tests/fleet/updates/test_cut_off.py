"""A publication of several roots, or one after another that was given up, is whole or not begun, wherever it is cut."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from fleet.updates.keys import OnlineKeys, directory_of
from fleet.updates.repository import ensure
from tests.fleet.release_owners import NOW, Owners, versions
from tests.fleet.updates.cuts import Cut, check_hashes, check_served, dying_at, publish_until
from tools.release.keys import key_of
from tools.release.sign import renew


@pytest.fixture
def owners(owners: Owners) -> Owners:
    owners.initialise()
    owners.sign("1.0.0", 1)
    owners.publish()
    return owners


def test_several_roots_are_served_together_or_not_at_all(owners: Owners, monkeypatch: pytest.MonkeyPatch) -> None:
    owners.repository.make_next_keys(["timestamp"])
    timestamp = owners.repository.keys.public()["timestamp"]
    owners.replace_keys({timestamp["keyid"]: key_of(timestamp["next"])})
    owners.replace(targets="targets-9")
    renew(owners.bundle, owners.keys, "root", NOW)
    data_dir, publication = owners.repository.directory.parent, owners.publication()
    step, ended = 0, False
    while not ended:
        copy = data_dir.parent / f"data-{step}"
        shutil.copytree(data_dir, copy)
        _, ended = publish_until(monkeypatch, step, ensure(copy), *publication)
        repository = ensure(copy, NOW)  # what starts in its place
        check_served(repository)
        check_hashes(repository)
        owners_again = Owners(owners.keys, owners.bundle, repository)
        owners_again.publish()
        check_served(repository)
        assert versions(repository)["root"] == 4
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
    while "3.root.json" not in publish_until(monkeypatch, step, owners.repository, *owners.publication())[0]:
        step += 1
    assert not (owners.repository.directory / "metadata" / "2.root.json").exists(), "it is served before root 3"
    shutil.rmtree(owners.bundle.directory)
    shutil.copytree(before, owners.bundle.directory)
    owners.replace(root_3="root-9")
    owners.publish()
    assert versions(owners.repository)["root"] == 2
    assert not (owners.repository.directory / "metadata" / "3.root.json").exists()
    check_served(owners.repository)


def test_a_snapshot_of_a_publication_that_was_given_up_never_becomes_current_with_files_of_another(
    owners: Owners, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = tmp_path / "bundle-before"
    shutil.copytree(owners.bundle.directory, before)
    owners.replace(targets="targets-8")
    written, _ = publish_until(monkeypatch, 2, owners.repository, *owners.publication())
    assert written[-1].endswith(".snapshot.json")
    shutil.rmtree(owners.bundle.directory)
    shutil.copytree(before, owners.bundle.directory)
    renew(owners.bundle, owners.keys, "targets", NOW + timedelta(days=1))
    written, _ = publish_until(monkeypatch, 1, owners.repository, *owners.publication())
    assert written == ["2.targets.json"]
    repository = ensure(owners.repository.directory.parent, NOW)
    check_served(repository)
    check_hashes(repository)
    owners.publish()
    check_hashes(repository)
    assert versions(repository)["targets"] == 2


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
