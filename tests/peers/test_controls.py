"""Negative controls: firmware that is broken on purpose, and what the rig says to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.peers.far_end import FarEnd
from tests.peers.judge import digits, faults, rows
from tests.peers.kamailio import Kamailio
from tests.peers.sipp import Sipp, sdp
from tests.peers.test_calls import ANSWERS
from tests.peers.unit import Unit
from tools.release.build import REPOSITORY, build_image

DIGEST = ("adapter/sip/digest.py", 'middle = values["nonce"]', 'middle = values["nonce"][1:]')
SEQUENCE = ("adapter/media/stream.py", "self._sequence + 1 & 0xFFFF", "self._sequence + 2 & 0xFFFF")
DIGIT_END = ("adapter/media/dtmf.py", "_END_PACKETS = 3", "_END_PACKETS = 2")


def broken(folder: Path, *faults_in: tuple[str, str, str]) -> bytes:
    """An image of the firmware with these texts of these modules replaced by others."""
    for part in ("firmware", "protocol"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name, old, new in faults_in:
        path = folder / "firmware" / name
        text = path.read_text()
        assert text.count(old) == 1, f"{name} has no longer one {old!r}: name another fault"
        path.write_text(text.replace(old, new))
    return build_image("simulated", "1.0.0", 1, source=folder, readable=True)


def test_a_broken_digest_does_not_register(kamailio: Kamailio, tmp_path: Path) -> None:
    with Unit(tmp_path / "unit", [kamailio], "5210", image=broken(tmp_path / "source", DIGEST)) as unit:
        unit.wait_line("failed")
    assert kamailio.answers("REGISTER", "5210") == ["401", "401"]


def test_broken_sequence_numbers_and_a_missing_end_of_digit_are_seen(kamailio: Kamailio, tmp_path: Path) -> None:
    image = broken(tmp_path / "source", SEQUENCE, DIGIT_END)
    with Unit(tmp_path / "unit", [kamailio], "5211", image=image) as unit, FarEnd() as far:
        unit.wait_line("registered")
        with Sipp(tmp_path / "sipp", ANSWERS, sdp(far.port)) as called:
            unit.dial(called.number)
            far.wait_for(5)
            unit.phone.dial("5", 60, 60)
            assert unit.phone.done(5)
            far.wait_for(len(far.packets) + 10)
            unit.hang_up()
            called.finish()
        seen = rows(far.write_pcap(tmp_path / "pcap"), far.port)
    assert any("is followed by" in fault for fault in faults(seen))
    with pytest.raises(AssertionError, match="digit 5 ends 2 times"):
        digits(seen)
