"""The repository goes from whole to whole: what it refuses, what a crash leaves, what renewal does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Snapshot, Targets, Timestamp

from fleet.domain.errors import InvalidError
from fleet.updates import metadata as metadata_module
from fleet.updates import repository as module
from fleet.updates.errors import ImageError, MetadataError, NotInitialisedError, RepositoryError
from fleet.updates.keys import ensure_keys
from fleet.updates.repository import SNAPSHOT_LIFE, TIMESTAMP_LIFE, ensure
from protocol.wire.image import ImageHeader
from protocol.wire.release import MAX_METADATA_BYTES
from tests.fleet.release_owners import NOW, Owners, check_refused, make_image, tree, versions
from tests.fleet.updates.cuts import publish_until
from tools.release.record import ReleaseFacts, make_record, record_digest
from tools.release.sign import renew


def test_before_the_owners_signed_nothing_is_served_and_provisioning_says_what_to_do(owners: Owners) -> None:
    with pytest.raises(NotInitialisedError, match="release init"):
        owners.repository.root_metadata()
    assert owners.repository.status() == []
    assert owners.repository.metadata_file("timestamp.json") is None
    assert owners.repository.renew(NOW) == []


def test_the_first_publication_serves_every_role(owners: Owners) -> None:
    owners.initialise()
    owners.publish()
    assert versions(owners.repository) == {"board-simulated": 1, "root": 1, "snapshot": 1, "targets": 1, "timestamp": 1}
    assert owners.repository.root_metadata() == (owners.bundle.directory / "metadata/1.root.json").read_bytes()


def test_a_release_is_served_under_its_hash(owners: Owners) -> None:
    owners.initialise()
    image = owners.sign("1.0.0", 1)
    owners.publish()
    target = owners.repository.images()["simulated_1.0.0.img"]
    path = owners.repository.target_file(f"{target.hashes['sha256']}.simulated_1.0.0.img")
    assert path is not None
    assert path.read_bytes() == image
    assert target.custom["release_counter"] == 1


def test_every_file_fits_a_unit_even_with_many_releases(owners: Owners) -> None:
    owners.initialise()
    for counter in range(1, 13):
        owners.sign(f"1.{counter}.0", counter)
    owners.publish()
    sizes = {path.name: path.stat().st_size for path in (owners.repository.directory / "metadata").iterdir()}
    assert max(sizes.values()) <= MAX_METADATA_BYTES, sizes


def test_publishing_the_same_again_changes_nothing(owners: Owners) -> None:
    owners.initialise()
    owners.sign("1.0.0", 1)
    files, images = owners.publication()
    owners.repository.publish(files, images, NOW)
    before = tree(owners.repository.directory)
    owners.repository.publish(files, images, NOW)
    assert tree(owners.repository.directory) == before


IMAGE = "simulated_1.0.0.img"
ROLE, BOARD = "board-simulated", "2.board-simulated.json"


def custom_of(name: str, **facts: Any) -> Callable[[Targets], None]:
    return lambda signed: signed.targets[name].custom.update(facts)


def board_edited(owners: Owners, change: Callable[[Targets], None]) -> dict[str, bytes]:
    """The newest file of the board's role with its content changed, signed by the board's own key."""
    return owners.edited(ROLE, change, ROLE, versions_on=0)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda f, i, o: i.update({IMAGE: make_image("1.0.0", 1, payload=b"other")}), ImageError, "not the image"),
        (lambda f, i, o: i.clear(), ImageError, "no such file"),
        (lambda f, i, o: i.update({"simulated_9.img": b"x"}), ImageError, "sign before you publish"),
        (lambda f, i, o: f.update({BOARD: f[BOARD].replace(b'"abi":6', b'"abi":7')}), MetadataError, "not signed"),
        (lambda f, i, o: f.update({BOARD: f[BOARD] + b"\n"}), MetadataError, "compact form"),
        (lambda f, i, o: f.update({BOARD: b" " * (MAX_METADATA_BYTES + 1)}), MetadataError, "at most 8192"),
        (lambda f, i, o: f.update({BOARD: b"[" * 8000}), MetadataError, "no TUF metadata"),
        (lambda f, i, o: f.update({"3.board-simulated.json": f.pop(BOARD)}), MetadataError, "holds version 2"),
        (lambda f, i, o: f.update({"../2.root.json": b"{}"}), MetadataError, "no metadata file's name"),
        (lambda f, i, o: f.update({"2.board-other.json": f[BOARD]}), MetadataError, "does not follow"),
        (lambda f, i, o: f.update({"2.snapshot.json": f[BOARD]}), MetadataError, "holds targets metadata"),
        (
            lambda f, i, o: f.update(board_edited(o, custom_of(IMAGE, abi=7))),
            ImageError,
            "its header says",
        ),
        (
            lambda f, i, o: f.update(o.edited(ROLE, custom_of(IMAGE), "board-other", versions_on=0)),
            MetadataError,
            "not signed",
        ),
        (
            lambda f, i, o: f.update(board_edited(o, lambda s: setattr(s, "expires", NOW))),
            MetadataError,
            "expired",
        ),
        (
            lambda f, i, o: f.update({BOARD: o.edited(ROLE, lambda s: None, ROLE)["3.board-simulated.json"]}),
            MetadataError,
            "holds version 3",
        ),
    ],
)  # fmt: skip
def test_a_publication_a_unit_would_refuse_is_refused_and_nothing_moves(
    owners: Owners, change: Callable[..., None], error: type[InvalidError], match: str
) -> None:
    owners.initialise()
    owners.publish()
    owners.sign("1.0.0", 1)
    files, images = owners.publication()
    change(files, images, owners)
    check_refused(owners, files, images, match, error)


def test_root_and_targets_of_another_fleet_are_refused(owners: Owners, tmp_path: Path) -> None:
    owners.initialise()
    files, images = owners.publication()
    other = ensure(tmp_path / "other")
    with pytest.raises(MetadataError, match="this fleet's snapshot key"):
        other.publish(files, images, NOW)
    assert other.status() == []


def test_a_lower_or_equal_release_counter_is_refused(owners: Owners) -> None:
    owners.initialise()
    owners.sign("1.0.0", 5)
    owners.publish()
    owners.sign("1.1.0", 6)
    files, images = owners.publication()
    image = images["simulated_1.1.0.img"] = make_image("1.1.0", 4)
    header = ImageHeader.unpack(image)
    record = images["simulated_1.1.0.json"] = make_record("simulated_1.1.0.img", image, header, ReleaseFacts())

    def lower(signed: Targets) -> None:
        target = signed.targets["simulated_1.1.0.img"]
        target.custom.update({"release_counter": 4, "record": record_digest(record)})
        target.hashes["sha256"] = sha256(image).hexdigest()

    files |= board_edited(owners, lower)
    check_refused(owners, files, images, r"release counters \[4\] after 5")


def test_the_root_and_targets_can_be_signed_again(owners: Owners) -> None:
    owners.initialise()
    owners.publish()
    renew(owners.bundle, owners.keys, "root", NOW)
    renew(owners.bundle, owners.keys, "targets", NOW)
    owners.publish()
    assert versions(owners.repository) == {"board-simulated": 1, "root": 2, "snapshot": 2, "targets": 2, "timestamp": 2}


def test_what_was_signed_before_a_rotation_is_published_with_it(owners: Owners) -> None:
    """Owners who publish seldom: each file was right when it was signed, and the newest of each role is right now."""
    owners.initialise()
    owners.publish()
    owners.sign("1.0.0", 1)
    renew(owners.bundle, owners.keys, "targets", NOW)
    owners.replace(board_simulated="simulated-2")
    owners.replace(targets="targets-2")
    owners.sign("1.1.0", 2, payload=b"better")
    owners.publish()
    assert versions(owners.repository) == {"board-simulated": 4, "root": 2, "snapshot": 2, "targets": 4, "timestamp": 2}
    assert list(owners.repository.images()) == ["simulated_1.0.0.img", "simulated_1.1.0.img"]


def test_the_newest_version_of_a_role_is_never_one_of_a_key_of_before(owners: Owners) -> None:
    owners.initialise()
    owners.publish()
    owners.sign("1.0.0", 1)
    files, images = owners.publication()
    owners.replace(board_simulated="simulated-2")
    files |= {name: data for name, data in owners.publication()[0].items() if "targets" in name}
    check_refused(owners, files, images, "board-simulated version 2 is not signed as targets demands")


def test_roots_of_the_past_may_have_expired_and_the_newest_may_not(owners: Owners) -> None:
    """A fleet that lost its files gets all roots again, however old the first are."""
    owners.initialise()
    owners.sign("1.0.0", 1)
    owners.now = NOW + timedelta(days=731)
    with pytest.raises(MetadataError, match="root version 1 expired"):
        owners.publish()
    assert owners.repository.status() == []
    for role in ("root", "targets", "board-simulated"):
        renew(owners.bundle, owners.keys, role, owners.now)
    owners.publish()
    assert versions(owners.repository) == {"board-simulated": 3, "root": 2, "snapshot": 1, "targets": 2, "timestamp": 1}


@pytest.mark.parametrize("step", range(8))
def test_a_crash_at_any_write_leaves_the_old_state_or_leads_to_the_new(
    owners: Owners, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    owners.initialise()
    owners.publish()
    owners.sign("1.0.0", 1)
    renew(owners.bundle, owners.keys, "targets", NOW)
    renew(owners.bundle, owners.keys, "root", NOW)
    files, images = owners.publication()
    written, ended = publish_until(monkeypatch, step, owners.repository, files, images)
    root_live = "2.root.json" in written
    assert ended == (step == 7)
    assert versions(owners.repository)["board-simulated"] == (2 if ended else 1)
    owners.repository.renew(NOW)
    assert (versions(owners.repository)["board-simulated"] == 2) or not root_live
    owners.repository.publish(files, images, NOW)
    after = versions(owners.repository)
    assert {role: after[role] for role in ("root", "targets", "board-simulated")} == dict.fromkeys(
        ("root", "targets", "board-simulated"), 2
    )
    assert list(owners.repository.images()) == ["simulated_1.0.0.img"]


def test_a_snapshot_longer_than_units_take_stops_the_publication_before_anything_is_written(
    owners: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners.initialise()
    owners.publish()
    owners.sign("1.0.0", 1)
    files, images = owners.publication()
    before = tree(owners.repository.directory)

    def limited(role: str, data: bytes) -> Metadata[Any]:
        if role == "snapshot" and b'"board-simulated.json"' in data and data.count(b'"version":2}'):
            raise MetadataError("snapshot has more bytes than units take")
        return metadata_module.parse(role, data)

    monkeypatch.setattr(module, "parse", limited)
    with pytest.raises(MetadataError, match="more bytes than units take"):
        owners.repository.publish(files, images, NOW)
    monkeypatch.undo()
    assert tree(owners.repository.directory) == before


def test_renewal_waits_for_half_of_a_life_and_then_signs_anew(owners: Owners) -> None:
    owners.initialise()
    owners.publish()
    assert owners.repository.renew(NOW + TIMESTAMP_LIFE / 2) == []
    later = NOW + TIMESTAMP_LIFE / 2 + timedelta(seconds=1)
    assert [each.role for each in owners.repository.renew(later)] == ["timestamp"]
    much_later = NOW + SNAPSHOT_LIFE / 2 + timedelta(seconds=1)
    assert [each.role for each in owners.repository.renew(much_later)] == ["snapshot", "timestamp"]
    metadata = owners.repository.directory / "metadata"
    timestamp: Metadata[Timestamp] = Metadata.from_file(str(metadata / "timestamp.json"))
    snapshot: Metadata[Snapshot] = Metadata.from_file(str(metadata / "2.snapshot.json"))
    assert timestamp.signed.snapshot_meta.version == 2
    assert snapshot.signed.expires == much_later + SNAPSHOT_LIFE


@pytest.mark.parametrize("name", ["../keys/director.pem", "/etc/passwd", "1.root.json/..", ".1.root.json.x", "a" * 90])
def test_only_metadata_and_images_are_served(owners: Owners, name: str) -> None:
    owners.initialise()
    owners.publish()
    assert owners.repository.metadata_file(name) is None
    assert owners.repository.target_file(name) is None


def test_online_keys_are_made_once_and_are_nobody_elses(tmp_path: Path) -> None:
    first = ensure(tmp_path)
    assert ensure(tmp_path).keys.public() == first.keys.public()
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "updates/keys").iterdir()} == {0o600}
    (tmp_path / "updates/keys/director.pem").chmod(0o644)
    with pytest.raises(RepositoryError, match=r"director\.pem may be read by others"):
        ensure_keys(tmp_path / "updates/keys")
