"""Children are started in order, restarted when they die, ended in order, and never outlive their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from itertools import pairwise
from pathlib import Path

PRELUDE = """
import os, signal, sys, time
from fleet.serve.supervisor import ChildSpec, StartError, Supervisor

def steady(ready):
    ready()
    while True:
        time.sleep(60)

def deaf(ready):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    steady(ready)

def say(*words):
    print(*words, flush=True)
"""


def start(script: str, tmp_path: Path) -> subprocess.Popen[str]:
    """A process of its own: the supervisor has signals and the main thread to itself."""
    path = tmp_path / "script.py"
    path.write_text(PRELUDE + textwrap.dedent(script))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True, env=environment)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def wait_for_end(pid: int) -> None:
    until = time.monotonic() + 5
    while is_alive(pid):
        assert time.monotonic() < until, f"{pid} still lives"
        time.sleep(0.01)


TWO = """
    s = Supervisor()
    s.start([ChildSpec("low", steady, 0)], 5)
    s.start([ChildSpec("high", steady, 1)], 5)
    known = {}
    def tick():
        global known
        if s.pids != known and len(s.pids) == 2:
            known = s.pids
            say(known["low"], known["high"])
    s.every_tick = tick
    tick()
    s.watch()
    s.stop()
    say("ended")
"""


def test_a_dead_child_comes_back_and_the_others_stay(tmp_path: Path) -> None:
    process = start(TWO, tmp_path)
    low, high = line(process).split()
    os.kill(int(high), signal.SIGKILL)
    low_again, high_again = line(process).split()
    assert low_again == low
    assert high_again != high
    process.terminate()
    assert line(process) == "ended"
    assert process.wait(5) == 0
    assert not is_alive(int(low))
    assert not is_alive(int(high_again))


def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    process = start(TWO, tmp_path)
    children = [int(pid) for pid in line(process).split()]
    process.kill()
    process.wait(5)
    for pid in children:
        wait_for_end(pid)


def test_a_child_that_does_not_listen_is_killed_in_time(tmp_path: Path) -> None:
    process = start(
        """
        s = Supervisor()
        s.start([ChildSpec("deaf", deaf, 1), ChildSpec("low", steady, 0)], 5)
        say("ready")
        s.watch()
        s.stop()
        """,
        tmp_path,
    )
    assert line(process) == "ready"
    began = time.monotonic()
    process.terminate()
    assert process.wait(5) == 0
    assert time.monotonic() - began < 2


def test_stages_end_one_after_the_other(tmp_path: Path) -> None:
    process = start(
        """
        def telling(name):
            def run(ready):
                def end(*_):
                    time.sleep(0.1)
                    say(name)
                    os._exit(0)
                signal.signal(signal.SIGTERM, end)
                steady(ready)
            return run
        s = Supervisor()
        s.start([ChildSpec(str(n), telling(n), n) for n in (0, 1, 2)], 5)
        say("ready")
        s.watch()
        s.stop()
        """,
        tmp_path,
    )
    assert line(process) == "ready"
    process.terminate()
    assert [line(process) for _ in range(3)] == ["2", "1", "0"]
    assert process.wait(5) == 0


def test_a_child_that_cannot_start_is_named_and_the_rest_is_ended(tmp_path: Path) -> None:
    process = start(
        """
        def broken(ready):
            os._exit(3)
        def late(ready):
            time.sleep(60)
        for name, run in (("broken", broken), ("late", late)):
            s = Supervisor()
            try:
                s.start([ChildSpec("good", steady, 0), ChildSpec(name, run, 1)], 0.5)
            except StartError as error:
                say(error)
            finally:
                s.stop()
            say(s.pids)
        """,
        tmp_path,
    )
    assert "broken did not start" in line(process)
    assert line(process) == "{}"
    assert "late did not start" in line(process)
    assert line(process) == "{}"
    assert process.wait(5) == 0


def test_a_child_that_keeps_dying_is_restarted_ever_more_slowly(tmp_path: Path) -> None:
    process = start(
        """
        born = time.monotonic()
        def dying(ready):
            ready()
            say(time.monotonic() - born)
            time.sleep(0.05)
        s = Supervisor()
        try:
            s.start([ChildSpec("dying", dying, 0)], 5)
        except StartError:
            pass
        s.watch()
        s.stop()
        """,
        tmp_path,
    )
    born = [float(line(process)) for _ in range(4)]
    process.terminate()
    process.wait(5)
    pauses = [after - before for before, after in pairwise(born)]
    assert pauses[0] < pauses[1] < pauses[2]
