"""The fleet's own keys change at one publication, for all at once, whatever is cut off; the old private key is gone."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner, Key, SecretsHandler

from fleet.updates import keys as keys_module
from fleet.updates.errors import RepositoryError
from fleet.updates.keys import ONLINE_ROLES, OnlineKeys
from fleet.updates.metadata import parse
from fleet.updates.repository import TIMESTAMP_LIFE, Repository, ensure
from tests.fleet.release_owners import NOW, Owners, check_refused, tree
from tests.fleet.updates.cuts import check_served, publish_until
from tools.release.keys import key_of


@pytest.fixture
def rotating(owners: Owners) -> Owners:
    """A published repository, and in the bundle a root and targets that list the next keys."""
    owners.initialise()
    owners.sign("1.0.0", 1)
    owners.publish()
    owners.rotate_online()
    return owners


def keyids(repository: Repository) -> dict[str, str]:
    return {role: entry["keyid"] for role, entry in repository.keys.public().items()}


def test_until_the_publication_the_old_keys_sign_and_from_it_on_the_new(rotating: Owners) -> None:
    repository = rotating.repository
    before, public = keyids(repository), repository.keys.public()
    other = ensure(repository.directory.parent)  # another process, started before
    repository.renew(NOW + TIMESTAMP_LIFE)
    check_served(repository)
    assert keyids(repository) == before
    assert other.director.keyid == before["director"]
    rotating.publish()
    check_served(repository)
    check_served(other)
    assert keyids(repository) == {role: entry["next"]["keyid"] for role, entry in public.items()}
    assert sorted(path.name for path in repository.keys.directory.iterdir()) == [
        "director.pem",
        "snapshot.pem",
        "timestamp.pem",
    ]
    rotating.publish()
    repository.renew(NOW + TIMESTAMP_LIFE + timedelta(days=20))
    check_served(repository)


def test_a_crash_at_any_point_leaves_a_repository_that_verifies_or_a_renewal_mends(
    rotating: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = rotating.repository.directory.parent
    files, payloads = rotating.publication()
    following = {role: entry["next"]["keyid"] for role, entry in rotating.repository.keys.public().items()}
    step, ended = 0, False
    while not ended:
        copy = data_dir.parent / f"data-{step}"
        shutil.copytree(data_dir, copy)
        done, ended = publish_until(monkeypatch, step, ensure(copy), files, payloads)
        again = ensure(copy)
        rooted = "2.root.json" in done
        if not rooted or "timestamp.json" in done:
            check_served(again)
        check_served(ensure(copy, NOW))  # what starts in its place mends it
        again.publish(files, payloads, NOW)
        check_served(again)
        assert keyids(again) == following
        assert not list(again.keys.directory.glob("*.next.*"))
        step += 1
    assert step > 8


def test_a_root_that_lists_a_key_of_neither_now_nor_next_is_refused(rotating: Owners, tmp_path: Path) -> None:
    stranger = ensure(tmp_path / "stranger")
    stranger.make_next_keys(ONLINE_ROLES)
    files, _ = rotating.publication()
    shutil.rmtree(rotating.repository.keys.directory)
    shutil.copytree(stranger.keys.directory, rotating.repository.keys.directory)
    check_refused(rotating, files, {}, "does not list this fleet's snapshot key, current or next")


def test_a_next_key_is_made_once_and_is_nobody_elses(owners: Owners) -> None:
    owners.initialise()
    owners.publish()
    assert owners.repository.make_next_keys(["snapshot"]) == ["snapshot"]
    made = owners.repository.keys.public()
    assert owners.repository.make_next_keys(["snapshot", "director"]) == ["director"]
    assert owners.repository.keys.public()["snapshot"] == made["snapshot"]
    assert {path.stat().st_mode & 0o777 for path in owners.repository.keys.directory.iterdir()} == {0o600}


def test_one_role_alone_can_change_its_key(owners: Owners) -> None:
    owners.initialise()
    owners.publish()
    for role in ONLINE_ROLES:
        before = keyids(owners.repository)
        owners.repository.make_next_keys([role])
        following = owners.repository.keys.public()[role]["next"]
        owners.replace_keys({before[role]: key_of(following)})
        owners.publish()
        assert keyids(owners.repository) == before | {role: following["keyid"]}
        check_served(owners.repository)


class Cloud(CryptoSigner):
    """A signer that is no file."""

    held: dict[str, CryptoSigner] = {}  # noqa: RUF012

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> CryptoSigner:
        return cls.held[priv_key_uri.removeprefix("cloud:")]


def test_an_online_key_may_lie_in_a_cloud(owners: Owners, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "cloud", Cloud)
    owners.initialise()
    owners.publish()
    Cloud.held["a"] = signer = CryptoSigner.generate_ed25519()
    entry = {"keyid": signer.public_key.keyid, "key": signer.public_key.to_dict()}
    directory = owners.repository.keys.directory
    (directory / "timestamp.next.json").write_text(json.dumps(entry | {"uri": "cloud:a"}))
    owners.replace_keys({keyids(owners.repository)["timestamp"]: key_of(entry)})
    owners.publish()
    assert sorted(path.name for path in directory.iterdir()) == ["director.pem", "snapshot.pem", "timestamp.json"]
    check_served(owners.repository)
    (directory / "timestamp.json").write_text(json.dumps(entry | {"uri": "nowhere:a"}))
    with pytest.raises(RepositoryError, match=r"timestamp\.json names no key that can be used"):
        owners.repository.renew(NOW + TIMESTAMP_LIFE)


def test_a_published_key_that_is_not_here_is_said(owners: Owners, tmp_path: Path) -> None:
    owners.initialise()
    owners.publish()
    keys_module.ensure_keys(tmp_path / "others")
    shutil.copy(tmp_path / "others/timestamp.pem", owners.repository.keys.directory)
    before = tree(owners.repository.directory / "metadata")
    with pytest.raises(RepositoryError, match=r"the published timestamp key .* is not in keys; restore a backup"):
        owners.repository.renew(NOW + TIMESTAMP_LIFE)
    assert tree(owners.repository.directory / "metadata") == before


def test_no_signer_shows_its_key(owners: Owners) -> None:
    keys = OnlineKeys(owners.repository.keys.directory)
    assert "PRIVATE" not in repr(keys) + repr(keys.signer("director")) + json.dumps(keys.public())


def test_timestamp_and_snapshot_stay_within_what_units_take(rotating: Owners) -> None:
    rotating.publish()
    for path in (rotating.repository.directory / "metadata").iterdir():
        parse(path.name.split(".")[-2], path.read_bytes())
