"""The metadata's store: littlefs on a partition, there again after a restart, formatted where it is damaged."""

import json
from pathlib import Path

import pytest

from tests.conftest import RunMicroPython
from tests.firmware.model_flash import PARTITIONS, CuttingFlash

SCRIPT = """
import json, sys
from ports.unix.flash import Flash
from ports.unix.metadata_files import MetadataFiles
facts = json.loads(sys.stdin.read())
flash = Flash(facts["flash"], 0x200000, 4096, {"data": tuple(facts["data"])})
files = MetadataFiles(flash.partition("data"))
print(files.get("root.json"), files.get("absent.json"))
files.put("root.json", b"1" * 8192)
files.put("root.json", b"2" * 8192)
files.put("other.json", b"3")
files.delete("other.json")
files.delete("absent.json")
print(len(files.get("root.json")), files.get("other.json"))
"""


def test_files_are_there_after_a_restart_and_damage_is_formatted(tmp_path: Path, micropython: RunMicroPython) -> None:
    path = tmp_path / "flash.bin"
    facts = json.dumps({"flash": str(path), "data": PARTITIONS["data"]})
    flash = CuttingFlash(path)
    assert micropython(SCRIPT, stdin=facts).split("\n")[:2] == ["None None", "8192 None"]
    assert micropython(SCRIPT, stdin=facts).startswith("b'2222")
    data = flash.partition("data")
    data.erase(0, data.size)
    data.program(0, b"garbage" * 5000)
    assert micropython(SCRIPT, stdin=facts).split("\n")[:2] == ["None None", "8192 None"]


FAULTS = """
import gc, json, sys
from adapter.update.errors import FlashFailedError
from ports.unix.flash import Flash
from ports.unix.metadata_files import MetadataFiles
facts = json.loads(sys.stdin.read())
flash = Flash(facts["flash"], 0x200000, 4096, {"data": tuple(facts["data"])})
data = flash.partition("data")
files = MetadataFiles(data)
files.put("root.json", b"1" * 8192)

def fill():
    for number in range(40):
        files.put("role%d.json" % number, b"2" * 8000)

def damage():
    for block in range(8):
        data.erase(block * 4096, 4096)
        data.program(block * 4096, bytes(4096))

def dead():
    def broken(*place):
        raise OSError(5)
    flash.program = broken

facts["fault"] and globals()[facts["fault"]]()
try:
    for length in (8192, 100):
        files.put("root.json", b"3" * length)
        gc.collect()
    print(files.get("root.json") == b"3" * 100)
except FlashFailedError as error:
    print("told")
"""


def play(tmp_path: Path, micropython: RunMicroPython, fault: str) -> str:
    path = tmp_path / "flash.bin"
    CuttingFlash(path)
    facts = json.dumps({"flash": str(path), "data": PARTITIONS["data"], "fault": fault})
    return str(micropython(FAULTS, stdin=facts)).strip()


@pytest.mark.parametrize("fault", ["fill", "damage"])
def test_a_store_that_takes_no_file_any_more_is_formatted_in_service(
    tmp_path: Path, micropython: RunMicroPython, fault: str
) -> None:
    assert play(tmp_path, micropython, fault) == "True"


def test_flash_that_cannot_be_written_is_told_as_an_updates_failure(
    tmp_path: Path, micropython: RunMicroPython
) -> None:
    assert play(tmp_path, micropython, "dead") == "told"
