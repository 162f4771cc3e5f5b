"""The ESP32's own Ethernet MAC with the PHY that board_config names, over RMII."""

import board_config
import network
from machine import Pin


def open_lan():
    """The interface, switched on; it asks DHCP by itself."""
    link = board_config.LINK
    lan = network.LAN(  # type: ignore[call-arg]  # the esp32 port takes its pins here, which the stubs do not know
        mdc=Pin(link["mdc"]),
        mdio=Pin(link["mdio"]),
        power=None if link["power"] is None else Pin(link["power"]),
        phy_type=getattr(network, "PHY_" + link["phy"]),
        phy_addr=link["phy_address"],
        ref_clk=Pin(link["clock"]),
        ref_clk_mode=Pin.IN if link["clock_mode"] == "in" else Pin.OUT,
    )
    lan.active(True)
    return lan
