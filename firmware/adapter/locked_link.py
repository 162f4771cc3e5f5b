"""What a unit in service answers on the USB link: who it is, and a factory reset that a hand at the board asks for.

Everything else is refused, whatever its fields: only the envelope of it is read. The reset destroys the unit's key
and needs both ends: a computer that asks, again and again, and the boot button held meanwhile for _HOLD_MS. A
computer alone, or a button pressed by chance, does nothing. Boot carries the reset out (factory_reset.py).
"""

from adapter.reset_wish import wish
from protocol.wire.errors import WireError
from protocol.wire.link import FrameReader, encode_frame
from protocol.wire.link_enumerations import LINK_MODES, LINK_RESULTS
from protocol.wire.messages import ENVELOPE_BYTES, pack, unpack

_HELLO, _FACTORY_RESET = 64, 73
_FROM_HOST = b"\x40\x4f\x60\x6f"  # types 64 to 79, and 96 to 111: the first and the last of each
_HOLD_MS = 3000
_AGAIN_MS = 1000  # the button is looked at when the reset is asked for, so that has to be often


class LockedLink:
    """The unit's end of the link. `identity` has serial, mac, epoch and resettable, `board` is the hardware.

    `state` (index into UNIT_STATES) is set by main; `restart_wanted` becomes True once a reset is due. `engaged`: the
    host is in the middle of something, so this object has to stay.
    """

    def __init__(self, identity, board, version, clock_ms):
        self.state = 0
        self.restart_wanted = self.engaged = False
        self._identity = identity
        self._board = board
        self._version = version
        self._clock_ms = clock_ms
        self._frames = FrameReader()
        self._held_ms = None  # since when
        self._asked_ms = 0

    def feed(self, data):
        """The bytes to send in answer to `data`; damaged frames and what no host asks are dropped without an answer."""
        out = b""
        for payload in self._frames.feed(data):
            if len(payload) < ENVELOPE_BYTES:
                continue
            kind, boot_id, sequence = payload[0], _int(payload[2:6]), _int(payload[6:10])
            if not (_FROM_HOST[0] <= kind <= _FROM_HOST[1] or _FROM_HOST[2] <= kind <= _FROM_HOST[3]):
                continue
            name, values = "done", done("refused", "the unit is locked; only hello and factory_reset are answered")
            if kind in (_HELLO, _FACTORY_RESET):
                try:
                    unpack(payload)
                except WireError as error:
                    values = done("bad_value", str(error))
                else:
                    if kind == _HELLO:
                        name, values = "hello_reply", hello("locked", self._board, self._identity, self._version)
                        values["state"] = self.state
                    else:
                        values = self._reset()
            out += encode_frame(pack(name, values, boot_id, sequence))
        self.engaged = self._frames.begun() or self._held_ms is not None
        return out

    def _reset(self):
        now_ms = self._clock_ms()
        if not self._identity.resettable:
            return done("wrong_state", "the unit knows no key of the fleet that would let it in again")
        if not self._board.button():
            self._held_ms = None
            return done("refused", "hold the boot button of the board, and ask again until it is done")
        if self._held_ms is None or now_ms - self._asked_ms > _AGAIN_MS:
            self._held_ms = now_ms
        self._asked_ms = now_ms
        if now_ms - self._held_ms < _HOLD_MS:
            return done("wrong_state", "hold on: %d ms" % (_HOLD_MS - now_ms + self._held_ms))
        wish(self._board.partition("scratch"))
        self.restart_wanted = True
        return done("ok")


def hello(mode, board, identity, version):
    """The fields of a hello_reply; `identity` is None before there is one."""
    return {
        "mode": LINK_MODES.index(mode),
        "board": board.name,
        "hardware_revision": board.hardware_revision,
        "board_uid": board.uid,
        "version": version,
        "serial": identity.serial if identity else "",
        "mac": identity.mac.octets if identity else bytes(6),
        "epoch": identity.epoch if identity else 0,
        "provisioned": 1 if identity and identity.provisioned else 0,
        "state": 0,
    }


def done(result, detail=""):
    """The fields of a `done`. A detail quotes what came over the link; the wire takes printable ASCII only."""
    detail = "".join([c if 0x20 <= ord(c) <= 0x7E else "?" for c in detail])
    return {"result": LINK_RESULTS.index(result), "detail": detail[:120]}


def _int(data):
    return int.from_bytes(data, "big")
