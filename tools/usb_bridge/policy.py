"""What the unit may reach from this computer: the world, but neither the computer itself nor its nearest neighbours.

A unit is somebody else's program. Behind a router it could not connect to the loopback address of its owner's
computer, or to a link-local one; through the bridge it shall not either.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Final

from tools.usb_bridge.events import Place

_PROBE_PORT: Final = 9  # a UDP socket "connects" without a packet
# Globally routable, of documentation (RFC 5737): names the way out without meaning anybody.
_FAR_AWAY: Final = "198.51.100.1"
_RESOLVER_FILE: Final = "/etc/resolv.conf"
_DNS_PORT: Final = 53


def source_address(target: str) -> str:
    """The address that this computer has towards `target`; "" if there is no way there."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((target, _PROBE_PORT))
            name: str = probe.getsockname()[0]
        except OSError:
            return ""
        return name


def outward_address() -> str:
    """This computer's IPv4 address, as its network sees it; "" without a network."""
    return source_address(_FAR_AWAY)


def resolver_file_servers(path: str = _RESOLVER_FILE) -> tuple[Place, ...]:
    """The name servers that Linux and macOS write down; none elsewhere."""
    found = []
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - a path of the system's
            for line in file:
                words = line.split()
                if len(words) >= 2 and words[0] == "nameserver" and is_ipv4(words[1]):
                    found.append((words[1], _DNS_PORT))
    except OSError:
        return ()
    return tuple(found)


def is_ipv4(text: str) -> bool:
    """True for dotted decimal."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


class Policy:
    """`name_servers` are reached wherever they are, on their port: the computer asks them as well.

    `allow_loopback` is for tests and rigs: then the computer itself is like any other.
    """

    def __init__(
        self,
        allow_loopback: bool = False,
        name_servers: tuple[Place, ...] = (),
        source_towards: Callable[[str], str] = source_address,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._name_servers = frozenset(name_servers)
        self._source_towards = source_towards

    def refusal(self, host: str, port: int) -> str:
        """Why the unit may not reach `host` (an address); "" if it may."""
        address = ipaddress.ip_address(host)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_multicast or address.is_unspecified or host == "255.255.255.255" or port == 0:
            return "is nobody's address"
        if self._allow_loopback or (host, port) in self._name_servers:
            return ""
        if address.is_loopback or (address.version == 4 and address in _THIS_HOST):
            return "is this computer"
        if address.is_link_local:
            return "is a link-local address"
        if self._source_towards(str(address)) == str(address):
            return "is this computer"
        return ""


_THIS_HOST: Final = ipaddress.IPv4Network("0.0.0.0/8")  # RFC 1122 3.2.1.3
