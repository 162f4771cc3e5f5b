"""Boards `pair` and `trio`, whose units have two and three MAC addresses, beside the simulated one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from boards import catalogue
from fleet.services import unit_list_file

MACS = {"simulated": 1, "pair": 2, "trio": 3}


@contextmanager
def boards_of_many_macs(folder: Path) -> Iterator[None]:
    """The catalogue is `folder`, filled with those boards."""
    simulated = (Path(catalogue.__file__).parent / "simulated.toml").read_text(encoding="utf-8")
    for name, macs in MACS.items():
        text = simulated.replace('name = "simulated"', f'name = "{name}"\nmacs = {macs}')
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    with patch.object(catalogue, "_FOLDER", folder):
        _forget()
        try:
            yield
        finally:
            _forget()


def _forget() -> None:
    catalogue.load.cache_clear()
    unit_list_file.board_facts.cache_clear()
