"""The registrar on real sockets, in this process and as the command: a call to the echo, the list, the end."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapter.sip import sdp
from adapter.sip.agent import Agent
from tests.firmware.adapter.sip.rig import account
from tests.tools.sim.registrar.network import ALICE_USER, listed, subscriber
from tests.tools.sim.registrar.test_subscribers import as_csv
from tools.client import UnreachableError
from tools.sim.registrar.service import PortError, RegistrarService, Settings

LIMIT_S = 10.0
LOCAL = "127.0.0.1"
COMMAND = [sys.executable, "-m", "tools.cli", "sim", "registrar"]


class Phone:
    """A user agent on sockets; no sound but what `rtp` sends."""

    def __init__(self, registrar: tuple[str, int]) -> None:
        self.sip, self.rtp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for each in (self.sip, self.rtp):
            each.bind((LOCAL, 0))
            each.setblocking(False)
        self.agent: Any = Agent(account(ALICE_USER), self.sip.getsockname(), os.urandom)
        self.agent.set_registrars([(*registrar, "udp")])

    def until(self, what: str) -> tuple[Any, ...]:
        """Works until the event `what`, and returns it; those before it are gone."""
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            now_ms = time.monotonic_ns() // 1_000_000
            for data, to in self.agent.poll(now_ms):
                self.sip.sendto(data, to)
            while self.agent.events:
                event: tuple[Any, ...] = self.agent.events.pop(0)
                if event[0] == what:
                    return event
            if select.select([self.sip], [], [], min(0.1, self.agent.next_timer(now_ms) / 1000))[0]:
                data, source = self.sip.recvfrom(9000)
                self.agent.feed(data, source, now_ms)
        raise AssertionError(f"no {what} in {LIMIT_S} s")

    def register(self) -> None:
        """Until the registrar knows where we are."""
        self.agent.register(time.monotonic_ns() // 1_000_000)
        self.until("registered")

    def echo(self) -> None:
        """Calls the echo, hears what it said, hangs up."""
        now_ms = time.monotonic_ns() // 1_000_000
        offer = sdp.offer(LOCAL, self.rtp.getsockname()[1], 1, 1, ("PCMU",), 20, "sendrecv")
        call = self.agent.dial("*43", offer, now_ms)
        description = self.until("answered")[2]
        speech = bytes(range(160))
        self.rtp.sendto(b"\x80\x00\x00\x07\x00\x00\x00\xa0mine" + speech, (description.host, description.port))
        assert select.select([self.rtp], [], [], LIMIT_S)[0]
        heard = self.rtp.recv(2000)
        assert (heard[:8], heard[12:]) == (b"\x80\x00\x00\x07\x00\x00\x00\xa0", speech)
        assert heard[8:12] != b"mine"
        self.agent.hang_up(call)
        self.until("ended")
        for data, to in self.agent.poll(time.monotonic_ns() // 1_000_000):
            self.sip.sendto(data, to)

    def close(self) -> None:
        for each in (self.sip, self.rtp):
            each.close()


@contextmanager
def served(read: Callable[[], Any], **settings: Any) -> Iterator[tuple[RegistrarService, list[tuple[str, str, str]]]]:
    told: list[tuple[str, str, str]] = []
    with RegistrarService(Settings((LOCAL, 0), **settings), read, lambda *event: told.append(event)) as service:
        thread = threading.Thread(target=service.run)
        thread.start()
        try:
            yield service, told
        finally:
            service.stopped = True
            thread.join(LIMIT_S)
            assert not thread.is_alive()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def until(look: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not look():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_phone_registers_calls_the_echo_and_nothing_stays_open() -> None:
    with served(lambda: listed(subscriber(ALICE_USER))) as (service, told):
        phone = Phone(service.address)
        phone.register()
        open_before = open_files()
        for _ in range(3):
            phone.echo()
        until(lambda: open_files() == open_before)
        phone.close()
    assert [event[:2] for event in told if event[0] != "registered"] == [("call", ALICE_USER)] * 3


def test_the_list_is_asked_for_when_somebody_new_comes_and_one_that_fails_does_not_end_it() -> None:
    lists = iter([{}, UnreachableError("nobody there"), listed(subscriber(ALICE_USER))])

    def read() -> Any:
        found = next(lists)
        if isinstance(found, UnreachableError):
            raise found
        return found

    with served(read, on_demand=True, look_ms=50) as (service, told):
        phone = Phone(service.address)
        phone.register()
        phone.close()
    assert told[0] == ("fault", "", "nobody there")
    assert told[1][:2] == ("registered", ALICE_USER)
    with pytest.raises(StopIteration):
        next(lists)  # it was not read more often than it was asked for


def test_a_port_that_is_taken_is_an_error() -> None:
    with served(dict) as (service, _), pytest.raises(PortError, match="in use"):
        RegistrarService(Settings(service.address), dict, print)


def test_the_command_says_where_it_is_reads_the_file_again_and_ends_by_a_signal(tmp_path: Path) -> None:
    path = tmp_path / "subscribers.csv"
    path.write_text(as_csv())
    place = ["--listen", f"{LOCAL}:0", "--subscribers", path, "--json"]
    process = subprocess.Popen([*COMMAND, *place], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        host, _, port = ready["address"].partition(":")
        path.write_text(as_csv(subscriber(ALICE_USER)))
        time.sleep(0.5)
        phone = Phone((host, int(port)))
        phone.register()
        phone.echo()
        phone.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0
        events = [json.loads(line) for line in process.stdout]
        assert [event["event"] for event in events] == ["registered", "call"]
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--listen", "nowhere"], 2),
        (["--listen", "127.0.0.1:70000"], 2),
        (["--listen", "127.0.0.1:0", "--subscribers", "none"], 1),
        (["--listen", "192.0.2.1:5060", "--subscribers", "none"], 1),
    ],
)
def test_wrong_usage_is_2_and_what_cannot_be_done_1(arguments: list[str], status: int, tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, check=False, cwd=tmp_path, text=True, timeout=30)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
