"""A board in factory mode, over its USB serial link."""

from __future__ import annotations

import pytest

from hil_tests.link import Link
from protocol.wire.enumerations import LINK_MODES, LINK_RESULTS, SELF_TEST_RESULTS, SELF_TESTS

NOISE = [b"\x03\x03", b"\x01import os\r\n\x04", b"\xff" * 300, b"\x00" * 50, b"\x05A\x01\x00" * 40, b"help()\r\n"]


def test_says_what_board_it_is(link: Link) -> None:
    reply = link.ask("hello")
    assert reply.name == "hello_reply"
    assert reply["board"] == "simulated"
    assert reply["mode"] == LINK_MODES.index("factory")
    assert not reply["provisioned"]
    assert reply["serial"] == ""


def test_tests_itself(link: Link) -> None:
    report = link.ask("run_self_test")
    results = {SELF_TESTS[row["test"]]: SELF_TEST_RESULTS[row["result"]] for row in report["tests"]}
    assert set(results) == set(SELF_TESTS)
    assert "failed" not in results.values(), results


@pytest.mark.parametrize("noise", NOISE, ids=lambda noise: noise[:4].hex())
def test_answers_after_noise_on_the_line(link: Link, noise: bytes) -> None:
    link.send(noise + b"\x00")
    assert link.ask("hello").name == "hello_reply"


def test_refuses_to_finish_what_was_not_begun(link: Link) -> None:
    reply = link.ask("finish_provisioning", certificate_sha256=bytes(32))
    assert reply.name == "done"
    assert LINK_RESULTS[reply["result"]] != "ok"
    assert not link.ask("hello")["provisioned"]


def test_refuses_to_lock_without_an_identity(link: Link) -> None:
    assert LINK_RESULTS[link.ask("lock")["result"]] != "ok"
    assert link.ask("hello")["mode"] == LINK_MODES.index("factory")


def test_makes_its_own_key_and_asks_for_a_certificate(link: Link) -> None:
    values = {
        "serial": "PT000000075",
        "mac": bytes.fromhex("70b3d5000007"),
        "epoch": 1,
        "hardware_revision": 1,
        "country": "US",
        "entropy": bytes(range(32)),
    }
    reply = link.ask("begin_provisioning", **values)
    assert reply.name == "csr", reply
    again = link.ask("begin_provisioning", **values)
    assert again["csr"] == reply["csr"], "asking twice must not make a second key"
