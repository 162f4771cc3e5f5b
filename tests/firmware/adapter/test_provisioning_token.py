"""A unit that was reset is closed until it is locked again: at every write of its provisioning the power may go."""

import contextlib
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from protocol.wire.link_enumerations import LINK_MODES, LINK_RESULTS
from tests.firmware.adapter.factory_bench import ADDRESSES, MAC, SERIAL, TOKEN_KEYS, Bench, token_for
from tests.firmware.model_flash import PARTITIONS, PowerCutError

STATION, INTRUDER = 1, 9  # boot ids of two sessions
WRITES = 14
FORBIDDEN: dict[str, dict[str, Any]] = {
    "put_blob": {"blob": 0, "total_bytes": 1, "offset": 0, "data": b"x"},
    "finish_provisioning": {"certificate_sha256": bytes(32)},
    "run_self_test": {},
    "read_clock": {},
    "calibrate": {"clock_ppm": 32768},
    "lock": {},
    "restart": {},
}


@pytest.fixture(scope="module")
def was_reset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bench = Bench(tmp_path_factory.mktemp("unit") / "flash")
    bench.provision()
    bench.lock()
    bench.reset()
    return bench.path


@pytest.fixture
def bench(was_reset: Path, tmp_path: Path) -> Bench:
    shutil.copy(was_reset, tmp_path / "flash")
    return Bench(tmp_path / "flash")


def mode_of(bench: Bench, session: int) -> str:
    return LINK_MODES[bench.ask("hello", boot_id=session)[1]["mode"]]


def authorize(bench: Bench, session: int = STATION, **changes: Any) -> dict[str, Any]:
    token = token_for(bench.challenge(), **changes)
    _, values = bench.ask("authorize_provisioning", boot_id=session, **token)
    assert LINK_RESULTS[values["result"]] == "ok", values
    return token


def check_closed(bench: Bench) -> None:
    """A session without a token, whatever it asks, changes and learns nothing."""
    before, last = bench.path.read_bytes(), bench.store.load().epoch
    assert mode_of(bench, INTRUDER) == "reset"
    for epoch in (last, last + 1):
        name, values = bench.begin(boot_id=INTRUDER, epoch=epoch)
        assert (name, LINK_RESULTS[values["result"]]) == ("done", "refused")
    for question, fields in FORBIDDEN.items():
        assert bench.result(question, boot_id=INTRUDER, **fields) == "refused", question
    assert not bench.link.restart_wanted
    assert bench.path.read_bytes() == before


def resume(bench: Bench) -> list[bytes]:
    """What the honest station does with a unit in whatever state; the request it got, if it asked for one."""
    requests = []
    if not bench.link.locked:
        assert mode_of(bench, STATION) == "reset"
        authorize(bench, epoch=2)
        assert mode_of(bench, STATION) == "factory"
        if not bench.store.load().provisioned:
            requests.append(bench.begin(epoch=2)[1]["csr"])
            bench.provision(epoch=2)
        assert bench.lock() == "ok"
    return requests


@pytest.mark.parametrize("torn_share", [0.0, 0.6])
@pytest.mark.parametrize("cut_at", range(WRITES))
def test_cut_at_any_write_it_is_closed_to_all_but_the_token_and_the_station_goes_on(
    bench: Bench, cut_at: int, torn_share: float
) -> None:
    bench.restart(cut_at, torn_share)
    authorize(bench)
    requests = []
    with contextlib.suppress(PowerCutError):
        requests.append(bench.begin(epoch=2)[1]["csr"])
        bench.provision(epoch=2)
        bench.lock()
    assert bench.flash.operations == cut_at
    bench.restart()
    if not bench.link.locked:
        check_closed(bench)
    requests += resume(bench)
    assert len(set(requests)) <= 1
    bench.restart()
    identity = bench.store.load()
    assert (bench.link.locked, identity.serial, identity.epoch) == (True, SERIAL, 2)


def test_there_are_no_more_writes_than_are_cut(bench: Bench) -> None:
    resume(bench)
    assert bench.flash.operations == WRITES


@pytest.mark.parametrize("stage", ["reset", "keyed", "blobs are in", "provisioned"])
def test_while_one_session_has_a_token_another_gets_nowhere(bench: Bench, stage: str) -> None:
    authorize(bench)
    if stage != "reset":
        bench.begin(epoch=2)
    certificate = bench.certificate()
    if stage in ("blobs are in", "provisioned"):
        for index, blob in enumerate((certificate, b"\x30anchors", b"{}", ADDRESSES, TOKEN_KEYS)):
            bench.put(index, blob)
    if stage == "provisioned":
        assert bench.finish(certificate) == "ok"
    check_closed(bench)
    digest = sha256(certificate).digest()
    assert bench.result("finish_provisioning", boot_id=INTRUDER, certificate_sha256=digest) == "refused"


@pytest.mark.parametrize("stage", ["reset", "keyed", "provisioned"])
def test_a_flipped_bit_in_its_newest_record_does_not_open_a_unit(bench: Bench, stage: str) -> None:
    if stage != "reset":
        authorize(bench)
        bench.begin(epoch=2)
    if stage == "provisioned":
        bench.provision(epoch=2)
    offset, size = PARTITIONS["identity"]
    flash = bytearray(bench.path.read_bytes())
    newest = max((offset, offset + size // 2), key=lambda half: flash[half + 4 : half + 8])
    flash[newest + 100] ^= 1
    bench.path.write_bytes(flash)
    bench.restart()
    check_closed(bench)


def test_a_token_of_the_session_before_the_cut_is_worth_nothing_after_it(bench: Bench) -> None:
    token = authorize(bench)
    bench.begin(epoch=2)
    bench.restart()
    assert bench.result("authorize_provisioning", **token) == "wrong_state"
    bench.challenge()
    assert bench.result("authorize_provisioning", **token) == "bad_value"
    check_closed(bench)


def test_a_half_provisioned_unit_takes_a_token_for_its_epoch_and_a_later_one_and_none_before(bench: Bench) -> None:
    authorize(bench)
    first = bench.begin(epoch=2)
    bench.restart()
    asked = bench.challenge()
    assert asked["epoch"] == 2
    assert bench.result("authorize_provisioning", **token_for(asked, epoch=1)) == "bad_value"
    authorize(bench, epoch=2)
    assert bench.begin(epoch=2) == first
    bench.restart()
    authorize(bench, epoch=3)
    assert bench.result("read_clock") == "refused"  # nothing of the epoch that is over
    second = bench.begin(epoch=3)
    assert second[0] == "csr"
    assert second != first
    assert bench.ask("read_clock")[0] == "clock"


def test_a_token_for_one_unit_makes_no_other_of_a_half_provisioned_one(bench: Bench) -> None:
    authorize(bench)
    bench.begin(epoch=2)
    for change in ({"serial": "PT000000026"}, {"mac": MAC[:5] + b"\x5f"}, {"epoch": 3}):
        name, values = bench.begin(**{"epoch": 2, **change})
        assert (name, LINK_RESULTS[values["result"]]) == ("done", "refused")


def test_a_unit_in_its_last_epoch_says_so(bench: Bench) -> None:
    bench.store.store(bench.store.load().but(epoch=65_535))
    bench.restart()
    name, values = bench.ask("ask_challenge", station="bench-1")
    assert (name, LINK_RESULTS[values["result"]]) == ("done", "bad_value")
    assert "epoch 65535 was the last there is; scrap the unit" in values["detail"]


def test_a_bare_board_asks_for_no_token_however_far_it_is(bench: Bench, tmp_path: Path) -> None:
    bare = Bench(tmp_path / "bare")
    for step in (lambda: None, bare.begin, bare.provision):
        step()
        bare.restart()
        assert mode_of(bare, STATION) == "factory"
        assert bare.result("ask_challenge", station="bench-1") == "wrong_state"
    assert bare.lock() == "ok"
