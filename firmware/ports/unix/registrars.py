"""Where the account's registrars are: from a name to addresses by the DNS, in the order of RFC 3263 4.

Asked are the account's name servers or, if it names none, the host's. A name with a port has addresses only (4.2);
one without may have NAPTR and SRV records, which say transports, ports and turns.
"""

import socket

from micropython import const

from adapter.errors import AdapterError
from adapter.sip import dns
from adapter.sip.uri import is_address
from ports.unix import sockets
from ports.unix.datagrams import place, sockaddr
from protocol.wire.enumerations import TRANSPORTS

_ANSWER_MS = const(2_000)
_MOST = const(8)  # addresses of one registrar
_MOST_TARGETS = const(4)
_PORT = const(53)
_SIP_PORT = const(5060)
_SIPS_PORT = const(5061)
_HOST_SERVERS = "/etc/resolv.conf"


async def locate_all(unit, rows, servers):
    """`locate` for all rows of an account, in their order; the unit takes note of those that are not found."""
    found = []
    for row in rows:
        try:
            found += await locate(unit.net, row, servers, unit.board.entropy)
        except AdapterError as error:
            unit.note(error)
    return found


async def locate(net, row, servers, random):
    """[(address, port, transport)] of one row of `registrars`, best first; AdapterError if there is none now."""
    host, port, transport = row["host"], row["port"], TRANSPORTS[row["transport"]]
    servers = [(server["host"], server["port"]) for server in servers] or _host_servers()
    out = []
    for name, service, target_port in await _targets(net, host, port, transport, servers, random):
        for address in await _addresses(net, name, servers, random):
            if len(out) < _MOST:
                out.append((address, target_port, service))
    if not out:
        raise AdapterError("no address for registrar %s" % host)
    return out


async def _targets(net, host, port, transport, servers, random):
    """[(name, transport, port)]."""
    if not port and not is_address(host):
        services = dns.services(await _ask(net, host, dns.NAPTR, servers, random))
        services = [found for found in services if found[0] == transport]
        if not services:
            label = "_sips._tcp." if transport == "tls" else "_sip._%s." % transport
            services = [(transport, label + host)]
        for _, name in services:
            found = dns.targets(await _ask(net, name, dns.SRV, servers, random), random)
            if found:
                return [(target, transport, target_port) for target, target_port in found[:_MOST_TARGETS]]
    return [(host, transport, port or (_SIPS_PORT if transport == "tls" else _SIP_PORT))]


async def _addresses(net, name, servers, random):
    if is_address(name):
        return [name]
    records = await _ask(net, name, dns.A, servers, random)
    found = [record[3] for record in records if record[1] == dns.A]
    if found or servers:
        return found
    try:  # the host has its own ways
        return [place(sockaddr(name, _SIP_PORT))[0]]
    except OSError as error:
        raise AdapterError("no address for %s: %s" % (name, error))


async def _ask(net, name, kind, servers, random):
    """The records of the first server that answers; AdapterError if none does."""
    asked = dns.query(name, kind, int.from_bytes(random(2), "big"))

    def accept(data, elapsed_ms):
        try:
            return dns.parse(data, asked)
        except AdapterError:  # another's answer, or one that nobody can use: perhaps the right one follows
            return None

    for host, port in servers:
        try:
            found = await net.udp_exchange(host, port, asked, accept, _ANSWER_MS)
        except AdapterError:  # the next server may be reached
            continue
        if found is not None:
            return found
    if servers:
        raise AdapterError("no name server answers for %s" % name)
    return []


def _host_servers():
    """The host's own name servers, or those of the computer behind the bridge."""
    if sockets.port is not socket:
        return sockets.port.servers
    found = []
    try:
        with open(_HOST_SERVERS) as file:
            for line in file:
                words = line.split()
                if len(words) == 2 and words[0] == "nameserver" and is_address(words[1]):
                    found.append((words[1], _PORT))
    except OSError:
        return []
    return found
