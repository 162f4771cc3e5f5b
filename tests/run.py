"""`make test`: brings the system packages the suite wants, then runs all of it on two cores.

Tests that wait for real time more than they compute (calls, timers) run beside all others, which give way to them: the
cores are busy meanwhile, and what has to be punctual is. Those on whole products are a process of their own among them:
only a bench's board wants pytest-embedded, whose sixty fixtures are set up for each test of a process that has it.

Where apt-get may not run, the tests that need a missing program are skipped, and this says which. A run of the whole
suite also says whether the domain's tests took every branch of the domain (domain_coverage.py).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.domain_coverage import ASKED, judge
from tests.firmware.pace import may_capture

ROOT = Path(__file__).parent.parent
APT_TIMEOUT_S = 300

# Calls and timers, in real time: minutes of waiting, and seconds of CPU. Each row is a process.
WAITING = (
    (
        "tests/peers",
        "tests/firmware/test_calls_in_a_row.py",
        "tests/firmware/test_voice.py",
        "tests/tools/sim/registrar/test_service.py",
        "tests/tools/sim/test_phone.py",
    ),
    (
        "tests/firmware/test_calls_in_service.py",
        "tests/firmware/test_usb_bridge.py",
        "tests/test_story.py",
        "tests/real_units",
        "hil_tests",
    ),
)
GIVES_WAY = 5  # how nice those that compute are to those that wait; with 10 what they start starves beside a story
WORKERS = ("-n", "3", "--dist", "worksteal")  # on two cores: they too wait, for processes of theirs
WITHOUT_BOARDS = ("-p", "no:pytest_embedded")
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"

# program -> the Debian package that brings it, and what is left out without it
WANTED = {
    "initdb": ("postgresql", "migrations on PostgreSQL"),
    "kamailio": ("kamailio", "calls through a registrar and proxy"),
    "baresip": ("baresip-core", "calls with another make's telephone"),
    "sipp": ("sip-tester", "calls with scripted peers"),
    "espeak-ng": ("espeak-ng", "the quality of concealed speech"),
    "sox": ("sox", "the quality of concealed speech"),
    "tshark": ("tshark", "what is on the wire of a call"),
}


def missing() -> dict[str, tuple[str, str]]:
    """The wanted programs that this machine does not have."""
    places = [*os.get_exec_path(), *(str(p) for p in Path("/usr/lib/postgresql").glob("*/bin"))]
    return {name: row for name, row in WANTED.items() if not shutil.which(name, path=os.pathsep.join(places))}


def install(packages: list[str]) -> None:
    """Install Debian packages; what fails stays missing and is said later."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "timeout": APT_TIMEOUT_S}
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *packages]):
        try:
            subprocess.run(command, check=False, env=environment, **quiet)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"plugtone: {' '.join(command[:2])} did not run: {error}", flush=True)


def pytest(*arguments: str) -> list[str]:
    """The command that runs tests."""
    return [sys.executable, "-m", "pytest", "-q", *arguments]


def run_whole(folder: str) -> int:
    """Everything, those that wait beside the others; the branches taken are told in `folder`. 0: all passed."""
    environment = {**os.environ, ASKED: folder}
    environment.pop(NO_BYTECODE, None)  # hundreds of processes import the product: one compiles it for all
    ignored = [f"--ignore={path}" for row in WAITING for path in row]
    with ExitStack() as stack:
        waiting = []
        for number, paths in enumerate(WAITING):
            told = stack.enter_context(Path(folder, f"waiting-{number}").open("w+", encoding="utf-8"))
            process = subprocess.Popen(pytest(*paths), cwd=ROOT, env=environment, stdout=told, stderr=told)
            waiting.append((stack.enter_context(process), told))
        command = ["nice", "-n", str(GIVES_WAY), *pytest("tests", *WORKERS, *WITHOUT_BOARDS, *ignored)]
        status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        for process, told in waiting:
            status = process.wait() or status
            told.seek(0)
            print(f"plugtone: beside them, those that wait:\n{told.read()}", flush=True)
    return status


def main() -> int:
    started = time.monotonic()
    wanted = missing()
    if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        packages = sorted({package for package, _ in wanted.values()})
        print(f"plugtone: installing {', '.join(packages)}", flush=True)
        install(packages)
    left_out = missing()
    for name, (package, tests) in left_out.items():
        print(f"plugtone: left out: {tests} ({name} is not installed; Debian package {package})", flush=True)
    whole = not sys.argv[1:]
    if not whole:
        status = subprocess.run(pytest(*WORKERS, *sys.argv[1:]), cwd=ROOT, check=False).returncode
    else:
        with tempfile.TemporaryDirectory(prefix="plugtone-branches-") as folder:
            status = run_whole(folder) or judge(folder)
    print(f"plugtone: the suite took {time.monotonic() - started:.0f} s", flush=True)
    if not may_capture():
        print("plugtone: LEFT OUT: how punctually packets leave (no right to capture: CAP_NET_RAW)", flush=True)
    if left_out and os.environ.get("CI"):
        print("plugtone: CI runs all of the suite or fails", flush=True)
        return status or 1
    return status


if __name__ == "__main__":
    sys.exit(main())
