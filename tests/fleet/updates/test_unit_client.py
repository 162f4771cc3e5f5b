"""The unit's own client, under MicroPython, takes exactly what the fleet publishes and the director signs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from fleet.updates.director import AssignedImage, Director
from tests.conftest import RunMicroPython
from tests.fleet.release_owners import NOW, Owners
from tools.release.sign import renew

SERIAL = "PT000000018"
CLIENT = """
import sys
from adapter.update.assignment import UnitFacts, check_agreement, check_fit, read_assignment
from adapter.update.errors import UpdateError
from adapter.update.fetching import find_target, refresh
from adapter.update.metadata import TrustedSet

class Store(dict):
    def put(self, name, data):
        self[name] = data
    def delete(self, name):
        self.pop(name, None)

def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None

def serve(work, directory):
    try:
        wanted = next(work)
        while True:
            wanted = work.send(read(directory + "/" + wanted.path))
    except StopIteration as end:
        return end.value

root, now_s, wanted = sys.argv[1], int(sys.argv[2]), sys.argv[3]
store = Store()
"""
ORDER = f"""{CLIENT}
order, directory = wanted, sys.argv[4]
try:
    trusted = TrustedSet(store, read(root), now_s)
    serve(refresh(trusted), directory)
    unit = UnitFacts("{SERIAL}", "simulated", 1, 6, 1 << 20, 1 << 20)
    assignment = read_assignment(read(order), trusted, unit, now_s, (0, b"", b""))
    role, target = serve(find_target(trusted, assignment.image.name), directory)
    check_agreement(assignment.image, target)
    check_fit(assignment.image, target, unit, 0)
    print(role, assignment.sequence, assignment.image.name, trusted.root.version)
except UpdateError as error:
    print(type(error).__name__)
"""
JOURNEY = f"""{CLIENT}
for directory in sys.argv[4:]:
    try:
        trusted = TrustedSet(store, read(root), now_s)
        serve(refresh(trusted), directory)
        found = serve(find_target(trusted, wanted), directory)
        print(trusted.root.version, found[0] if found else "none")
    except UpdateError as error:
        print(type(error).__name__)
"""
STORE_IN_HEAP = "512K"  # a unit keeps these files on flash


@pytest.fixture
def published(owners: Owners, tmp_path: Path) -> Path:
    """Releases 1.0.0 and 2.0.0, after a root was rotated; the first root in a file."""
    owners.initialise()
    owners.publish()
    (tmp_path / "first_root").write_bytes(owners.repository.root_metadata())
    owners.sign("1.0.0", 1)
    renew(owners.bundle, owners.keys, "root", NOW)
    owners.publish()
    owners.sign("2.0.0", 2, payload=b"better")
    owners.publish()
    return tmp_path


def ordered(owners: Owners, directory: Path, director: Director | None = None, counter: int = 2) -> Path:
    image = owners.repository.images()["simulated_2.0.0.img"]
    assigned = AssignedImage("simulated_2.0.0.img", image.length, image.hashes["sha256"], counter, "simulated")
    path = directory / "order"
    path.write_bytes((director or owners.repository.director).sign(SERIAL, 7, assigned, NOW))
    return path


def outcome(micropython: RunMicroPython, owners: Owners, published: Path, order: Path) -> str:
    arguments = (published / "first_root", int(NOW.timestamp()), order, owners.repository.directory)
    return micropython(ORDER, *arguments).strip()


def test_it_takes_what_both_name(micropython: RunMicroPython, owners: Owners, published: Path) -> None:
    order = ordered(owners, published)
    assert outcome(micropython, owners, published, order) == "board-simulated 7 simulated_2.0.0.img 2"


def test_it_refuses_another_director(micropython: RunMicroPython, owners: Owners, published: Path) -> None:
    order = ordered(owners, published, Director(CryptoSigner.generate_ecdsa()))
    assert outcome(micropython, owners, published, order) == "SignatureError"


def test_it_refuses_what_the_two_do_not_agree_on(micropython: RunMicroPython, owners: Owners, published: Path) -> None:
    assert outcome(micropython, owners, published, ordered(owners, published, counter=3)) == "MismatchError"


def test_it_refuses_an_altered_order(micropython: RunMicroPython, owners: Owners, published: Path) -> None:
    order = ordered(owners, published)
    document = json.loads(order.read_bytes())
    document["signed"]["version"] = 8
    order.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True))
    assert outcome(micropython, owners, published, order) == "SignatureError"


def stage(owners: Owners, directory: Path) -> Path:
    """What the fleet serves now, as it is to be remembered."""
    shutil.copytree(owners.repository.directory / "metadata", directory / "metadata")
    return directory


@pytest.fixture
def history(owners: Owners, tmp_path: Path) -> list[Path]:
    """What was served at first, after a root rotation, a targets key revocation, and a rotation of the fleet's keys."""
    owners.initialise()
    owners.sign("1.0.0", 1)
    owners.publish()
    (tmp_path / "first_root").write_bytes(owners.repository.root_metadata())
    stages = [stage(owners, tmp_path / "first")]
    owners.replace(root_1="root-4")
    owners.publish()
    stages.append(stage(owners, tmp_path / "root"))
    owners.replace(targets="targets-2")
    owners.publish()
    stages.append(stage(owners, tmp_path / "targets"))
    owners.rotate_online()
    owners.publish()
    stages.append(stage(owners, tmp_path / "online"))
    return stages


def journey(micropython: RunMicroPython, tmp_path: Path, *stages: Path) -> list[str]:
    now_s = int(NOW.timestamp())
    arguments = (tmp_path / "first_root", now_s, "simulated_1.0.0.img", *stages)
    return micropython(JOURNEY, *arguments, heap=STORE_IN_HEAP).splitlines()


def test_it_follows_a_root_rotation_and_a_targets_key_revocation(
    micropython: RunMicroPython, history: list[Path], tmp_path: Path
) -> None:
    expected = [f"{version} board-simulated" for version in (1, 2, 3, 4)]
    assert journey(micropython, tmp_path, *history) == expected
    assert journey(micropython, tmp_path, history[0], history[3]) == [expected[0], expected[3]], "it slept"


def test_it_refuses_what_was_served_before_a_revocation(
    micropython: RunMicroPython, history: list[Path], tmp_path: Path
) -> None:
    """Somebody between unit and fleet serves the metadata of before, under keys that were revoked since."""
    seen = journey(micropython, tmp_path, history[3], history[2])
    assert seen == ["4 board-simulated", "SignatureError"]


def test_it_finds_images_in_every_part_of_its_boards_role(
    micropython: RunMicroPython, owners: Owners, tmp_path: Path
) -> None:
    owners.initialise()
    owners.sign("1.0.0", 1)
    counter = 1
    while owners.bundle.parts("simulated") != ["board-simulated", "board-simulated.2", "board-simulated.3"]:
        counter += 1
        owners.sign(f"1.0.{counter}", counter)
    owners.publish()
    (tmp_path / "first_root").write_bytes(owners.repository.root_metadata())
    served = stage(owners, tmp_path / "parts")
    found = {}
    for version in ("1.0.0", f"1.0.{counter}", "9.9.9"):
        arguments = (tmp_path / "first_root", int(NOW.timestamp()), f"simulated_{version}.img", served)
        found[version] = micropython(JOURNEY, *arguments, heap=STORE_IN_HEAP).strip()
    assert found == {
        "1.0.0": "1 board-simulated",
        f"1.0.{counter}": "1 board-simulated.3",
        "9.9.9": "1 none",
    }
