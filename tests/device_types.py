"""Do the real chips' ports fit what MicroPython offers there? mypy asks MicroPython's stubs; `make lint` asks this.

Each port is laid out as an image has it (firmware/manifest.py) in build/types, and checked there with stubs from a
folder of their own, so that they hide nothing of the host's standard library. Modules have no annotations on the
device: what is found is a name, a method or an argument that the chip's MicroPython does not have.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from boards import catalogue
from boards.schema import Board
from tools.release.build import HOST_PORT, REPOSITORY, generated, sources_of

STUBS = Path(sys.prefix) / "stubs"
FOLDER = REPOSITORY / "build" / "types"
LIMIT_S = 120
OPTIONS = (
    "--config-file=", "--python-version=3.11", "--check-untyped-defs", "--no-strict-optional",
    "--explicit-package-bases", "--follow-imports=silent", "--no-error-summary", "--disable-error-code=assignment",
    "--disable-error-code=var-annotated", "--disable-error-code=annotation-unchecked",
)  # fmt: skip
# What the stubs lack and MicroPython has, or has another way than they say: each with where it is seen.
GAPS = (
    (r"boot\.py.*\"VfsRom\"", "the stubs are of builds without ROMFS"),
    (r"(boot|main|factory_mode)\.py.*print_exception", "sys.stderr is a stream of MicroPython's"),
    (r"net\.py.*(asyncio|verify_mode)", "extmod/asyncio/core.py, stream.py; extmod/modtls_mbedtls.c"),
    (r"metadata_files\.py.*VfsLfs2|metadata_files\.py.*_Blocks", "a block device need not inherit (library/vfs)"),
    (r"datagrams\.py.*(sockaddr|inet_ntop)", "asked for only where an address is no tuple: on the unix port"),
    (
        r"(datagrams|registrars)\.py.*\"(free_port|servers)\"",
        "asked of a Bridge, which stands in for the module socket",
    ),
)


def faults_of(board: Board, folder: Path = FOLDER) -> list[str]:
    """What mypy finds in the port of `board`, one line each; it is laid out in `folder`."""
    tree = folder / board.port
    _lay_out(board, tree)
    stubs = STUBS / board.port
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *OPTIONS, f"--custom-typeshed-dir={stubs}", f"--cache-dir={tree}.cache",
         f"ports/{board.port}", "main.py", "factory_mode.py", "boot.py"],
        cwd=tree, env={"MYPYPATH": f".:{stubs}", "PATH": ""}, capture_output=True, text=True, timeout=LIMIT_S,
        check=False,
    )  # fmt: skip
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"mypy failed: {done.stdout}{done.stderr}")
    return [line for line in done.stdout.splitlines() if _is_ours(line)]


def _lay_out(board: Board, tree: Path) -> None:
    wanted = {**sources_of(board, REPOSITORY, "IMAGE"), **sources_of(board, REPOSITORY, "BOOT_ROM"), **generated(board)}
    for path in tree.rglob("*.py"):
        if path.relative_to(tree).as_posix() not in wanted:
            path.unlink()
    for name, source in wanted.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != source:  # mypy's cache looks at the time
            path.write_bytes(source)


def _is_ours(line: str) -> bool:
    """An error, in our files (the stubs have some of their own), and no gap of the stubs."""
    return ": error:" in line and not line.startswith(("/", "..")) and not any(re.search(gap, line) for gap, _ in GAPS)


def one_of_each_port(names: Iterable[str]) -> list[Board]:
    """A board for each port that is not the host's."""
    boards = [catalogue.load(name) for name in names]
    return list({board.port: board for board in boards if board.port != HOST_PORT}.values())


def main() -> int:
    """Prints what is found; 1 if anything is."""
    faults = [fault for board in one_of_each_port(catalogue.names()) for fault in faults_of(board)]
    for fault in faults:
        print(fault)
    print(f"device types: {len(faults)} faults" if faults else "device types: clean")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
