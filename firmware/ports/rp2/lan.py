"""The W5500 on the SPI bus that board_config names, with lwIP above it."""

import board_config
import network
from machine import SPI, Pin


def open_lan():
    """The interface, switched on, its address asked of DHCP. Its interrupt is the runtime's (MICROPY_HW_WIZNET)."""
    link = board_config.LINK
    bus = SPI(
        link["bus"],
        baudrate=link["frequency_hz"],
        sck=Pin(link["sck"]),
        mosi=Pin(link["mosi"]),
        miso=Pin(link["miso"]),
    )
    wiznet = network.WIZNET5K  # type: ignore[attr-defined]  # in builds for such a board, which the stubs are not of
    lan = wiznet(bus, Pin(link["cs"]), Pin(link["reset"]), Pin(link["interrupt"]))
    lan.active(True)
    lan.ipconfig(dhcp4=True)
    return lan
