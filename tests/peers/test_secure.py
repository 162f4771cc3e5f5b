"""SRTP with baresip: speech in both directions under keys from SDP, and no call where only one end wants it."""

from __future__ import annotations

import wave
from array import array
from pathlib import Path

import pytest

from protocol.wire.enumerations import CALL_ENDS
from tests.firmware.voice_accounts import account
from tests.firmware.voice_board import VoiceBoard
from tests.peers.alignment import align, read_wav
from tests.peers.baresip import Baresip
from tests.peers.conftest import FAR, FAR_SECURE
from tests.peers.kamailio import Kamailio
from tests.peers.processes import wait_until

OFF, OFFERED, REQUIRED = 0, 1, 2  # of MEDIA_SECURITY
DIAL_TONE = (350, 440)
_KEY_MS = 60


def unit_at(folder: Path, kamailio: Kamailio, security: int) -> VoiceBoard:
    """Not started yet."""
    return VoiceBoard(folder, account("+12065550100", kamailio.port, dial_plan="5xxx", media_security=security))


def dial(unit: VoiceBoard, number: str) -> None:
    """As soon as it is registered."""
    unit.phone.attach()
    unit.wait_line("registered")
    unit.phone.record()
    unit.phone.lift()
    assert unit.phone.wait_for(lambda: unit.phone.tones() == DIAL_TONE, 5)
    unit.phone.dial(number, _KEY_MS, _KEY_MS)


def is_whole(path: Path) -> bool:
    """Whether baresip has closed it."""
    try:
        return bool(read_wav(path))
    except (EOFError, wave.Error):
        return False


def heard_by(baresip: Baresip) -> set[Path]:
    """A file for each call."""
    return set(baresip.heard.glob("*-dec.wav"))


def test_both_ends_hear_what_the_other_says_and_nobody_else_could(
    kamailio: Kamailio, baresip: Baresip, said: array[int], tmp_path: Path
) -> None:
    before = heard_by(baresip)
    with unit_at(tmp_path, kamailio, REQUIRED) as unit:
        dial(unit, FAR_SECURE)
        unit.wait_media()
        unit.phone.say(said.tobytes())
        assert unit.phone.done(10)
        unit.phone.wait_for(lambda: False, 0.5)  # the last of it is on its way
        unit.phone.hang_up()
        record = unit.wait_for("call_record")["call_record"]
        assert (record["secured"], record["packets_lost"], record["packets_discarded"]) == (1, 0, 0)
        assert record["packets_received"] > 150
        wait_until(lambda: any(map(is_whole, heard_by(baresip) - before)), "what baresip heard")
        (heard,) = heard_by(baresip) - before
        assert not align(said, read_wav(heard)).missing
        assert align(said, array("h", unit.phone.recorded())).frames > 100


@pytest.mark.parametrize(("security", "number"), [(REQUIRED, FAR), (OFF, FAR_SECURE)])
def test_where_one_end_insists_and_the_other_does_not_there_is_no_call(
    kamailio: Kamailio, baresip: Baresip, tmp_path: Path, security: int, number: str
) -> None:
    with unit_at(tmp_path, kamailio, security) as unit:
        dial(unit, number)
        record = unit.wait_for("call_record")["call_record"]
        assert (record["status"], CALL_ENDS[record["ended_by"]], record["secured"]) == (488, "refused", 0)


def test_security_that_is_only_offered_does_not_stand_in_the_way(
    kamailio: Kamailio, baresip: Baresip, tmp_path: Path
) -> None:
    with unit_at(tmp_path, kamailio, OFFERED) as unit:
        dial(unit, FAR)
        unit.wait_media()
        unit.phone.hang_up()
        record = unit.wait_for("call_record")["call_record"]
        assert (record["status"], record["secured"]) == (200, 0)
