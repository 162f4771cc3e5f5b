"""The rules of the house that no linter knows: lengths, banned names, and nothing of this machine in a file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import fleet.store.tables  # noqa: F401 - declares every table
from fleet.store.base import metadata
from fleet.store.personal_data import undecided
from tools.release import device_source

ROOT = Path(__file__).parent.parent
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 40
BANNED_NAMES = {"utils", "helpers", "common", "manager", "misc"}
TOP_LEVEL = {
    "firmware", "fleet", "protocol", "hil_tests", "boards", "tools", "docs", "tests", ".ci",
    "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "Makefile", "requirements.lock", ".gitignore",
}  # fmt: skip
# Hosts of package registries, spelled so that this file does not name one.
HOSTS = re.compile("|".join(("pypi" + r"\.org", "pythonhosted" + r"\.org", "npmjs" + r"\.org", "debian" + r"\.org/")))
MACHINE_PATHS = re.compile("/wor" + "k/|/ro" + "ot/|/ho" + "me/|/opt/whe" + "els")
# firmware/adapter is sans-I/O: no hardware, no socket, no clock (architecture, "Who may import whom").
NOT_IN_ADAPTER = {"machine", "network", "os", "ports", "select", "socket", "ssl", "time", "tls", "vfs"}
# What a unit runs; the build gives private names short ones a module (tools/release/device_source.py).
ON_DEVICE = (("firmware",), ("protocol", "wire"))
FOREIGN_BASES = {"io.IOBase"}  # has no private names, and what TLS and asyncio take for a stream inherits from it
FOREIGN_PRIVATE = {"_mpy", "_io_queue"}  # of sys.implementation and of asyncio
# Of objects that boot makes and an image of another time uses: their parameters have no names there.
BOOT_METHODS = {"erase", "led", "partition", "program", "readinto", "report", "seal"}
TEXT = {".py", ".toml", ".md", ".lock", ".html", ".css", ".json", ".txt", ".ini", ".cfg", ".mako", ""}


def tracked() -> list[Path]:
    """Files git tracks or would track."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    return [ROOT / name for name in listing.stdout.decode().splitlines() if (ROOT / name).is_file()]


def faults_of_module(path: Path, text: str) -> list[str]:
    """Length, name and docstring faults of one Python file."""
    faults = []
    lines = text.count("\n")
    if lines > MAX_MODULE_LINES:
        faults.append(f"{lines} lines, at most {MAX_MODULE_LINES}")
    if path.stem in BANNED_NAMES:
        faults.append("a name that says nothing: name what it does")
    tree = ast.parse(text)
    if not ast.get_docstring(tree):
        faults.append("no docstring: its first line answers what the module is for")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.body[0].lineno + 1
            if length > MAX_FUNCTION_LINES and "migrations" not in path.parts:  # those Alembic writes
                faults.append(f"function {node.name} has {length} lines, at most {MAX_FUNCTION_LINES}")
    return faults


def imports_of(text: str) -> set[str]:
    """The top-level modules that a Python file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def faults_on_device(text: str) -> list[str]:
    """Where a module reaches for a private name that is not its own, or could inherit one: the build renames them."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    classes = {node.name for node in nodes if isinstance(node, ast.ClassDef)}
    own = set(device_source.defined(tree)) | FOREIGN_PRIVATE
    faults = []
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base) for base in node.bases]
            known = classes | FOREIGN_BASES
            foreign = [base for base in bases if base not in known and not base.endswith(("Error", "Exception"))]
            faults += [f"{node.name} inherits from {base}, which is not this module's" for base in foreign]
        elif isinstance(node, ast.Call) and node.keywords and _method(node) in BOOT_METHODS:
            faults.append(f"line {node.lineno} names an argument of {_method(node)}, which boot may have made")
        elif isinstance(node, ast.Call) and any(keyword.arg is None for keyword in node.keywords):
            if not isinstance(node.func, ast.Name) or node.func.id not in own | classes:
                faults.append(f"line {node.lineno} hands a dict to a function of another module")
        elif isinstance(node, ast.ImportFrom):
            faults += [
                f"imports the private {alias.name}" for alias in node.names if device_source.is_private(alias.name)
            ]
        elif isinstance(node, ast.Attribute) and device_source.is_private(node.attr) and node.attr not in own:
            faults.append(f"line {node.lineno} uses {node.attr}, a private name of another module")
    return faults


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def faults_of_text(text: str) -> list[str]:
    """Registry hosts and paths of this machine."""
    faults = []
    for pattern, what in ((HOSTS, "names a package registry's host"), (MACHINE_PATHS, "names a path of this machine")):
        found = pattern.search(text)
        if found:
            faults.append(f"{what}: {found.group()!r}")
    return faults


def faults_of_tables() -> list[str]:
    """Columns of text of which nobody said whether they hold something of a person (equipment rules 8)."""
    what = "may hold something of a person or not: name it in fleet/store/personal_data.py"
    return [f"{column} {what}" for column in sorted(undecided(metadata))]


def main() -> int:
    tables = faults_of_tables()
    for fault in tables:
        print(f"fleet/store/tables: {fault}")
    count = len(tables)
    for path in tracked():
        name = path.relative_to(ROOT)
        faults = [] if name.parts[0] in TOP_LEVEL else [f"{name.parts[0]} is no top-level folder of ours"]
        if path.suffix in TEXT:
            text = path.read_text()
            faults += faults_of_text(text)
            if path.suffix == ".py":
                faults += faults_of_module(path, text)
                if any(name.parts[: len(folder)] == folder for folder in ON_DEVICE):
                    faults += faults_on_device(text)
            if name.parts[:2] == ("firmware", "adapter") and path.suffix == ".py":
                faults += [
                    f"imports {module}, which is the ports' business" for module in imports_of(text) & NOT_IN_ADAPTER
                ]
        for fault in faults:
            print(f"{name}: {fault}")
        count += len(faults)
    print(f"conventions: {count} faults" if count else "conventions: clean")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
