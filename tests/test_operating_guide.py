"""The operating guide's commands for keys, run as they stand after the README's, against a service of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_readme import BLOCK, LIMIT_S, ROOT, START
from tools.sim.service import PORT_SETTINGS, free_ports

CHECK = """
plugtone release build --board simulated --version 1.0.1 --counter 2 --out 1.0.1.img
plugtone release sign 1.0.1.img --keys keys --bundle releases
plugtone release publish --bundle releases
plugtone release show 1.0.1
plugtone release keys list --keys keys --bundle releases
"""


@pytest.mark.slow
def test_every_command_for_keys_works_and_releases_go_on(tmp_path: Path) -> None:
    readme = BLOCK.findall((ROOT / "README.md").read_text())
    first = [block for block in readme if "plugtone serve" in block or "release init" in block]
    guide = BLOCK.findall((ROOT / "docs" / "operating.md").read_text())
    assert len(first) == 2
    assert len(guide) > 3
    ports = dict(zip(PORT_SETTINGS, free_ports(len(PORT_SETTINGS)), strict=True))
    environment = os.environ | {f"PLUGTONE_{name.upper()}": str(port) for name, port in ports.items()}
    environment["PLUGTONE_URL"] = f"http://127.0.0.1:{ports['http_port']}"
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", START + "\n".join([*first, *guide]) + CHECK],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
        timeout=3 * LIMIT_S,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "root 3 needs 1 more of root-2" in done.stdout
    assert "published 1.0.1" in done.stdout
    assert "root-4" in done.stdout
