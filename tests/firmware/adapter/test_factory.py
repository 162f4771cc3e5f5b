"""Provisioning over the link: each step, each step out of order, each step twice, and the cut between them."""

import contextlib
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from adapter.factory import FactoryLink
from protocol.host.table import MESSAGES
from protocol.wire import messages
from protocol.wire.link import FrameReader, encode_frame
from protocol.wire.link_enumerations import LINK_MODES, LINK_RESULTS, SELF_TEST_RESULTS
from tests.conftest import RunMicroPython
from tests.firmware.adapter.factory_bench import ADDRESSES, MAC, SERIAL, TOKEN_KEYS, Bench
from tests.firmware.model_flash import PARTITIONS, PowerCutError

REQUESTS: dict[str, dict[str, Any]] = {
    "begin_provisioning": {
        "serial": SERIAL, "mac": MAC, "epoch": 1, "hardware_revision": 2, "country": "US", "entropy": bytes(32),
    },
    "put_blob": {"blob": 0, "total_bytes": 1, "offset": 0, "data": b"x"},
    "finish_provisioning": {"certificate_sha256": bytes(32)},
    "run_self_test": {},
    "lock": {},
    "restart": {},
}  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "flash")


def test_a_bare_unit_says_who_it_is(bench: Bench) -> None:
    name, hello = bench.ask("hello")
    assert name == "hello_reply"
    assert (LINK_MODES[hello["mode"]], hello["serial"], hello["mac"], hello["provisioned"]) == (
        "factory",
        "",
        bytes(6),
        0,
    )
    assert (hello["board"], hello["hardware_revision"], hello["version"]) == ("simulated", 2, "1.0.0")


def test_the_request_is_signed_by_a_key_made_on_the_unit(bench: Bench) -> None:
    name, values = bench.begin()
    request = x509.load_der_x509_csr(values["csr"])
    assert name == "csr"
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == f"2.5.4.5={bench.board.uid.hex()},CN={SERIAL}"
    point = request.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert point == bench.store.load().public


def test_a_provisioned_and_locked_unit_keeps_its_identity_over_restarts(bench: Bench) -> None:
    certificate = bench.provision()
    assert bench.lock() == "ok"
    bench.restart()
    identity = bench.store.load()
    assert bench.link.locked
    assert (identity.serial, identity.mac.octets, identity.epoch, identity.country) == (SERIAL, MAC, 1, "US")
    assert (identity.certificate_der, identity.anchors_der) == (certificate, b"\x30anchors")
    assert identity.addresses["broker_port"] == 8883
    key = load_der_private_key(identity.key_der, None)
    assert key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint) == identity.public
    hello = bench.ask("hello")[1]
    assert (LINK_MODES[hello["mode"]], hello["serial"], hello["mac"], hello["epoch"]) == ("locked", SERIAL, MAC, 1)


@pytest.mark.parametrize("request_name", REQUESTS)
def test_a_locked_unit_refuses_everything_but_hello(bench: Bench, request_name: str) -> None:
    bench.provision()
    bench.lock()
    bench.restart()
    before = bench.path.read_bytes()
    assert bench.result(request_name, **REQUESTS[request_name]) == "refused"
    assert not bench.link.restart_wanted
    assert bench.path.read_bytes() == before


def test_the_link_of_a_unit_in_service_stays_only_while_its_host_is_in_the_middle_of_something(bench: Bench) -> None:
    bench.provision()
    bench.lock()
    link = bench.locked_link()
    hello, reset = (encode_frame(messages.pack(name, {}, 1, 1)) for name in ("hello", "factory_reset"))
    assert link.feed(hello)
    assert not link.engaged
    assert not link.feed(hello[:5])
    assert link.engaged
    assert link.feed(hello[5:])
    assert not link.engaged
    bench.board.held = True
    link.feed(reset)
    assert link.engaged
    bench.board.held = False
    link.feed(reset)
    assert not link.engaged


def test_the_station_may_restart_the_unit_it_has_just_locked(bench: Bench) -> None:
    bench.provision()
    bench.lock()
    assert bench.result("run_self_test") == "refused"
    assert bench.result("restart") == "ok"
    assert bench.link.restart_wanted


def test_a_station_that_missed_the_answer_may_lock_again_and_nothing_is_written(bench: Bench) -> None:
    bench.provision()
    bench.lock()
    before = bench.flash.operations
    assert bench.result("lock") == "ok"
    assert bench.flash.operations == before


def test_a_flipped_bit_in_its_newest_record_does_not_unlock_a_unit(bench: Bench) -> None:
    bench.provision()
    bench.lock()
    offset, size = PARTITIONS["identity"]
    halves = [offset, offset + size // 2]
    newest = max(halves, key=lambda half: bench.path.read_bytes()[half + 4 : half + 8])
    flash = bytearray(bench.path.read_bytes())
    flash[newest + 100] ^= 1
    bench.path.write_bytes(flash)
    bench.restart()
    assert bench.link.locked
    assert bench.ask("hello")[1]["serial"] == SERIAL


def test_no_sequence_of_requests_brings_the_private_key_over_the_link(bench: Bench) -> None:
    sent = b""
    host_messages = [row[1] for row in MESSAGES if 64 <= row[0] < 80 or 96 <= row[0] < 112]
    for stage in ("bare", "keyed", "provisioned", "locked"):
        if stage == "keyed":
            bench.begin()
        elif stage == "provisioned":
            bench.provision()
        elif stage == "locked":
            bench.lock()
        for name in host_messages:
            values = REQUESTS.get(name)
            if name in ("hello", "loader_hello", "loader_run"):
                values = {}
            if values is not None and not (stage == "bare" and name == "begin_provisioning") and name != "lock":
                sent += bench.link.feed(encode_frame(messages.pack(name, values, 1, 1)))
    answers = [messages.unpack(payload) for payload in FrameReader().feed(sent)]
    private = bench.store.load().private
    assert len(answers) > 20
    assert not any(private in messages.pack(answer.name, answer.values) for answer in answers)
    assert private not in sent


def test_a_repeated_begin_gives_the_same_request_even_after_a_power_cut(bench: Bench) -> None:
    first = bench.begin()
    bench.restart()
    assert bench.begin(entropy=os.urandom(32)) == first
    bench.provision()
    assert bench.begin(entropy=os.urandom(32)) == first


def test_a_unit_that_is_not_finished_can_begin_as_another_one_with_another_key(bench: Bench) -> None:
    first = bench.begin()[1]["csr"]
    second = bench.begin(serial="PT000000026")[1]["csr"]
    point = x509.load_der_x509_csr(first).public_key()
    assert x509.load_der_x509_csr(second).public_key() != point
    bench.restart()
    assert bench.ask("hello")[1]["serial"] == "PT000000026"


def test_a_provisioned_unit_cannot_become_another_one(bench: Bench) -> None:
    bench.provision()
    before = bench.path.read_bytes()
    for change in ({"serial": "PT000000026"}, {"epoch": 2}, {"mac": bytes.fromhex("001a2b3c4d5f")}):
        name, values = bench.begin(**change)
        assert (name, LINK_RESULTS[values["result"]]) == ("done", "wrong_state")
        assert SERIAL in values["detail"]
    assert bench.path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"serial": "PT000000019"}, "check digit"),
        ({"serial": "XX000000018"}, "not a serial number"),
        ({"mac": bytes.fromhex("011a2b3c4d5e")}, "group address"),
        ({"hardware_revision": 3}, "the chip 2"),
    ],
)
def test_wrong_values_are_refused_by_name_and_nothing_is_written(
    bench: Bench, change: dict[str, Any], detail: str
) -> None:
    name, values = bench.begin(**change)
    assert (name, LINK_RESULTS[values["result"]]) == ("done", "bad_value")
    assert detail in values["detail"]
    assert bench.flash.operations == 0


def test_steps_out_of_order_answer_wrong_state(bench: Bench) -> None:
    assert bench.result("put_blob", **REQUESTS["put_blob"]) == "wrong_state"
    assert bench.finish(b"") == "wrong_state"
    assert bench.result("lock") == "wrong_state"
    bench.begin()
    assert bench.result("lock") == "wrong_state"
    assert bench.ask("loader_hello")[1]["result"] == LINK_RESULTS.index("wrong_state")


@pytest.mark.parametrize(
    ("index", "blob", "detail"),
    [
        (0, b"\x30 of another key for " + SERIAL.encode(), "not for this unit's key"),
        (1, b"anchors", "trust anchors are DER"),
        (2, b"<root/>", "root metadata JSON"),
        (3, ADDRESSES[:-1], "cut off"),
        (3, messages.pack("hello", {}), "another message"),
        (4, TOKEN_KEYS + b"\x04", "1 to 4 public keys"),
        (4, TOKEN_KEYS * 5, "1 to 4 public keys"),
        (4, b"\x04" + bytes(64), "1 to 4 public keys"),
    ],
)
def test_finishing_with_a_wrong_blob_is_refused_and_can_be_put_right(
    bench: Bench, index: int, blob: bytes, detail: str
) -> None:
    bench.begin()
    good = [bench.certificate(), b"\x30anchors", b"{}", ADDRESSES, TOKEN_KEYS]
    wrong = [*good[:index], blob, *good[index + 1 :]]
    for number, data in enumerate(wrong):
        bench.put(number, data)
    before = bench.flash.operations
    name, values = bench.ask("finish_provisioning", certificate_sha256=sha256(wrong[0]).digest())
    assert (name, LINK_RESULTS[values["result"]]) == ("done", "bad_value")
    assert detail in values["detail"]
    assert bench.flash.operations == before
    bench.put(index, good[index])
    assert bench.finish(good[0]) == "ok"


def test_a_certificate_of_this_key_for_another_serial_number_is_refused(bench: Bench) -> None:
    bench.begin()
    certificate = bench.certificate().replace(SERIAL.encode(), b"PT000000026")
    for number, data in enumerate((certificate, b"\x30anchors", b"{}", ADDRESSES, TOKEN_KEYS)):
        bench.put(number, data)
    assert bench.finish(certificate) == "bad_value"
    assert not bench.store.load().provisioned


def test_a_missing_blob_and_a_wrong_hash_are_named(bench: Bench) -> None:
    bench.begin()
    bench.put(0, bench.certificate())
    assert "trust_anchors is missing" in bench.ask("finish_provisioning", certificate_sha256=bytes(32))[1]["detail"]
    for number, data in enumerate((b"\x30", b"{}", ADDRESSES, TOKEN_KEYS), start=1):
        bench.put(number, data)
    assert "another hash" in bench.ask("finish_provisioning", certificate_sha256=bytes(32))[1]["detail"]


def test_a_blob_with_a_gap_is_refused_and_can_start_again(bench: Bench) -> None:
    bench.begin()
    assert bench.result("put_blob", blob=1, total_bytes=30, offset=0, data=bytes(10)) == "ok"
    assert bench.result("put_blob", blob=1, total_bytes=30, offset=11, data=bytes(10)) == "bad_value"
    assert bench.result("put_blob", blob=1, total_bytes=15, offset=10, data=bytes(10)) == "bad_value"
    assert bench.put(1, bytes(30), 10) == "ok"


def test_a_part_of_a_blob_whose_answer_was_lost_may_be_put_again(bench: Bench) -> None:
    bench.begin()
    certificate = bench.certificate()
    for index, blob in enumerate((certificate, b"\x30anchors", b"{}", ADDRESSES, TOKEN_KEYS)):
        for at in range(0, len(blob), 1000):
            part = blob[at : at + 1000]
            for _ in range(2):
                assert bench.result("put_blob", blob=index, total_bytes=len(blob), offset=at, data=part) == "ok"
    assert bench.finish(certificate) == "ok"
    assert bench.store.load().certificate_der == certificate


@pytest.mark.parametrize("torn_share", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("cut_at", range(15))
def test_a_power_cut_at_any_write_of_provisioning_can_be_done_again(
    tmp_path: Path, cut_at: int, torn_share: float
) -> None:
    bench = Bench(tmp_path / "flash")
    bench.restart(cut_at, torn_share)
    requests = []
    with contextlib.suppress(PowerCutError):  # the last cut comes after the last write
        requests.append(bench.begin())
        bench.provision()
        bench.lock()
        assert cut_at == bench.flash.operations == 14
    bench.restart()
    if not bench.link.locked:
        requests.append(bench.begin())
        assert len({request[1]["csr"] for request in requests}) == 1
        bench.restart()
        if not bench.store.load().provisioned:
            bench.provision()
        assert bench.lock() == "ok"
    bench.restart()
    assert bench.link.locked
    assert bench.store.load().serial == SERIAL


def test_the_self_test_measures_each_part(bench: Bench) -> None:
    passed, failed, skipped = (SELF_TEST_RESULTS.index(name) for name in ("passed", "failed", "skipped"))
    found = bench.self_test()
    assert found["mac"] == skipped
    assert found["led"] == skipped
    assert {name for name, result in found.items() if result == passed} == {
        "ram", "flash", "ethernet", "usb", "clock", "entropy",
    }  # fmt: skip
    assert bench.board.shown == ["self_test"]
    bench.begin()
    assert bench.self_test()["mac"] == passed
    bench.board.link_up = False
    bench.board.random = bytes
    found = bench.self_test()
    assert {name for name, result in found.items() if result == failed} == {"ethernet", "entropy"}


def test_a_stopped_clock_and_a_stuck_flash_fail_the_self_test(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = SELF_TEST_RESULTS.index("failed")
    link = FactoryLink(bench.store, bench.board, "1.0.0", lambda: 5)
    scratch = bench.flash.partition("scratch")
    monkeypatch.setattr(scratch, "erase", lambda offset, length: None)
    scratch.program(3, b"\x00")
    bench.link = link
    found = bench.self_test()
    assert (found["clock"], found["flash"]) == (failed, failed)


def test_damaged_frames_and_unknown_types_are_dropped_and_the_next_question_is_answered(bench: Bench) -> None:
    good = encode_frame(messages.pack("hello", {}, 7, 9))
    unknown = encode_frame(b"\xfa\x01" + bytes(8))
    damaged = good[:-3] + b"\x01\x01\x00"
    answers = FrameReader().feed(bench.link.feed(b"noise\x00" + damaged + unknown + good))
    (answer,) = [messages.unpack(payload) for payload in answers]
    assert (answer.name, answer.boot_id, answer.sequence) == ("hello_reply", 7, 9)


def test_a_unit_that_is_not_locked_takes_no_bridge(bench: Bench) -> None:
    hello = messages.pack("bridge_hello", {"address": bytes(4), "name_servers": []}, 7, 9)
    (answer,) = FrameReader().feed(bench.link.feed(encode_frame(hello)))
    assert LINK_RESULTS[messages.unpack(answer)["result"]] == "wrong_state"


def test_a_malformed_message_is_answered_by_what_is_wrong_with_it(bench: Bench) -> None:
    cut_off = messages.pack("finish_provisioning", {"certificate_sha256": bytes(32)}, 1, 1)[:-1]
    (payload,) = FrameReader().feed(bench.link.feed(encode_frame(cut_off)))
    answer = messages.unpack(payload)
    assert LINK_RESULTS[answer["result"]] == "bad_value"
    assert "cut off" in answer["detail"]


def test_restart_is_left_to_main(bench: Bench) -> None:
    assert bench.result("restart") == "ok"
    assert bench.link.restart_wanted


def test_an_identity_written_by_cpython_is_read_by_micropython(bench: Bench, micropython: RunMicroPython) -> None:
    bench.provision()
    script = """
import sys
from adapter.identity import IdentityStore
from ports.unix.flash import Flash
flash = Flash(sys.argv[1], 0x200000, 4096, {"identity": (0x2000, 0x18000)})
identity = IdentityStore(flash.partition("identity")).load()
print(identity.serial, identity.mac, identity.addresses["ntp"][0]["port"], len(identity.key_der), identity.locked)
"""
    assert micropython(script, bench.path).split() == [SERIAL, "00:1A:2B:3C:4D:5E", "123", "121", "False"]
