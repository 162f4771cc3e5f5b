"""Every message of the bridge, which carries a unit's IP flows over the USB serial link, laid out as `layouts` says.

They are a module of their own because only the host reads them here: a unit has their few fixed forms in its code
(firmware/adapter/bridge), which tests hold against this table. In their envelopes the boot id is the session's number.
"""

from protocol.wire.layouts import BLOB, FIXED, LIST, TEXT, U8, U16, U32

FLOW_KINDS = ("tcp", "udp")
FLOW_ENDS = (
    "end", "refused", "unreachable", "timeout", "no_address", "reset", "not_allowed", "too_many", "port_taken",
    "unknown_flow", "bytes_lost", "over_limit", "link_changed",
)  # fmt: skip

PIECE_BYTES = 512  # of TCP: what a voice frame may have to wait for
DATAGRAM_BYTES = 2048

_FLOW = ("flow", U16, 1, 65535, 1)  # counts up within a session, so that a number does not come again soon
_OFFSET = ("offset", U32, 0, 0xFFFFFFFF, 1)  # bytes of the flow before these
_LIMIT = ("limit", U32, 0, 0xFFFFFFFF, 1)  # so many bytes of the flow may have been sent, from its beginning
_PIECE = ("data", BLOB, 1, PIECE_BYTES, 1)
_PEER = (("address", FIXED, 4, 4, 1), ("port", U16, 0, 65535, 1))  # of the other end, IPv4
_DATAGRAM = ("data", BLOB, 0, DATAGRAM_BYTES, 1)

TYPES = {
    # From unit to host.
    104: "bridge_answer",
    105: "flow_open",
    106: "flow_close",
    107: "piece_out",
    108: "limit_out",
    109: "datagram_out",
    # From host to unit.
    121: "bridge_hello",
    122: "flow_opened",
    123: "flow_ended",
    124: "piece_in",
    125: "limit_in",
    126: "datagram_in",
}


def bridge_answer():
    return 1, (("unit", U32, 0, 0xFFFFFFFF, 1),)  # drawn at random when the unit takes the session


def flow_open():
    return 1, (
        _FLOW,
        ("kind", U8, 0, len(FLOW_KINDS) - 1, 1),
        ("port", U16, 0, 65535, 1),  # of `host`
        ("local_port", U16, 0, 65535, 1),  # of a UDP flow on the computer; 0: any
        ("dscp", U8, 0, 63, 1),
        _LIMIT,  # for the host, of a TCP flow
        ("host", TEXT, 0, 64, 1),  # a name or an address; empty: a UDP flow to many
    )


def flow_close():
    return 1, (("flow", U16, 0, 65535, 1), ("reason", U8, 0, len(FLOW_ENDS) - 1, 1))  # flow 0: all


def piece_out():
    return 1, (_FLOW, _OFFSET, _PIECE)


def limit_out():
    return 1, (_FLOW, _LIMIT)


def datagram_out():
    return 1, (_FLOW,) + _PEER + (_DATAGRAM,)  # of a flow to one host: zeros


def bridge_hello():
    return 1, (
        ("address", FIXED, 4, 4, 1),  # the computer's, as the unit's peers see it
        ("name_servers", LIST, 0, 2, 1, _PEER),
    )


def flow_opened():
    local = ("local_port", U16, 0, 65535, 1)  # on the computer
    return 1, (_FLOW, local) + _PEER + (_LIMIT,)  # for the unit, of a TCP flow


def flow_ended():
    return flow_close()


def piece_in():
    return piece_out()


def limit_in():
    return limit_out()


def datagram_in():
    return datagram_out()
