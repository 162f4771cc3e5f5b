"""Which public network a unit is on, and in which country, by the operator's table of address prefixes (ER 6, ER 7).

- The longest prefix of the table that holds the address counts. A private address is in no network, unless the table
  says so.
- Where the table is silent, networks are told apart by the first bits of a public address: coarse, so that a provider's
  new address for the same home seldom asks for its location again, while another provider's does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from fleet.domain.errors import InvalidError

COARSE_BITS: Final = {4: 16, 6: 32}
MAX_NETWORK_CHARACTERS: Final = 64
_COUNTRY: Final = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class KnownPrefix:
    """A row of the operator's table. `country`: ISO 3166; `network`: its name, empty for one of its own."""

    prefix: str
    country: str
    network: str = ""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a unit was seen last; empty for what is not known."""

    network: str = ""
    country: str = ""


def known_prefix(prefix: str, country: str, network: str) -> KnownPrefix:
    """A row as it is kept; InvalidError for what is no prefix, country or name."""
    try:
        canonical = str(ip_network(prefix.strip()))
    except ValueError as error:
        raise InvalidError(f"a prefix is written like 192.0.2.0/24 or 2001:db8::/32: {error}") from None
    name = network.strip()
    if len(name) > MAX_NETWORK_CHARACTERS:
        raise InvalidError(f"a network's name has at most {MAX_NETWORK_CHARACTERS} characters, got {len(name)}")
    return KnownPrefix(canonical, check_country(country), name)


def check_country(text: str) -> str:
    """A country's two letters; InvalidError for anything else."""
    country = text.strip().upper()
    if not _COUNTRY.fullmatch(country):
        raise InvalidError(f"a country is two letters of ISO 3166, got {text[:40]!r}")
    return country


def prefixes_of(address: str) -> list[str]:
    """Every prefix that holds `address`, the longest first; none for what is no address."""
    found = _parse(address)
    if found is None:
        return []
    return [str(ip_network((found, bits), strict=False)) for bits in range(found.max_prefixlen, -1, -1)]


def whereabouts(address: str, known: KnownPrefix | None) -> Whereabouts:
    """The network and country of `address`, of which the table holds `known`."""
    network = known.network if known is not None else ""
    return Whereabouts(network or _coarse(address), known.country if known is not None else "")


def _coarse(address: str) -> str:
    found = _parse(address)
    if found is None or not found.is_global:
        return ""
    return str(ip_network((found, COARSE_BITS[found.version]), strict=False))


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(address)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
