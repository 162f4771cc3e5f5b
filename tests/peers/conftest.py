"""The rig: kamailio, baresip and what they need, started once for all tests of a worker; nothing of it outlives it."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import pytest

from tests.peers.baresip import Account, Baresip
from tests.peers.kamailio import Kamailio
from tests.peers.processes import wanted
from tests.peers.speech import speech, write_wav
from tests.peers.unit import Unit

SPEECH_S = 2.0
_SILENCE_S = 240.0  # baresip hangs up when its file ends

# What the tests dial: a far end with the codecs of its own choice.
FAR, FAR_A_LAW, FAR_MU_LAW, FAR_SLOW, FAR_FAST, FAR_SECURE = "5001", "5002", "5003", "5030", "5010", "5004"
ACCOUNTS = (
    Account(FAR), Account(FAR_A_LAW, ["PCMA"]), Account(FAR_MU_LAW, ["PCMU"]), Account(FAR_SLOW, ["PCMA", "PCMU"], 30),
    Account(FAR_FAST, ["PCMU"], 10), Account(FAR_SECURE, more=";mediaenc=srtp-mand"),
)  # fmt: skip


@pytest.fixture(scope="session")
def said() -> array[int]:
    """What either end says, in samples."""
    return speech(SPEECH_S)


@pytest.fixture(scope="session")
def kamailio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    """The registrar and proxy of all tests that do not kill theirs."""
    wanted("kamailio", "sipp", "tshark", "baresip")
    with Kamailio(tmp_path_factory.mktemp("kamailio")) as running:
        yield running


@pytest.fixture(scope="session")
def baresip(kamailio: Kamailio, said: array[int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Baresip]:
    """The far ends of ACCOUNTS, registered."""
    folder = tmp_path_factory.mktemp("baresip")
    words = write_wav(folder / "speech.wav", said, _SILENCE_S)
    with Baresip(folder / "run", kamailio.port, ACCOUNTS, words) as running:
        yield running


@pytest.fixture(scope="session")
def unit(kamailio: Kamailio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    """A unit that the tests share: registered, and with its handset down between them."""
    with Unit(tmp_path_factory.mktemp("unit"), [kamailio]) as running:
        running.wait_line("registered")
        yield running


@pytest.fixture
def mark(unit: Unit) -> Iterator[int]:
    """How many events the shared unit has told before the test, which leaves it at rest."""
    yield len(unit.events)
    unit.rest()
