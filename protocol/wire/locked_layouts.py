"""The messages of the USB serial link that a unit in service knows, laid out as `layouts` says.

They are few, and a module of their own, because its heap is small; the rest is in `link_layouts`.
"""

from protocol.wire.enumerations import UNIT_STATES
from protocol.wire.layouts import FIXED, TEXT, U8, U16
from protocol.wire.link_enumerations import LINK_MODES, LINK_RESULTS

TYPES = {
    # From host to unit, over the USB serial link.
    64: "hello",
    73: "factory_reset",
    # From unit to host, over the USB serial link; a reply carries its request's sequence.
    80: "hello_reply",
    82: "done",
}


def hello():
    return 1, ()


def factory_reset():
    return 1, ()


def hello_reply():
    return 2, (  # version 2 brought the mode `reset`
        ("mode", U8, 0, len(LINK_MODES) - 1, 1),
        ("board", TEXT, 1, 16, 1),
        ("hardware_revision", U8, 0, 255, 1),
        ("board_uid", FIXED, 8, 8, 1),
        ("version", TEXT, 1, 16, 1),
        ("serial", TEXT, 0, 11, 1),  # empty before provisioning
        ("mac", FIXED, 6, 6, 1),  # zeros before provisioning
        ("epoch", U16, 0, 65535, 1),
        ("provisioned", U8, 0, 1, 1),
        ("state", U8, 0, len(UNIT_STATES) - 1, 1),
    )


def done():
    return 1, (
        ("result", U8, 0, len(LINK_RESULTS) - 1, 1),
        ("detail", TEXT, 0, 120, 1),
    )
