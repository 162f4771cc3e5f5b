"""What a unit may reach from the computer it hangs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.usb_bridge.cli import name_server
from tools.usb_bridge.errors import BridgeError
from tools.usb_bridge.policy import Policy, resolver_file_servers, source_address

OWN = "192.0.2.7"


def policy(**options: object) -> Policy:
    return Policy(source_towards=lambda target: OWN, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "0.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "fe80::1", OWN, "224.0.0.1",
     "255.255.255.255", "0.0.0.0", "::"],
)  # fmt: skip
def test_the_computer_itself_and_link_local_addresses_are_refused(host: str) -> None:
    assert policy().refusal(host, 80)


@pytest.mark.parametrize("host", ["192.0.2.1", "10.0.0.1", "198.51.100.1", "2001:db8::1"])
def test_the_world_and_the_neighbours_are_not(host: str) -> None:
    assert policy().refusal(host, 443) == ""


def test_rigs_may_reach_the_computer_but_nobodys_address() -> None:
    allowed = policy(allow_loopback=True)
    assert allowed.refusal("127.0.0.1", 5060) == ""
    assert allowed.refusal(OWN, 5060) == ""
    assert allowed.refusal("0.0.0.0", 5060)
    assert allowed.refusal("127.0.0.1", 0)


def test_a_name_server_is_reached_wherever_it_is_on_its_port_only() -> None:
    known = policy(name_servers=(("127.0.0.53", 53),))
    assert known.refusal("127.0.0.53", 53) == ""
    assert known.refusal("127.0.0.53", 80)
    assert known.refusal("127.0.0.1", 53)


def test_the_computer_knows_its_own_addresses_without_a_list() -> None:
    assert source_address("127.0.0.1") == "127.0.0.1"


def test_name_servers_are_read_as_the_system_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("# made\nsearch home\nnameserver 127.0.0.53\nnameserver fe80::1%eth0\nnameserver 192.0.2.1\n")
    assert resolver_file_servers(str(path)) == (("127.0.0.53", 53), ("192.0.2.1", 53))
    assert resolver_file_servers(str(tmp_path / "absent")) == ()


def test_a_name_server_is_given_with_or_without_its_port() -> None:
    assert name_server("192.0.2.1") == ("192.0.2.1", 53)
    assert name_server("192.0.2.1:5353") == ("192.0.2.1", 5353)
    for wrong in ("dns.test", "192.0.2.1:0x", "192.0.2.1:65536", ""):
        with pytest.raises(BridgeError, match="--dns"):
            name_server(wrong)
