"""A pytest plugin: instead of running the tests, wakes the mutants it is given, one after the other, and judges them.

`MUTANTS` in the environment names a folder with `asked.json` (names of mutants); `verdicts.jsonl` there gets a line for
each. A killed run leaves the lines it had written. `hits.json` there keeps which tests reach which function, for the
`key` beside the names.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import time
from collections import defaultdict
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings
from mutmut.state import state

AWAKE = "MUTANT_UNDER_TEST"
LEAST_CPU_S = 5
TIMES_LONGER = 5
MEMORY_BYTES = 4 << 30


def pytest_configure(config: pytest.Config) -> None:
    # The same examples each time, and none made smaller: that some example fails is all we want to know.
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutants", derandomize=True, database=None, deadline=None, phases=phases)
    settings.load_profile("mutants")
    os.environ[AWAKE] = ""


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    folder = Path(os.environ["MUTANTS"])
    asked = json.loads((folder / "asked.json").read_text())
    reaching = known_hits(session, folder / "hits.json", asked["key"])
    gc.collect()
    gc.freeze()
    with (folder / "verdicts.jsonl").open("a") as verdicts:
        for name in asked["mutants"]:
            tests = reaching.get(name.rpartition("__mutmut_")[0], [])
            verdicts.write(json.dumps([name, judge(name, tests) if tests else "no tests"]) + "\n")
            verdicts.flush()
    return True


def known_hits(session: pytest.Session, path: Path, key: str) -> dict[str, list[tuple[pytest.Item, float]]]:
    """By function the tests that reach it, with their seconds; the quickest of its own module's tests first."""
    known = json.loads(path.read_text()) if path.exists() else {}
    if known.get("key") != key:
        known = {"key": key, "tests": measure(session)}
        path.write_text(json.dumps(known))
    reaching: dict[str, list[tuple[pytest.Item, float]]] = defaultdict(list)
    for item in session.items:
        seconds, functions = known["tests"][item.nodeid]
        for function in functions:
            reaching[function].append((item, seconds))
    for function, tests in reaching.items():
        own = f"test_{function.split('.')[2]}.py"
        tests.sort(key=lambda test: (test[0].path.name != own, test[1]))
    return reaching


def measure(session: pytest.Session) -> dict[str, tuple[float, list[str]]]:
    """Runs every test once with all mutants asleep: its seconds, and the functions it reaches."""
    os.environ[AWAKE] = "stats"
    measured = {}
    for item, following in zip(session.items, [*session.items[1:], None], strict=True):
        state()._stats.clear()
        started = time.process_time()
        if not passes(item, following):
            pytest.exit(f"{item.nodeid} fails without a mutant", returncode=1)
        measured[item.nodeid] = (time.process_time() - started, sorted(state()._stats))
    os.environ[AWAKE] = ""
    return measured


def passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def judge(name: str, tests: list[tuple[pytest.Item, float]]) -> str:
    """Killed, survived, or timeout, in a child of its own."""
    child = os.fork()
    if child == 0:
        try:
            limit = LEAST_CPU_S + TIMES_LONGER * int(sum(seconds for _, seconds in tests))
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            os.environ[AWAKE] = name
            items = [item for item, _ in tests]
            alive = all(passes(item, after) for item, after in zip(items, [*items[1:], None], strict=True))
            os._exit(0 if alive else 1)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "timeout" if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL) else "killed"
    return "survived" if os.WEXITSTATUS(status) == 0 else "killed"
