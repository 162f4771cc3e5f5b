"""The voice driver in virtual time on MicroPython, over real sockets, with a registrar that takes every REGISTER."""

from __future__ import annotations

import json

from tests.conftest import RunMicroPython
from tests.firmware.voice_accounts import account

HEAD = """
import json, os, sys
from adapter.room import Room
from ports.unix.datagrams import bound, free_port, place, sockaddr
from ports.unix.voice import VoiceService

HOST = "127.0.0.1"
port = free_port(HOST, os.urandom, 1)
peer = bound(HOST, port, 0)
row = json.loads(sys.stdin.read())
row["registrars"][0]["port"] = port


class Board:
    def link(self):
        return 1

    def address(self):
        return HOST

    def entropy(self, count):
        return os.urandom(count)


class Telephone:
    events = []

    def poll(self):
        return self.events.pop(0) if self.events else None

    def read(self, pcm):
        return False

    def write(self, pcm):
        pass

    def ring(self, on):
        shown.append(("ring", on))

    def lamp(self, pattern):
        shown.append(("lamp", pattern))


class Unit:
    def __init__(self):
        self.board, self.room, self.net = Board(), Room(), None
        self.now_ms = 1000

    def uptime(self):
        return self.now_ms

    def note(self, error):
        notes.append(str(error))


shown, told, notes = [], [], []
unit = Unit()
service = VoiceService(unit, Telephone(), told.append)
service.configure(row, "full")
taken = [b"REGISTER"]  # requests that the registrar answers, by their first eight letters
heard = []  # what the registrar got: (uptime, first word)
source = None


def answer(data, status, extra=""):
    lines = data.decode().split("\\r\\n")
    kept = [line for line in lines if line.split(":")[0].lower() in ("via", "from", "to", "call-id", "cseq", "contact")]
    return ("SIP/2.0 %s\\r\\n%s\\r\\n%s\\r\\n" % (status, "\\r\\n".join(kept), extra)).encode()


def run(ms):
    global source
    until_ms = unit.now_ms + ms
    while unit.now_ms < until_ms:
        unit.now_ms += 20
        service.turn(unit.now_ms)
        while True:
            try:
                data, source = peer.recvfrom(4096)
            except OSError:
                break
            heard.append((unit.now_ms, data[:8].decode().split(" ")[0]))
            if data[:8] in taken:
                peer.sendto(answer(data, "200 OK"), source)


def parked():
    # What `run` of the driver does between two frames.
    if service._unload_due:
        service._unload_due = False
        unit.room.leave()
    return service._voice is None


run(500)
assert service.line_state == "registered", (told, notes, heard)
"""


def run(micropython: RunMicroPython, script: str, **changes: object) -> object:
    return json.loads(micropython(HEAD + script, stdin=json.dumps(account("5550100", 1, **changes)), heap="1M"))


PARK = """
unit.room.borrow()
run(500)
assert parked()
assert unit.room.borrow()
"""
