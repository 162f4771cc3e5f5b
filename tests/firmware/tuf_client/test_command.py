"""The command as a program: from any folder, with any environment, and what it says when it is used wrongly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.firmware.tuf_client.conftest import COMMAND, Client
from tests.firmware.tuf_client.repository import Repository


def test_help_has_an_example(fresh: Client) -> None:
    ended = fresh.run("--help")
    assert (ended.status, ended.complaint) == (0, "")
    assert "example:" in ended.said


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["upgrade"],
        ["refresh"],
        ["--metadata-dir", "m", "refresh"],
        ["--metadata-dir", "m", "init"],
        ["--metadata-dir", "m", "init", "a", "b"],
        [
            "--metadata-dir",
            "m",
            "--metadata-url",
            "http://x/",
            "--target-dir",
            "t",
            "--target-base-url",
            "y",
            "download",
        ],
        ["--metadata-dir"],
        ["--unknown", "x", "refresh"],
    ],
)
def test_wrong_usage_ends_with_status_2_and_one_line(fresh: Client, words: list[str]) -> None:
    ended = fresh.run(*words)
    assert (ended.status, ended.said) == (2, "")
    assert ended.complaint.startswith("tuf_client: ")
    assert ended.complaint.count("\n") == 1


def test_it_runs_from_any_folder_by_a_link_and_without_a_path(
    client: Client, repository: Repository, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "some where"
    elsewhere.mkdir()
    link = elsewhere / "a link"
    link.symlink_to(COMMAND)
    words = [f"--metadata-dir={os.path.relpath(client.metadata, elsewhere)}", f"--metadata-url={client.url}/metadata"]
    done = subprocess.run(
        ["./a link", *words, "refresh"], cwd=elsewhere, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert client.versions()["timestamp"] == 1


def test_an_interpreter_beside_it_or_on_path_will_do(client: Client, tmp_path: Path) -> None:
    """A copy of the firmware that has no environment of its own beside it takes what PATH offers."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("firmware", "protocol"):
        (copy / name).mkdir()
        for entry in (COMMAND.parent.parent / name).iterdir():
            if entry.name != COMMAND.name:
                (copy / name / entry.name).symlink_to(entry)
    (copy / "firmware" / COMMAND.name).write_bytes(COMMAND.read_bytes())
    words = ["--metadata-dir", client.metadata, "--metadata-url", f"{client.url}/metadata", "refresh"]
    for path, status in ((f"{Path(sys.executable).parent}:/usr/bin:/bin", 0), ("/usr/bin:/bin", 1)):
        done = subprocess.run(
            ["sh", copy / "firmware" / COMMAND.name, *words], env={"PATH": path}, capture_output=True, check=False
        )
        assert done.returncode == status, done.stderr
    assert b"make setup" in done.stderr


def test_words_of_any_length_are_taken(client: Client, repository: Repository) -> None:
    """MicroPython itself ends on an argument of 256 bytes."""
    name = "n" * 200 + "/" + "m" * 20
    repository.add("targets", name, b"data")
    repository.release()
    assert client.download(name).status == 0
    ended = client.download("x" * 5000)
    assert ended.status == 1
    assert ended.complaint.count("\n") == 1


@pytest.mark.parametrize("name", ["a\nb", "--help", "", "é"])
def test_a_name_is_never_taken_for_anything_else(client: Client, name: str) -> None:
    ended = client.download(name)
    assert ended.status == 1
    assert ended.complaint.count("\n") == 1
    assert "no role lists a target" in ended.complaint


@pytest.mark.parametrize("url", ["https://127.0.0.1/x", "http://", "http://127.0.0.1:1/", "http://127.0.0.1:x/", "x"])
def test_a_server_that_cannot_be_reached_is_told_in_one_line(client: Client, url: str) -> None:
    before = client.stored()
    ended = client.run("--metadata-dir", client.metadata, "--metadata-url", url, "refresh")
    assert ended.status == 1
    assert ended.complaint.startswith("tuf_client: NetworkError: ")
    assert ended.complaint.count("\n") == 1
    assert client.stored() == before


def test_without_a_root_it_says_what_to_do(fresh: Client, repository: Repository) -> None:
    ended = fresh.refresh()
    assert ended.status == 1
    assert "init first" in ended.complaint
    assert repository.asked == []


def test_a_folder_that_cannot_be_made_is_told(fresh: Client, repository: Repository) -> None:
    root = fresh.folder / "root"
    root.write_bytes(repository.file("root"))
    ended = fresh.run("--metadata-dir", fresh.folder / "no" / "such", "init", root)
    assert ended.status == 1
    assert "no/such" in ended.complaint
