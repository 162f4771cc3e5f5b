"""The names that the firmware may ever mention in one start fit into MicroPython's table before it doubles.

A name is never given back, and the table doubles, by 14 KB in one piece, at about 1,260 names: a unit that has had its
line, an update, a station on its USB link and every command of the fleet's in one start must stay below that.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import micropython_path
from tools.release.build import build_boot_rom, build_image, modules_of

BOARD = "simulated"
HEADER_BYTES = 256
TABLE_NAMES = 1260
OF_THE_RUN = 40  # at most seen: of texts that become names while a unit runs, such as its own serial number
# What a unit in service never loads: the bench's.
NEVER = (
    "factory_mode", "adapter.factory", "adapter.factory_reset", "adapter.light_guide", "adapter.provisioning_token",
    "adapter.crypto.csr", "ports.unix.bench_board", "ports.unix.chip", "protocol.wire.link_layouts",
    "protocol.wire.bridge_layouts",
)  # fmt: skip
ALL = """
import sys, vfs, micropython
import boot
boot.forget_boot()
with open(sys.argv[1], "rb") as file:
    data = file.read()
vfs.mount(vfs.VfsRom(memoryview(data)), "/rom")
sys.path[:] = ["/rom", ".frozen"]
with open(sys.argv[2]) as file:
    for line in file:
        __import__(line.strip())
micropython.qstr_info()
"""


def test_all_that_a_start_can_mention_fits_into_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rom").write_bytes(build_image(BOARD, "1.0.0", 1)[HEADER_BYTES:])
    names = {path.removesuffix(".mpy").removesuffix("/__init__").replace("/", ".") for path in modules_of(BOARD)}
    assert names.issuperset(NEVER)
    (tmp_path / "names").write_text("\n".join(sorted(names.difference(NEVER))))
    script = tmp_path / "all.py"
    script.write_text(ALL)
    done = subprocess.run(
        [micropython_path(), "-X", "heapsize=2M", str(script), str(tmp_path / "rom"), str(tmp_path / "names")],
        env={"MICROPYPATH": str(build_boot_rom(BOARD))}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"n_qstr=(\d+)", done.stdout)
    assert found, (done.returncode, done.stdout[-300:], done.stderr)
    with capsys.disabled():
        print(f"\nnames: {found[1]} of {TABLE_NAMES}, beside up to {OF_THE_RUN} of the run")
    assert int(found[1]) + OF_THE_RUN <= TABLE_NAMES
