"""What reaches a line that is parked for an update: a call takes the heap back, and nobody else does."""

from __future__ import annotations

import pytest

from adapter.sip.message import parse
from adapter.sip.uri import parameter
from tests.conftest import RunMicroPython
from tests.firmware.ports.unix.driver import PARK, run

MESSAGES = (
    PARK
    + """
def message(method, user, words=""):
    return ("%s sip:%s@127.0.0.1 SIP/2.0\\r\\nv:SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK1\\r\\nVia: SIP/2.0/UDP b\\r\\n"
        "From: <sip:a@b>\\r\\n ;tag=1\\r\\nX-To: x\\r\\n folded\\r\\nto :<sip:x@127.0.0.1>\\r\\nCall-ID: 1\\r\\n"
        "%sCSeq: 1 %s\\r\\n\\r\\nVia: none of its own" % (method, user, port, words, method)).encode()


def recalled(sender, data):
    sender.sendto(data, source)
    run(500)
    return unit.room.recalled


stranger = bound("127.0.0.2", free_port("127.0.0.2", os.urandom, 1), 0)
token = service._saved[0]
heard.clear()
"""
)


def test_a_call_for_a_parked_line_is_taken_once_it_is_back(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        MESSAGES
        + """
found = [recalled(peer, message("INVITE", token)), [word for _, word in heard]]
unit.room.give_back()
run(500)
print(json.dumps(found + [[word for _, word in heard if word != "OPTIONS"]]))
""",
    )
    assert found == [True, [], ["SIP/2.0"]]


def test_nothing_but_a_call_wakes_a_parked_line(micropython: RunMicroPython) -> None:
    """Neither a stranger nor the registrar's other requests keep an update from its heap."""
    found = run(
        micropython,
        MESSAGES
        + """
strange = message("INVITE", row["user"]), message("OPTIONS", token), b"", b"x" * 1400
found = [recalled(stranger, data) for data in strange]
found += [recalled(peer, message(method, token)) for method in ("NOTIFY", "BYE", "SUBSCRIBE")]
stranger.sendto(b"x", sockaddr(HOST, service._sockets.port + 1))
found += [recalled(peer, message("OPTIONS", token, "X: %s\\r\\n" % ("y" * 1000)))]
print(json.dumps([found, heard]))
""",
    )
    assert found == [[False] * 8, []]


@pytest.mark.parametrize("user", ['"x"', "token"])
def test_a_call_wakes_a_parked_line_if_the_registrar_sends_it_or_it_names_our_contact(
    micropython: RunMicroPython, user: str
) -> None:
    """As it is with a line that is not parked (adapter/sip/agent.py)."""
    found = run(
        micropython,
        MESSAGES
        + f"""
for _ in range(100):
    stranger.sendto(b"much to read before it", source)
woken = recalled(stranger, message("INVITE", {user}))
run(5000)
print(json.dumps([unit.room.recalled, recalled(peer, message("INVITE", {user}))]))
""",
    )
    assert found == [user == "token", True]


def test_a_parked_line_tells_the_registrar_that_it_is_there(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        MESSAGES
        + """
peer.sendto(message("OPTIONS", token), source)
unit.now_ms += 500
service.turn(unit.now_ms)
print(json.dumps([peer.recv(2000).decode(), unit.room.recalled]))
""",
    )
    assert isinstance(found, list)
    answer = parse(found[0].encode())
    assert (answer.status, answer.cseq, answer.get("call-id")) == (200, (1, "OPTIONS"), "1")
    assert [via.partition(";")[2] for via in answer.all("via")] == ["branch=z9hG4bK1", ""]
    assert (parameter(answer.get("from"), "tag"), parameter(answer.get("to"), "tag")) == ("1", "0")
    assert answer.get("x-to") is None
    assert not found[1]


CALLED = """
def message(method):
    return ("%s sip:%s@127.0.0.1 SIP/2.0\\r\\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK1\\r\\n"
        "From: <sip:a@b>;tag=1\\r\\nTo: <sip:x@127.0.0.1>\\r\\nCall-ID: 1\\r\\nCSeq: 1 %s\\r\\n"
        "Max-Forwards: 70\\r\\nContact: <sip:a@127.0.0.1:%d>"
        "\\r\\n\\r\\n" % (method, service._voice.agent.endpoint.token, port, method, port)).encode()


def called():
    peer.sendto(message("INVITE"), source)
    run(100)
    rang = ["ring", True] in [list(each) for each in shown]
    peer.sendto(message("CANCEL"), source)
    run(100)
    peer.sendto(message("ACK"), source)
    shown.clear()
    return rang
"""


def test_after_a_call_the_line_begins_anew_once_nothing_of_it_is_to_be_said_again(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        CALLED
        + """
taken.append(b"OPTIONS ")
run(10_000)  # the REGISTER that was answered is forgotten
heard.clear()
found = [called()]
run(3000)
found.append(service._voice is not None)  # what was said of the call may have to be said again
for _ in range(30):
    run(1000)
    if parked():
        break
found.append(service._voice is None)
run(1000)
found += [service.line_state, [word for _, word in heard if word == "REGISTER"], called()]
print(json.dumps(found))
""",
    )
    assert found == [True, True, True, "registered", [], True]


def test_a_line_without_a_call_is_not_begun_anew(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
first = service._voice
for _ in range(60):
    run(1000)
    assert not parked()
print(json.dumps(service._voice is first))
""",
    )
    assert found is True


def test_a_line_is_not_parked_in_the_very_moment_its_handset_is_lifted(micropython: RunMicroPython) -> None:
    found = run(
        micropython,
        """
unit.room.borrow()
Telephone.events.append(("hook", True))
service._look_ms = 0
run(200)
print(json.dumps([parked(), service._voice and service._voice.line.state]))
""",
    )
    assert found == [False, "dial_tone"]
