"""Fixtures for every test: the real MicroPython as a function."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

from tests.firmware.power_cuts import stand_ins

stand_ins.install()  # what CPython lacks of MicroPython, before any test imports the firmware

REPOSITORY = Path(__file__).resolve().parent.parent
MICROPYTHON_TIMEOUT_S = 60.0


class MicroPythonError(AssertionError):
    """A script ended with a status other than 0; holds all it printed."""


# A script compiles the firmware from its sources, which no unit does: what a unit needs is measured with its image.
SOURCES_HEAP = "1M"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no worker is left alone with one at the end; but the stories last.

    They are timed, and a run begins with two workers that compile and build what all will use.
    """
    items.sort(key=lambda item: (item.path.name == "test_story.py", item.get_closest_marker("slow") is None))


class RunMicroPython(Protocol):
    """Runs `script` (source text) under MicroPython and returns what it printed.

    `args` become sys.argv[1:]. The wire and the firmware can be imported. `stdin` is text or bytes.
    A script that fails or outlasts `timeout_s` fails the test with its traceback.
    """

    def __call__(
        self,
        script: str,
        *args: object,
        heap: str = SOURCES_HEAP,
        stdin: str | bytes = b"",
        timeout_s: float = MICROPYTHON_TIMEOUT_S,
    ) -> str: ...


def micropython_path() -> str:
    """The interpreter that belongs to this Python, else the one on PATH."""
    beside = Path(sys.executable).parent / "micropython"
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if not found:
        pytest.fail("no MicroPython: run `make setup` (it installs the extra `sim`)")
    return found


@pytest.fixture(scope="session")
def micropython(tmp_path_factory: pytest.TempPathFactory) -> RunMicroPython:
    """See RunMicroPython."""
    interpreter = micropython_path()
    # Scripts lie in a folder of their own: MicroPython puts it first on sys.path.
    folder = tmp_path_factory.mktemp("micropython")
    environment = {**os.environ, "MICROPYPATH": f"{REPOSITORY}:{REPOSITORY / 'firmware'}:.frozen"}

    def run(
        script: str,
        *args: object,
        heap: str = SOURCES_HEAP,
        stdin: str | bytes = b"",
        timeout_s: float = MICROPYTHON_TIMEOUT_S,
    ) -> str:
        path = folder / "script.py"
        path.write_text(script, encoding="utf-8")
        done = subprocess.run(
            [interpreter, "-X", f"heapsize={heap}", str(path), *map(str, args)],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=environment,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode:
            # This build prints tracebacks on standard output.
            output = (done.stdout + done.stderr).decode(errors="replace")
            raise MicroPythonError(f"MicroPython ended with status {done.returncode}:\n{output}")
        return done.stdout.decode()

    return run
