"""Real chips' modules offer what the simulated board's do: what is above the ports knows no difference.

The firmware has no types; so its sources are compared: public methods, and the names of their arguments.
"""

import ast
import re
from pathlib import Path

import pytest

PORTS = Path(__file__).parents[4] / "firmware" / "ports"
# Module, class and, where the simulated board has a method that means nothing on a chip, which.
SHARED = [
    ("board", "Board"),
    ("bench_board", "BenchBoard"),
    ("usb", "Usb"),
    ("telephone", "Telephone"),
    ("pins", "Pins"),
]


def methods(layer: str, module: str, name: str) -> dict[str, list[str]]:
    tree = ast.parse((PORTS / layer / f"{module}.py").read_text())
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return {
        node.name: [argument.arg for argument in node.args.args]
        for node in found.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    }


def taken_over(module: str) -> set[str]:
    """What a bench board takes over from its board, and what nobody asks of one whose `bench` is None."""
    source = (PORTS / "hardware" / f"{module}.py").read_text()
    asked_of_bench = re.findall(r"\bbench\.(\w+)", (PORTS.parent / "adapter" / "self_test.py").read_text())
    return set(re.findall(r"\w+", source)) | set(asked_of_bench if "bench = None" in source else ())


@pytest.mark.parametrize(("module", "name"), SHARED)
def test_a_chips_module_has_the_methods_of_the_simulated_boards(module: str, name: str) -> None:
    wanted, found = methods("unix", module, name), methods("hardware", module, name)
    given = taken_over(module) if name == "BenchBoard" else set()
    missing = {method for method in wanted if method not in found and method not in given}
    assert not missing
    assert {method: found[method] for method in wanted if method in found} == {
        method: arguments for method, arguments in wanted.items() if method in found
    }


@pytest.mark.parametrize("layer", ["esp32", "rp2"])
def test_a_chip_says_what_the_boot_stage_asks(layer: str) -> None:
    source = (PORTS / layer / "chip.py").read_text()
    wanted = ast.parse((PORTS / "unix" / "chip.py").read_text())
    chip = next(node for node in wanted.body if isinstance(node, ast.ClassDef))
    names = {
        node.attr for node in ast.walk(chip) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    assert names == {"directory", "pins", "board", "hardware_revision", "board_uid", "reset_cause", "flash"}
    assert all(f"self.{name} = " in source for name in names)
    assert "def map(" in source
