"""Keys pressed in a call arrive as RFC 4733 events: in baresip, and in tshark's eyes."""

from __future__ import annotations

from pathlib import Path

from tests.peers.baresip import Baresip
from tests.peers.conftest import FAR
from tests.peers.far_end import FarEnd
from tests.peers.judge import digits, faults, rows
from tests.peers.processes import wait_until
from tests.peers.sipp import Sipp, sdp
from tests.peers.test_calls import ANSWERS
from tests.peers.unit import Unit

KEYS = "0123456789*#911#"
_KEY_MS = 40
_WAIT_S = 10.0


def test_baresip_is_told_every_key(unit: Unit, baresip: Baresip, mark: int) -> None:
    before = len(baresip.events)
    unit.dial(FAR)
    baresip.wait_for("CALL_RTPESTAB", before)
    unit.phone.dial(KEYS, _KEY_MS, _KEY_MS)
    assert unit.phone.done(_WAIT_S)
    wait_until(lambda: told(baresip, before, "CALL_DTMF_END") == len(KEYS) * ["None"], "the end of every key")
    assert "".join(told(baresip, before, "CALL_DTMF_START")) == KEYS


def told(baresip: Baresip, after: int, kind: str) -> list[str]:
    return [str(event.get("param")) for event in baresip.events[after:] if event["type"] == kind]


def test_tshark_sees_every_key_whole_and_a_sound_stream_around_them(unit: Unit, mark: int, tmp_path: Path) -> None:
    with FarEnd() as far:
        with Sipp(tmp_path, ANSWERS, sdp(far.port)) as called:
            unit.dial(called.number)
            far.wait_for(5)
            unit.phone.dial(KEYS, _KEY_MS, _KEY_MS)
            assert unit.phone.done(_WAIT_S)
            far.wait_for(len(far.packets) + 10)
            unit.hang_up()
            called.finish()
        seen = rows(far.write_pcap(tmp_path / "pcap"), far.port)
    assert digits(seen) == KEYS
    assert not faults(seen)


def test_a_peer_that_names_another_payload_type_gets_the_keys_there(unit: Unit, mark: int, tmp_path: Path) -> None:
    description = sdp(0, "0 99").replace("101", "99")
    with FarEnd() as far:
        with Sipp(tmp_path, ANSWERS, description.replace("m=audio 0", f"m=audio {far.port}")) as called:
            unit.dial(called.number)
            far.wait_for(5)
            unit.phone.dial("7#", _KEY_MS, _KEY_MS)
            assert unit.phone.done(_WAIT_S)
            far.wait_for(len(far.packets) + 10)
            unit.hang_up()
            called.finish()
        assert digits(rows(far.write_pcap(tmp_path / "pcap"), far.port, 99)) == "7#"
