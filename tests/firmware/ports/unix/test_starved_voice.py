"""A line that the heap has no room to hear for: it tries now and then, and hears what waited once there is room."""

from __future__ import annotations

from tests.conftest import RunMicroPython
from tests.firmware.ports.unix.driver import run

OPTIONS = (
    "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1"
    "\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n"
)
LONG_OPTIONS = OPTIONS.replace("Max-Forwards", "User-Agent: " + "x" * 900 + "\r\nMax-Forwards")


def test_what_the_heap_has_no_room_for_waits_in_the_socket_and_is_asked_for_four_times_a_second(
    micropython: RunMicroPython,
) -> None:
    found = run(
        micropython,
        f"""
MORE = 16_000_000  # bytes, than the heap has
heard.clear()
peer.sendto({LONG_OPTIONS.encode()!r}, source)
tries = 0
until_ms = unit.now_ms + 2000
while unit.now_ms < until_ms:
    service._sip_bytes = MORE
    unit.now_ms += 2  # an answer is waited for
    service.turn(unit.now_ms)
    tries += service._sip_bytes < MORE
found = [tries, [word for _, word in heard]]
run(300)
print(json.dumps(found + [[word for _, word in heard if word != "OPTIONS"]]))
""",
    )
    assert isinstance(found, list)
    assert 7 <= found[0] <= 9
    assert found[1:] == [[], ["SIP/2.0"]]


PIECES = """
import gc
run(100)
pieces = [None] * 30_000
try:
    for at in range(30_000):
        pieces[at] = bytearray(%d)
except MemoryError:
    pass
for at in range(0, 30_000, 2):
    pieces[at] = None
gc.collect()
longer = None
try:
    while True:
        longer = (longer, bytearray(%d))
except MemoryError:
    free = gc.mem_free()
"""


ASKED = f"""
answers = []
for _ in range(3):
    peer.sendto({OPTIONS.encode()!r}, source)
    unit.now_ms += 300
    service.turn(unit.now_ms)
    try:
        while True:
            answers.append(peer.recv(500)[:7].decode())
    except OSError:
        pass
"""


def test_a_heap_in_pieces_hears_as_long_as_it_is_in_pieces(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        PIECES % (900, 2048)
        + f"""
{ASKED}
print(json.dumps([free, [word for word in answers if word != "OPTIONS"]]))
""",
    )
    assert isinstance(found, list)
    assert found[0] > 100_000
    assert found[1] == ["SIP/2.0"] * 3


def test_a_short_message_is_heard_though_the_kept_block_is_lost(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        PIECES % (1100, 2048)
        + f"""
endpoint = service._voice.agent.endpoint
endpoint.spare = None
lost = bytearray(2048)
{ASKED}
print(json.dumps([endpoint.spare is None, [word for word in answers if word != "OPTIONS"]]))
""",
    )
    assert found == [True, ["SIP/2.0"] * 3]


def test_a_heap_in_pieces_speaks_as_long_as_it_is_in_pieces(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        "buffer = bytearray(2000)"
        + PIECES % (290, 300)
        + """
def received():
    try:
        return bytes(buffer[: min(peer.readinto(buffer) or 0, 8)]).decode()
    except OSError:
        return ""


requests = []
for _ in range(5):
    service.turn(unit.now_ms)
    while received():
        pass
    service._voice.agent.register(unit.now_ms)
    service._voice.due_ms = 0
    service.turn(unit.now_ms)
    requests.append(received())
    unit.now_ms += 20
print(json.dumps([free, requests]))
""",
    )
    assert isinstance(found, list)
    assert found[0] > 20_000
    assert found[1] == ["REGISTER"] * 5


def test_a_connection_that_the_heap_had_no_room_to_read_is_made_anew(micropython: RunMicroPython) -> None:
    """`Stream` is a fake: at what is lost in the midst of a stream, nothing in it can be told apart any more."""
    found = run(
        micropython,
        """
class Stream:
    destination = HOST, port

    def poll(self, now_ms, framed):
        raise MemoryError

    def close(self):
        notes.append("closed")


heard.clear()
service._stream = Stream()
run(2500)
print(json.dumps([service._stream, notes[-1], [word for _, word in heard if word == "REGISTER"][:1]]))
""",
    )
    assert found == [None, "closed", ["REGISTER"]]
