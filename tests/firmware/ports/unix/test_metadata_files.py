"""The metadata's store: littlefs on a partition, there again after a restart, formatted where it is damaged."""

import json
from pathlib import Path

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
