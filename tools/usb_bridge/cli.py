"""`plugtone usb-bridge`: a unit without a router, on the network of the computer it hangs on."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Annotated, Any, Final

import typer

from tools.usb_bridge.errors import BridgeError
from tools.usb_bridge.events import Place
from tools.usb_bridge.policy import is_ipv4, resolver_file_servers
from tools.usb_bridge.service import Options, UsbBridge
from tools.usb_bridge.session import MAX_NAME_SERVERS

_DNS_PORT: Final = 53
_TEXTS: Final = {
    "port_opened": "{port} is open; the unit will be at {address}, once it has no Ethernet cable and answers",
    "port_unavailable": "waiting for {port}: {why}",
    "port_closed": "{port} is closed",
    "no_network": "waiting: this computer has no IPv4 network",
    "unit_attached": "the unit is on the network",
    "unit_lost": "the unit is off the network: {why}",
    "flow_opened": "flow {flow}: {kind} to {host}:{port} from port {local_port}",
    "flow_ended": "flow {flow}: {kind} over ({reason}), {bytes_up} bytes up, {bytes_down} down",
    "refused": "flow {flow}: {host}:{port} {why}; refused",
}


def usb_bridge(
    port: Annotated[str, typer.Option(help="The unit's serial port: /dev/ttyACM0, /dev/cu.usbmodem1, COM3.")],
    address: Annotated[str, typer.Option(help="This computer's IPv4 address for the unit. [that of its way out]")] = "",
    dns: Annotated[
        list[str] | None, typer.Option(help="A name server for the unit, up to two. [this computer's]")
    ] = None,
    allow_loopback: Annotated[
        bool, typer.Option("--allow-loopback", help="Let the unit reach this computer itself: tests and rigs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each thing that happens.")] = False,
) -> None:
    """Put the unit on a USB port onto this computer's network, until Ctrl-C.

    The unit makes connections outwards, as behind a router; what it carries is encrypted by it where it matters and is
    not looked into. It is found again after it was unplugged.

    Example: plugtone usb-bridge --port /dev/ttyACM0
    """
    if address and not is_ipv4(address):
        raise BridgeError(f"--address is an IPv4 address of this computer, got {address!r}")
    servers = tuple(name_server(text) for text in dns or ()) or resolver_file_servers()
    options = Options(port, address, servers[:MAX_NAME_SERVERS], allow_loopback)
    try:
        asyncio.run(UsbBridge(options, say_json if as_json else say).run())
    except KeyboardInterrupt:
        return


def name_server(text: str) -> Place:
    """ "192.0.2.1" or "192.0.2.1:5353" as (address, port); BridgeError."""
    host, _, port = text.partition(":")
    if not is_ipv4(host) or (port and not (port.isdecimal() and 0 < int(port) < 1 << 16)):
        raise BridgeError(f"--dns is an IPv4 address and perhaps a port, as 192.0.2.1:53, got {text!r}")
    return host, int(port or _DNS_PORT)


def say(event: str, facts: dict[str, Any]) -> None:
    """A line for people."""
    text = _TEXTS[event].format(**facts)
    if event == "flow_opened" and not facts["host"]:
        text = f"flow {facts['flow']}: {facts['kind']} at port {facts['local_port']}, for the telephone line"
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def say_json(event: str, facts: dict[str, Any]) -> None:
    """A line for programs."""
    print(json.dumps({"event": event, "time_s": round(time.time(), 3), **facts}), flush=True)
