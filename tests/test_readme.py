"""The README's commands, run as they stand, in one shell, against a service of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from fleet.settings import Settings
from tools.sim.service import PORT_SETTINGS, free_ports

ROOT = Path(__file__).parent.parent
LIMIT_S = 90
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
START = """set -euo pipefail
end() { kill $(jobs -p) 2> /dev/null || true; wait; }
trap end EXIT
"""


def test_every_command_of_the_readme_works(tmp_path: Path) -> None:
    script = START + "\n".join(BLOCK.findall((ROOT / "README.md").read_text()))
    assert script.count("plugtone ") > 10
    ports = dict(zip(PORT_SETTINGS, free_ports(len(PORT_SETTINGS)), strict=True))
    environment = os.environ | {f"PLUGTONE_{name.upper()}": str(port) for name, port in ports.items()}
    environment["PLUGTONE_URL"] = f"http://127.0.0.1:{ports['http_port']}"
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
        timeout=LIMIT_S,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "PT000000018" in done.stdout
    assert (tmp_path / "labels" / "PT000000018.png").is_file()


@pytest.mark.parametrize("name", ["firmware", "fleet", "protocol", "hil_tests", "boards", "tools", "tests", "docs"])
def test_the_tree_names_every_folder(name: str) -> None:
    assert (ROOT / name).is_dir()
    assert re.search(rf"^{name}/ ", (ROOT / "README.md").read_text(), re.MULTILINE)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target


def test_the_operating_guide_names_every_setting() -> None:
    guide = (ROOT / "docs" / "operating.md").read_text()
    for setting in fields(Settings):
        assert f"PLUGTONE_{setting.name.upper()}" in guide
