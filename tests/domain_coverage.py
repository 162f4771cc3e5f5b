"""Is every branch of `fleet/domain` taken by the tests in tests/fleet/domain, whatever other layers' tests take?

`make test` asks this of the run it makes anyway: only those tests are measured, each by tests/fleet/domain/conftest.py.
By hand: `python -m tests.domain_coverage` runs them alone. Histories and worked cases, which come by everything, do not
count: what a branch is for stands in the tests of its module.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "fleet" / "domain"
TESTS = ROOT / "tests" / "fleet" / "domain"
NOT_MEASURED = frozenset({"equipment_model", "worked_cases"})
ASKED = "DOMAIN_COVERAGE_FOLDER"


def new_measure(folder: str, name: str) -> Coverage:
    """A measure of branches of the domain that is kept as a file in `folder`."""
    kept = str(Path(folder) / f"branches.{name}")
    return Coverage(data_file=kept, branch=True, include=[f"{SOURCES}/*"], config_file=False, messages=False)


def judge(folder: str) -> int:
    """Prints what no test took; 0 if there is nothing. What runs when a module is imported counts as taken."""
    imports = new_measure(folder, "imports")
    imports.start()
    for source in sorted(SOURCES.glob("*.py")):
        importlib.import_module(f"fleet.domain.{source.stem}".removesuffix(".__init__"))
    imports.stop()
    imports.save()
    total = new_measure(folder, "total")
    total.combine([str(path) for path in Path(folder).glob("branches.*")], keep=True)
    if total.report(show_missing=True, skip_covered=True, file=sys.stdout) < 100:
        print("plugtone: tests/fleet/domain does not take every branch of fleet/domain")
        return 1
    return 0


def main() -> int:
    if len(sys.argv) > 1:
        return judge(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="plugtone-branches-") as folder:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            str(TESTS),
            *(f"--ignore={TESTS / name}" for name in NOT_MEASURED),
        ]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, ASKED: folder}, check=False)
        return done.returncode or judge(folder)


if __name__ == "__main__":
    sys.exit(main())
