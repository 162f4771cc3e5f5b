"""Which of the frames that come over USB are the bridge's, and when it has to be loaded.

The type of a message shows in its frame before that is decoded: it is the second byte, since no type is zero.
"""

from micropython import const

_FRAME_BYTES = const(4200)  # protocol/wire/link.py
_HELLO = const(121)  # protocol/wire/bridge_layouts.py
_LAST = const(127)


def sift(board, uptime, data):
    """Hands the Bridge its frames in `data`, what has come over USB; the rest, whole frames, for the link.

    The Bridge is loaded once it says hello to a board without a cable. `board.unfinished` is a frame that has begun.
    """
    out = b""
    start = 0
    while True:
        end = data.find(b"\x00", start)
        try:
            code = board.unfinished + data[start : end if end >= 0 else len(data)]
        except MemoryError:  # the heap is in pieces: what is lost now will be missed, and sent again
            code = b""
        if end < 0:
            board.unfinished = code if len(code) <= _FRAME_BYTES else b""
            return out
        board.unfinished = b""
        start = end + 1
        if len(code) < 2:  # zeros between frames mean nothing
            continue
        if not _HELLO <= code[1] <= _LAST:
            out += code + b"\x00"
            continue
        if board.bridge is None and code[1] == _HELLO and not board.ethernet_up():
            from adapter.bridge import Bridge

            board.bridge = Bridge(board.usb.put, uptime, board.entropy)
        if board.bridge is not None:
            board.bridge.feed(code)
