"""A board in factory mode, over its USB serial link."""

from __future__ import annotations

import pytest

from hil_tests.link import Link
from hil_tests.rig.report import Measured
from hil_tests.rig.strategy import Strategy
from protocol.host.findings import told
from protocol.wire.link_enumerations import LINK_MODES, LINK_RESULTS, SELF_TEST_RESULTS, SELF_TESTS

NOISE = [b"\x03\x03", b"\x01import os\r\n\x04", b"\xff" * 300, b"\x00" * 50, b"\x05A\x01\x00" * 40, b"help()\r\n"]
# What is broken, and what the self-test finds then (firmware/ports/unix/bench_board.py).
FAULTS = [
    ("ram", 700, "ram"), ("flash", "erase", "flash"), ("flash", "program", "flash"), ("led", True, "led"),
    ("entropy", "stuck", "entropy"), ("entropy", "biased", "entropy"),
    ("clock", "stopped", "clock"), ("line", "open", "line"), ("line", "noisy", "line"), ("ring", 20, "ring"),
    ("ring_trip", False, "ring"),
]  # fmt: skip


def _findings(link: Link) -> dict[str, tuple[str, int, int]]:
    report = link.ask("run_self_test")
    codes = [row["code"] for row in report["codes"]]
    return {
        SELF_TESTS[row["test"]]: (SELF_TEST_RESULTS[row["result"]], code, row["value"])
        for row, code in zip(report["tests"], codes, strict=True)
    }


def test_says_what_board_it_is(factory: Strategy, link: Link, measured: Measured) -> None:
    with measured.timed("hello"):
        reply = link.ask("hello")
    assert reply.name == "hello_reply"
    assert reply["board"] == factory.hand.board.name
    assert reply["mode"] == LINK_MODES.index("factory")
    assert not reply["provisioned"]
    assert reply["serial"] == ""


def test_tests_itself(link: Link, measured: Measured) -> None:
    with measured.timed("self-test"):
        findings = _findings(link)
    for name, (result, _, value) in findings.items():
        measured(name, f"{result} ({value})")
    assert set(findings) == set(SELF_TESTS)
    assert "failed" not in {result for result, _, _ in findings.values()}, findings


@pytest.mark.needs("faults")
@pytest.mark.parametrize(("fault", "value", "test"), FAULTS, ids=str)
def test_finds_what_is_broken_and_says_what_to_do(
    factory: Strategy, link: Link, measured: Measured, fault: str, value: object, test: str
) -> None:
    factory.hand.simulated.set_fault(fault, value)
    findings = _findings(link)
    assert [name for name, (result, _, _) in findings.items() if result == "failed"] == [test]
    _, code, found = findings[test]
    sentence = told(test, code, found)
    assert sentence
    measured(test, sentence)


@pytest.mark.needs("ethernet")
def test_finds_that_the_cable_is_out(factory: Strategy, link: Link) -> None:
    assert factory.hand.ethernet is not None
    factory.hand.ethernet.off()
    assert _findings(link)["ethernet"][0] == "failed"


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


def test_makes_its_own_key_and_asks_for_a_certificate(link: Link, measured: Measured) -> None:
    values = {
        "serial": "PT000000075",
        "mac": bytes.fromhex("70b3d5000007"),
        "epoch": 1,
        "hardware_revision": 1,
        "country": "US",
        "entropy": bytes(range(32)),
    }
    with measured.timed("key and request for a certificate"):
        reply = link.ask("begin_provisioning", **values)
    assert reply.name == "csr", reply
    again = link.ask("begin_provisioning", **values)
    assert again["csr"] == reply["csr"], "asking twice must not make a second key"
