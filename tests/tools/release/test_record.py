"""A release record binds source, parts list and facts to an image; the same sources give the same record."""

from __future__ import annotations

import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from protocol.wire.image import ImageHeader
from protocol.wire.release import target_facts
from tests.fleet.release_owners import make_image, tree
from tests.tools.release.desk import done, image_file, initialised, release
from tools.release.build import REPOSITORY, build_image, modules_of
from tools.release.errors import ReleaseError
from tools.release.record import Provenance, ReleaseFacts, make_record
from tools.release.sbom import make_sbom, source_of

NAME = "simulated_1.0.0.img"


def sbom_of(image: bytes) -> dict[str, Any]:
    return make_sbom(image, {"adapter/uplink.mpy": b"M\x06", "main.mpy": b"M\x06main"})


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_a_parts_list_names_image_modules_runtime_and_compiler_with_licences() -> None:
    image = make_image("1.0.0", 1)
    sbom = sbom_of(image)
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    subject = sbom["metadata"]["component"]
    assert (subject["type"], subject["name"], subject["version"]) == ("firmware", NAME, "1.0.0")
    assert subject["hashes"] == [{"alg": "SHA-256", "content": sha256(image).hexdigest()}]
    parts = {each["name"]: each for each in sbom["components"]}
    assert set(parts) == {"adapter/uplink.mpy", "main.mpy", "micropython", "mpy-cross"}
    assert parts["main.mpy"]["hashes"] == [{"alg": "SHA-256", "content": sha256(b"M\x06main").hexdigest()}]
    licences = {name: part["licenses"][0]["license"]["id"] for name, part in parts.items()}
    assert licences["main.mpy"] == "Apache-2.0"
    assert licences["micropython"] == licences["mpy-cross"] == "MIT"
    assert parts["mpy-cross"]["version"].startswith("1.")
    assert "timestamp" not in sbom["metadata"], "the same image gives the same bytes"
    assert sbom_of(image) == sbom
    assert sbom_of(make_image("1.0.0", 2))["serialNumber"] != sbom["serialNumber"]


def test_every_module_of_a_real_image_is_in_its_parts_list() -> None:
    image = build_image("simulated", "1.0.0", 1)
    modules = modules_of("simulated")
    listed = {each["name"] for each in make_sbom(image, modules)["components"] if each["type"] == "file"}
    assert listed == set(modules)
    assert "main.mpy" in listed
    assert all(data in image for data in modules.values()), "and each is in the image as listed"


def test_the_source_is_its_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    assert source_of(tmp_path) is None
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware/main.py").write_text("1")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    found = source_of(tmp_path)
    assert found is not None
    assert len(found["commit"]) == 40
    assert found["dirty"] is False
    (tmp_path / "notes.txt").write_text("not of the firmware")
    assert source_of(tmp_path) == found
    (tmp_path / "firmware/new.py").write_text("2")
    assert source_of(tmp_path) == found | {"dirty": True}


def test_a_record_holds_all_facts_and_nothing_of_the_day() -> None:
    image = make_image("1.0.0", 1)
    header = ImageHeader.unpack(image)
    made_of = Provenance({"commit": "c" * 40, "dirty": False}, sbom_of(image))
    facts = ReleaseFacts(notes="what is new", beta=True, provenance=made_of)
    record = make_record(NAME, image, header, facts)
    assert record == make_record(NAME, image, header, facts)
    shown = json.loads(record)
    assert shown["image"] == target_facts(header) | {
        "length": len(image),
        "name": NAME,
        "sha256": sha256(image).hexdigest(),
    }
    assert (shown["notes"], shown["beta"], shown["security"]) == ("what is new", True, False)
    assert (shown["source"], shown["sbom"]) == (made_of.source, made_of.sbom)
    assert facts.flags() == {"beta": True}


@pytest.mark.parametrize("sbom", [sbom_of(make_image("1.0.0", 2)), {}, {"metadata": None}])
def test_a_parts_list_of_another_image_is_refused(sbom: dict[str, Any]) -> None:
    image = make_image("1.0.0", 1)
    facts = ReleaseFacts(provenance=Provenance(None, sbom))
    with pytest.raises(ReleaseError, match="parts list"):
        make_record(NAME, image, ImageHeader.unpack(image), facts)


def test_notes_have_a_bound() -> None:
    image = make_image("1.0.0", 1)
    with pytest.raises(ReleaseError, match="10001"):
        make_record(NAME, image, ImageHeader.unpack(image), ReleaseFacts(notes="x" * 10_001))


def test_from_the_sources_to_what_the_fleet_shows(desk: Path) -> None:
    initialised(desk)
    source = desk / "source"
    for folder in ("firmware", "protocol"):
        shutil.copytree(REPOSITORY / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    git(source, "init", "-q")
    git(source, "add", ".")
    git(source, "commit", "-qm", "first")
    both = ("--keys", "keys", "--bundle", "releases")
    for counter, version in enumerate(("1.0.0", "1.1.0"), start=1):
        asked = ("--board", "simulated", "--version", version, "--counter", str(counter), "--source", "source")
        done("build", *asked, "--out", f"{version}.img")
    signed = done("sign", "1.0.0.img", *both)
    assert signed["deltas"] == {}
    signed = done("sign", "1.1.0.img", *both, "--notes", "Faster", "--security")
    assert list(signed["deltas"]) == ["simulated_1.1.0_from_1.0.0.delta"]
    done("publish", "--bundle", "releases", "--notes", "for people")
    shown = done("show", "1.1.0")
    (image,) = shown["images"]
    record = image["record"]
    assert (record["notes"], record["security"], image["security"], image["beta"]) == ("Faster", True, True, False)
    assert record["source"] == source_of(source)
    assert record["source"]["dirty"] is False
    assert record["sbom"]["metadata"]["component"]["hashes"][0]["content"] == image["sha256"]
    (delta,) = image["deltas"]
    assert (delta["base_version"], delta["length"]) == ("1.0.0", signed["deltas"][delta["name"]])
    assert json.loads(release("show", "1.1.0", "--sbom").stdout) == record["sbom"]
    lines = release("show", "1.1.0").stdout
    for text in ("1.1.0  published", record["source"]["commit"], "security release", "Faster", "from 1.0.0", "modules"):
        assert text in lines
    assert f"{delta['length']} from 1.0.0" in release("list").stdout
    again = tree(desk / "releases")
    assert done("publish", "--bundle", "releases") == {"releases": []}
    assert tree(desk / "releases") == again


def test_an_image_without_a_parts_list_says_so(desk: Path) -> None:
    initialised(desk)
    result = release("sign", image_file(desk, "1.0.0", 1), "--keys", "keys", "--bundle", "releases")
    assert "the record has no parts list" in result.stdout
    done("publish", "--bundle", "releases")
    assert done("show", "1.0.0")["images"][0]["record"]["sbom"] is None
    assert "no release record" not in release("show", "1.0.0").stdout


def test_a_damaged_parts_list_is_not_signed(desk: Path) -> None:
    initialised(desk)
    image = image_file(desk, "1.0.0", 1)
    Path(image + ".provenance.json").write_text("{")
    before = tree(desk / "releases")
    result = release("sign", image, "--keys", "keys", "--bundle", "releases")
    assert "not as `release build` wrote it" in str(result.exception)
    assert tree(desk / "releases") == before
