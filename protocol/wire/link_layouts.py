"""Every message of the USB serial link, laid out as `layouts` says.

They are a module of their own because a unit in service needs none of them, and its heap is small.
"""

from protocol.wire.enumerations import (
    BLOBS,
    LINK_MODES,
    LINK_RESULTS,
    SELF_TEST_RESULTS,
    SELF_TESTS,
    UNIT_STATES,
)
from protocol.wire.layouts import BLOB, FIXED, LIST, TEXT, U8, U16, U32

_SERIAL = ("serial", TEXT, 11, 11, 1)

SELF_TEST_ROWS = (
    ("test", U8, 0, len(SELF_TESTS) - 1, 1),
    ("result", U8, 0, len(SELF_TEST_RESULTS) - 1, 1),
    ("value", U32, 0, 0xFFFFFFFF, 1),
)

TYPES = {
    # From host to unit, over the USB serial link.
    64: "hello",
    65: "begin_provisioning",
    66: "put_blob",
    67: "finish_provisioning",
    68: "run_self_test",
    69: "lock",
    70: "restart",
    # From unit to host, over the USB serial link; a reply carries its request's sequence.
    80: "hello_reply",
    81: "csr",
    82: "done",
    83: "self_test_report",
    # The simulated chip's ROM loader, over the same link; real chips bring their own.
    96: "loader_hello",
    97: "loader_erase",
    98: "loader_write",
    99: "loader_digest",
    100: "loader_run",
    112: "loader_info",
    113: "loader_digest_reply",
}


def hello():
    return 1, ()


def begin_provisioning():
    return 1, (
        _SERIAL,
        ("mac", FIXED, 6, 6, 1),
        ("epoch", U16, 1, 65535, 1),
        ("hardware_revision", U8, 0, 255, 1),
        ("country", TEXT, 2, 2, 1),  # ISO 3166-1 alpha-2
        ("entropy", FIXED, 32, 32, 1),  # the station's share of the first key's randomness
    )


def put_blob():
    return 1, (
        ("blob", U8, 0, len(BLOBS) - 1, 1),
        ("total_bytes", U16, 1, 8192, 1),
        ("offset", U16, 0, 8191, 1),
        ("data", BLOB, 1, 1024, 1),
    )


def finish_provisioning():
    return 1, (("certificate_sha256", FIXED, 32, 32, 1),)


def run_self_test():
    return 1, ()


def lock():
    return 1, ()


def restart():
    return 1, ()


def hello_reply():
    return 1, (
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


def csr():
    return 1, (("csr", BLOB, 1, 1024, 1),)


def done():
    return 1, (
        ("result", U8, 0, len(LINK_RESULTS) - 1, 1),
        ("detail", TEXT, 0, 120, 1),
    )


def self_test_report():
    return 1, (("tests", LIST, 1, 32, 1, SELF_TEST_ROWS),)


def loader_hello():
    return 1, ()


def loader_erase():
    return 1, (("block", U32, 0, 4095, 1), ("blocks", U16, 1, 4096, 1))


def loader_write():
    return 1, (("offset", U32, 0, (1 << 24) - 1, 1), ("data", BLOB, 1, 2048, 1))


def loader_digest():
    return 1, (("offset", U32, 0, (1 << 24) - 1, 1), ("length", U32, 1, 1 << 24, 1))


def loader_run():
    return 1, ()


def loader_info():
    return 1, (
        ("board", TEXT, 1, 16, 1),
        ("hardware_revision", U8, 0, 255, 1),
        ("board_uid", FIXED, 8, 8, 1),
        ("flash_bytes", U32, 4096, 1 << 24, 1),
        ("block_bytes", U32, 256, 1 << 16, 1),
    )


def loader_digest_reply():
    return 1, (("sha256", FIXED, 32, 32, 1),)
