"""A line that the heap has no room to hear for: it tries now and then, and hears what waited once there is room."""

from __future__ import annotations

from tests.conftest import RunMicroPython
from tests.firmware.ports.unix.driver import run

OPTIONS = (
    "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1"
    "\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n"
)
LONG_OPTIONS = OPTIONS.replace("Max-Forwards", "User-Agent: " + "x" * 900 + "\r\nMax-Forwards")


def test_what_there_is_no_room_for_waits_in_the_socket_and_is_asked_for_four_times_a_second(
    micropython: RunMicroPython,
) -> None:
    found = run(
        micropython,
        f"""
MORE = 16_000_000  # bytes, than the heap has
heard.clear()
peer.sendto({OPTIONS.encode()!r}, source)
tries = 0
until_ms = unit.now_ms + 2000
while unit.now_ms < until_ms:
    service._sip_bytes = MORE
    service._voice.agent.endpoint.spare = None  # what is to be sent lies there
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


def test_a_heap_without_a_block_for_a_datagram_reads_it_into_the_one_that_is_kept(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        f"""
heard.clear()
for _ in range(2):
    service._sip_bytes = 16_000_000  # bytes, than the heap has
    peer.sendto({LONG_OPTIONS.encode()!r}, source)
    peer.sendto(b"lost with it, as the two are read as one", source)
    run(20)
run(300)
print(json.dumps([word for _, word in heard if word != "OPTIONS"]))
""",
    )
    assert found == ["SIP/2.0"] * 2


PIECES = """
import gc
answers, requests = [], []
free = longer = kept = dropped = at = None  # here, for a dict of globals that grows takes a piece, too
run(100)
try:
    while True:
        kept, dropped = (kept, bytearray(%d)), (dropped, bytearray(%d))
except MemoryError:
    dropped = None
gc.collect()
try:
    while True:
        longer = (longer, bytearray(%d))
except MemoryError:
    free = gc.mem_free()
"""


ASKED = f"""
for at in range(3):
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
        PIECES % (900, 900, 2048)
        + f"""
{ASKED}
print(json.dumps([free, [word for word in answers if word != "OPTIONS"]]))
""",
    )
    assert isinstance(found, list)
    assert found[0] > 100_000
    assert found[1] == ["SIP/2.0"] * 3


INVITE = (
    "INVITE sip:%s@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bK2\r\nFrom: <sip:a@b>;tag=1"
    "\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: 2\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:a@127.0.0.1:5060>"
    "\r\n" + ("X-Long: " + "x" * 90 + "\r\n") * 10 + "Content-Type: application/sdp\r\nContent-Length: 99\r\n\r\n"
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n"
)


def test_a_call_rings_in_a_heap_whose_pieces_are_all_shorter_than_a_third_of_its_invite(
    micropython: RunMicroPython,
) -> None:
    assert len(INVITE) > 3 * 400
    found = run(
        micropython,
        f"invite = ({INVITE!r} % service._voice.agent.endpoint.token).encode()"
        + PIECES % (310, 310, 400)
        + """
for at in range(3):
    unit.now_ms += 300
    peer.sendto(invite, source)
    service.turn(unit.now_ms)
    try:
        while True:
            answers.append(peer.recv(300)[:11].decode())
    except OSError:
        pass
print(json.dumps([free, "SIP/2.0 180" in answers, ["ring", True] in [list(each) for each in shown], answers]))
""",
    )
    assert isinstance(found, list)
    assert found[0] > 20_000
    assert found[1:3] == [True, True], found


def test_a_heap_in_pieces_speaks_as_long_as_it_is_in_pieces(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
buffer = bytearray(2000)


def received():
    try:
        return bytes(buffer[: min(peer.readinto(buffer) or 0, 8)]).decode()
    except OSError:
        return ""
"""
        + PIECES % (310, 310, 400)
        + """
for at in range(5):
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


def test_what_no_piece_is_long_enough_for_goes_out_of_the_spare_block_each_time(micropython: RunMicroPython) -> None:
    """`pack` is a fake: a heap that never has room for a whole message."""
    found = run(
        micropython,
        """
agent = service._voice.agent
agent.endpoint.pack = lambda message: b""
heard.clear()
for _ in range(3):
    agent.register(unit.now_ms)
    service._voice.due_ms = 0
    run(40)
print(json.dumps([[word for _, word in heard if word != "OPTIONS"], service.line_state]))
""",
    )
    assert found == [["REGISTER"] * 3, "registered"]


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


def test_what_the_bridge_has_no_heap_for_is_sent_again_as_if_lost_on_the_way(
    micropython: RunMicroPython,
) -> None:
    found = run(
        micropython,
        """
import errno


class Starved:
    def __init__(self, socket):
        self.socket = socket
        self.refused = []

    def sendto(self, data, address):
        if not self.refused:
            self.refused.append(1)
            raise OSError(errno.ENOBUFS)
        return self.socket.sendto(data, address)

    def __getattr__(self, name):
        return getattr(self.socket, name)


heard.clear()
agent = service._voice.agent
agent.register(unit.now_ms)
service._voice.due_ms = 0
sip, service._sip = service._sip, Starved(service._sip)
service.turn(unit.now_ms)
refused, service._sip = service._sip.refused, sip
run(800)  # T1 is 500 ms: RFC 3261 17.1.2.2
print(json.dumps([len(refused), [word for _, word in heard if word != "OPTIONS"], service.line_state]))
""",
    )
    assert found == [1, ["REGISTER"], "registered"]
