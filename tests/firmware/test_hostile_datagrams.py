"""A registered unit under fire: mutated SIP on its real socket, from its registrar's address and from strangers'."""

from __future__ import annotations

import socket
from pathlib import Path

from adapter.sip.errors import SipError
from adapter.sip.message import parse
from adapter.sip.uri import parse_uri
from tests.firmware.adapter.sip.fuzzing.sip_fuzz import mutants
from tests.firmware.exchange import UdpExchange
from tests.firmware.voice_accounts import HOST, account
from tests.firmware.voice_board import VoiceBoard

SEED = 20261123
ROUNDS, MUTANTS_A_ROUND = 4, 80  # it takes one in each 20 ms, to keep time for the sound
BATCH = 40  # datagrams, which the socket's buffer holds
MAX_GROWTH_BYTES = 2048  # from the second round on: what waits for a timer is bounded
WAIT_S = 5.0


def is_a_call(data: bytes) -> bool:
    """Whether it would make the telephone ring, as well it may."""
    try:
        return bool(parse(data).method == "INVITE")
    except SipError:
        return False


def answers(sender: socket.socket, target: tuple[str, int], number: int) -> bool:
    """Whether OPTIONS is answered."""
    port = sender.getsockname()[1]
    sender.sendto(
        f"OPTIONS sip:unit@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{port};rport;branch=z9hG4bKasks{number}\r\n"
        f"From: <sip:x@{HOST}>;tag=1\r\nTo: <sip:unit@{HOST}>\r\nCall-ID: asks{number}\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode(),
        target,
    )
    while True:
        try:
            data = sender.recv(8192)
        except TimeoutError:
            return False
        if b"asks%d\r\n" % number in data:
            return True


def test_a_unit_under_fire_answers_keeps_its_heap_and_stays_registered(tmp_path: Path) -> None:
    fire = [data for kind, data in mutants(SEED, 2000) if kind == "message" and not is_a_call(data)]
    fire = fire[: ROUNDS * MUTANTS_A_ROUND]
    assert len(fire) == ROUNDS * MUTANTS_A_ROUND
    used = []
    with UdpExchange() as exchange, VoiceBoard(tmp_path / "unit", account("5550100", exchange.port)) as unit:
        unit.wait_line("registered")
        contact, _ = exchange.bindings["5550100"]
        target = (HOST, parse_uri(contact)[3])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((HOST, 0))
            sender.settimeout(WAIT_S)
            for at in range(0, len(fire), BATCH):
                for number, data in enumerate(fire[at : at + BATCH]):
                    (exchange.send if number % 2 else sender.sendto)(data, target)
                assert answers(sender, target, at), f"silent after {fire[at : at + BATCH]}\n{unit.log()}"
                if at % MUTANTS_A_ROUND == 0:
                    used.append(unit.stats()["used_heap_bytes"])
        assert max(used[2:]) - used[1] <= MAX_GROWTH_BYTES, used
        assert [event for event in unit.events if "printed" in event] == []
        assert [event["line"]["state"] for event in unit.events if "line" in event][-1] == "registered"
