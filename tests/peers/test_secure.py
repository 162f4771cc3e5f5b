"""SRTP with baresip: speech in both directions under keys from SDP, and no call where only one end wants it."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from tests.peers.baresip import Baresip
from tests.peers.conftest import FAR, FAR_SECURE
from tests.peers.kamailio import Kamailio
from tests.peers.test_calls import carries_speech
from tests.peers.unit import Unit

OFF, OFFERED, REQUIRED = 0, 1, 2  # of MEDIA_SECURITY


def secured(folder: Path, kamailio: Kamailio, security: int) -> Unit:
    """Not started yet; of a number of its own, for kamailio forks a call to all that is registered under one."""
    return Unit(folder, [kamailio], "5208", media_security=security)


def test_both_ends_hear_what_the_other_says_and_nobody_else_could(
    kamailio: Kamailio, baresip: Baresip, said: array[int], tmp_path: Path
) -> None:
    with secured(tmp_path, kamailio, REQUIRED) as unit:
        unit.wait_line("registered")
        carries_speech(lambda: unit.dial(FAR_SECURE), unit, baresip, said)
        record = unit.record(0)
        assert (record["secured"], record["packets_lost"]) == (1, 0)
        assert record["packets_received"] > len(said) // 160


@pytest.mark.parametrize(("security", "number"), [(REQUIRED, FAR), (OFF, FAR_SECURE)])
def test_where_one_end_insists_and_the_other_does_not_there_is_no_call(
    kamailio: Kamailio, baresip: Baresip, tmp_path: Path, security: int, number: str
) -> None:
    with secured(tmp_path, kamailio, security) as unit:
        unit.wait_line("registered")
        unit.dial(number)
        record = unit.record(0)
        assert (record["status"], record["ended_by"], record["secured"]) == (488, "refused", 0)


def test_security_that_is_only_offered_does_not_stand_in_the_way(
    kamailio: Kamailio, baresip: Baresip, tmp_path: Path
) -> None:
    with secured(tmp_path, kamailio, OFFERED) as unit:
        unit.wait_line("registered")
        unit.dial(FAR)
        unit.wait_media()
        unit.hang_up()
        record = unit.record(0)
        assert (record["status"], record["secured"]) == (200, 0)
