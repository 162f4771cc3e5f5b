"""The messages of the USB serial link that a unit in service does not know, laid out as `layouts` says.

They are a module of their own because its heap is small; those it knows are in `locked_layouts`.
"""

from protocol.wire.layouts import BLOB, FIXED, LIST, TEXT, U8, U16, U32, U64
from protocol.wire.link_enumerations import BLOBS, SELF_TEST_RESULTS, SELF_TESTS

_SERIAL = ("serial", TEXT, 11, 11, 1)
_STATION = ("station", TEXT, 1, 40, 1)
_CHALLENGE = ("challenge", FIXED, 32, 32, 1)

SELF_TEST_ROWS = (
    ("test", U8, 0, len(SELF_TESTS) - 1, 1),
    ("result", U8, 0, len(SELF_TEST_RESULTS) - 1, 1),
    ("value", U32, 0, 0xFFFFFFFF, 1),
)
CODE_ROWS = (("code", U8, 0, 255, 2),)
KEY_ROWS = (("key_id", FIXED, 8, 8, 1),)

# A signed number goes as itself and this much.
BIAS = 32768
_LINE_GAIN = ("line_gain", U16, 0, 65535, 1)  # BIAS + tenths of a dB that the codec adds towards the ear
_CLOCK_PPM = ("clock_ppm", U16, 0, 65535, 1)  # BIAS + how much too fast the unit's clock goes

TYPES = {
    # From host to unit, over the USB serial link.
    65: "begin_provisioning",
    66: "put_blob",
    67: "finish_provisioning",
    68: "run_self_test",
    69: "lock",
    70: "restart",
    71: "read_clock",
    72: "calibrate",
    74: "ask_challenge",
    75: "authorize_provisioning",
    79: "provisioning_token",
    # From unit to host, over the USB serial link; a reply carries its request's sequence.
    81: "csr",
    83: "self_test_report",
    84: "clock",
    85: "calibration",
    86: "challenge",
    # The simulated chip's ROM loader, over the same link; real chips bring their own.
    96: "loader_hello",
    97: "loader_erase",
    98: "loader_write",
    99: "loader_digest",
    100: "loader_run",
    112: "loader_info",
    113: "loader_digest_reply",
}


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
    return 2, (  # version 2 brought the blob `token_keys`
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


def csr():
    return 1, (("csr", BLOB, 1, 1024, 1),)


def self_test_report():
    return 2, (
        ("tests", LIST, 1, 32, 1, SELF_TEST_ROWS),
        ("codes", LIST, 0, 32, 2, CODE_ROWS),  # of each test, in the same order: protocol/host/findings.py
    )


def read_clock():
    return 1, ()


def clock():
    return 1, (("uptime_us", U64, 0, 1 << 48, 1),)


def calibrate():
    return 1, (_CLOCK_PPM,)


def calibration():
    return 1, (_LINE_GAIN, _CLOCK_PPM)


def ask_challenge():
    return 1, (_STATION,)


def challenge():
    return 1, (
        _SERIAL,
        ("epoch", U16, 1, 65535, 1),  # the lowest that a token may be for
        _CHALLENGE,
        ("keys", LIST, 1, 4, 1, KEY_ROWS),  # of the fleet, that may sign the token: the first 8 bytes of their SHA-256
    )


def provisioning_token():
    return 1, (
        _STATION,
        _SERIAL,
        ("epoch", U16, 1, 65535, 1),  # the one to be provisioned
        _CHALLENGE,
        ("issued_s", U64, 0, 1 << 40, 1),
    )


def authorize_provisioning():
    return 1, (
        ("token", BLOB, 1, 256, 1),  # a packed provisioning_token
        ("signature", BLOB, 8, 72, 1),  # ECDSA P-256, DER, of SHA-256 of "plugtone provisioning token 1", 0, the token
    )


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
