"""A message is shown with names, hex and dates."""

import pytest
from construct import ConstructError

from protocol.host.inspect import describe
from protocol.wire.messages import pack


def test_shows_names_clocks_and_lists() -> None:
    data = pack("events", {"events": [{"clock_s": 1_795_000_000, "event": 0, "value": 3}]}, 0xAB, 2)
    assert describe(data).splitlines() == [
        "events version 1 boot 000000ab sequence 2",
        "  events: 1 items",
        "    -",
        "      clock_s: 2026-11-18 11:06:40 UTC (1795000000)",
        "      event: boot (0)",
        "      value: 3",
    ]


def test_shows_bytes_in_hex_and_a_mac_address_with_colons() -> None:
    assert "  certificate_sha256: " + "61" * 32 in describe(
        pack("finish_provisioning", {"certificate_sha256": b"a" * 32})
    )
    begin = {"serial": "PT000000018", "mac": b"\0\x1a+<M^", "epoch": 1, "hardware_revision": 1, "country": "US"}
    assert "  mac: 00:1a:2b:3c:4d:5e" in describe(pack("begin_provisioning", {**begin, "entropy": bytes(32)}))


def test_refuses_what_is_no_message() -> None:
    with pytest.raises(ConstructError):
        describe(b"\x00" * 12)
