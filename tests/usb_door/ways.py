"""What somebody may send to a unit to get in: by name, the bytes, in the order of how clever they are."""

from __future__ import annotations

from typing import Any

from protocol.host.table import MESSAGES
from protocol.wire.link import cobs_encode, encode_frame
from protocol.wire.messages import pack
from tests.firmware.adapter.factory_bench import ADDRESSES, MAC, SERIAL, TOKEN_KEYS, token_for

CODE = b"import os;os.remove('boot.py');print(open('flash.bin','rb').read())"
BEGIN = {
    "serial": SERIAL, "mac": MAC, "epoch": 1, "hardware_revision": 2, "country": "US", "entropy": bytes(32),
}  # fmt: skip
TOKEN = token_for({"serial": SERIAL, "epoch": 1, "challenge": bytes(32)})


def frame(name: str, boot_id: int = 7, sequence: int = 9, **values: Any) -> bytes:
    """A well-formed question."""
    return encode_frame(pack(name, values, boot_id, sequence))


def _blobs() -> bytes:
    blobs = (b"\x30certificate", b"\x30anchors", b"{}", ADDRESSES, TOKEN_KEYS)
    return b"".join(
        frame("put_blob", blob=index, total_bytes=len(blob), offset=0, data=blob) for index, blob in enumerate(blobs)
    )


REPLAYED = (
    b"\0" + frame("hello") + frame("begin_provisioning", **BEGIN) + frame("read_clock") + _blobs()
    + frame("finish_provisioning", certificate_sha256=bytes(32)) + frame("run_self_test")
    + frame("calibrate", clock_ppm=32768) + frame("lock") + frame("restart")
)  # fmt: skip
_LOCK = pack("lock", {}, 7, 9)
_HELLO = pack("hello", {}, 7, 9)

CONSOLE = {
    "interrupt": b"\x03",
    "interrupt, again and again": b"\x03" * 64,
    "end of file": b"\x04",
    "a line of Python": b"\r\n" + CODE + b"\r\n",
    "a call for help": b"help()\r\n",
    "raw REPL": b"\r\x03\x03\x01" + CODE + b"\x04",
    "raw REPL, left and entered": b"\x02\x01\x02\x01" + CODE + b"\x04\x04",
    "raw paste mode": b"\r\x03\x03\x01\x05A\x01" + CODE + b"\x04",
    "paste mode": b"\x03\x05" + CODE + b"\x04",
    "soft reset into raw REPL": b"\r\x03\x03\x01\x04\x01" + CODE + b"\x04",
    "mpremote: list files": b"\r\x03\x03\r\x01import os\nfor f in os.ilistdir():\n print(f)\n\x04",
    "mpremote: copy a file": b"\r\x03\x03\r\x01f=open('main.py','wb')\nw=f.write\nw(b'evil')\nf.close()\x04",
    "mpremote: mount": b"\r\x03\x03\r\x01import os,io,struct,micropython\nSEEK_SET=0\x04\x18",
    "mpremote: ROMFS": b"\r\x03\x03\r\x01import vfs\nvfs.rom_ioctl(4,0,0,b'PTIM')\x04",
    "boot loader by command": b"\r\x03\x03\r\x01import machine\nmachine.bootloader()\x04",
    "WebREPL": b"WA\x01\x00" + bytes(78),
    "esptool: synchronise": b"\xc0\x00\x08\x24\x00\x00\x00\x00\x00\x07\x07\x12\x20" + b"U" * 32 + b"\xc0",
    "esptool: read flash": b"\xc0\x00\xd2\x10\x00" + bytes(20) + b"\xc0",
    "UF2 block": b"UF2\n\x57\x51\x5d\x9e" + bytes(500) + b"\x30\x6f\xb1\x0a",
    "a modem": b"+++ATH0\rATZ\r",
    "a login": b"root\r\nroot\r\nsh\r\ncat flash.bin\r\n",
    "XMODEM": b"\x15C\x01\x01\xfe" + b"\x1a" * 128 + b"\x00\x00",
}
FRAMES = {
    "zeros": bytes(5000),
    "an endless frame": b"A" * 200_000,
    "an oversized frame": bytes(cobs_encode(_LOCK + bytes(6000))),
    "a frame that runs past its end": b"\xff" + _LOCK + b"\0",
    "a frame with a wrong CRC": encode_frame(_LOCK)[:-2] + b"\x01\0",
    "a frame of a CRC alone": bytes(cobs_encode(b"\0\0\0\0")),
    "a frame cut off": encode_frame(pack("begin_provisioning", BEGIN, 7, 9))[:40] + b"\0",
    "a message without its envelope": encode_frame(b"\x45"),
    "a message of version 0": encode_frame(bytes([_LOCK[0], 0]) + _LOCK[2:]),
    "hello of a newer version with a lock in it": encode_frame(bytes([_HELLO[0], 9]) + _HELLO[2:] + _LOCK),
    "hello with a lock behind it": encode_frame(_HELLO + _LOCK),
    "a factory reset of version 0": encode_frame(b"\x49\x00" + _LOCK[2:]),
    "a factory reset with bytes left over": encode_frame(b"\x49" + _LOCK[1:] + b"\x01"),
    "a message of 4096 bytes": encode_frame(b"\x42" + _LOCK[1:] + bytes(4086)),
    "every type there may be": b"".join(encode_frame(bytes([kind]) + _LOCK[1:]) for kind in range(256)),
    "frames in frames": encode_frame(encode_frame(encode_frame(_LOCK)[:-1])[:-1]),
}
MESSAGES_OF_HOSTS = {
    "begin_provisioning": BEGIN,
    "put_blob": {"blob": 0, "total_bytes": 1, "offset": 0, "data": b"x"},
    "finish_provisioning": {"certificate_sha256": bytes(32)},
    "run_self_test": {},
    "lock": {},
    "restart": {},
    "read_clock": {},
    "calibrate": {"clock_ppm": 0},
    "ask_challenge": {"station": "bench-1"},
    "authorize_provisioning": TOKEN,
    "loader_hello": {},
    "loader_erase": {"block": 2, "blocks": 24},
    "loader_write": {"offset": 0x2000, "data": bytes(8)},
    "loader_digest": {"offset": 0x2000, "length": 64},
    "loader_run": {},
    "command": {"command_id": 1, "command": 1, "argument": 0},
}
RESETS = {
    "a factory reset without a hand": frame("factory_reset"),
    "a hundred of them": frame("factory_reset") * 100,
    "a factory reset wrapped in a lock": encode_frame(_LOCK + pack("factory_reset", {}, 7, 9)),
}
ANSWERS = {
    f"our own answer {row[1]}": encode_frame(bytes([row[0], row[2]]) + _LOCK[2:] + bytes(40))
    for row in MESSAGES
    if 80 <= row[0] < 96 or 112 <= row[0] < 116
}

LOCKED = {
    **CONSOLE,
    **FRAMES,
    **{f"message {name}": frame(name, **values) for name, values in MESSAGES_OF_HOSTS.items()},
    **RESETS,
    **ANSWERS,
    "the whole provisioning, replayed": REPLAYED,
    "the token by itself": encode_frame(TOKEN["token"]),
}


def at_reset_unit(challenge: dict[str, Any]) -> dict[str, bytes]:
    """What is sent to a unit that was reset and has just given `challenge` to the station bench-1."""

    def token(**changes: Any) -> bytes:
        return frame("authorize_provisioning", **token_for(challenge, **changes))

    begin = {**BEGIN, "epoch": 2}
    good = token_for(challenge)
    return {
        "nothing but a new beginning": frame("begin_provisioning", **begin),
        "the identity it had": frame("begin_provisioning", **BEGIN),
        "another unit's identity": frame("begin_provisioning", **{**begin, "serial": "PT000000026"}),
        "the provisioning of its last life": REPLAYED,
        "blobs without a beginning": _blobs() + frame("finish_provisioning", certificate_sha256=bytes(32)),
        "a token by another key": token(key=(8).to_bytes(32, "big")) + frame("begin_provisioning", **begin),
        "a token for another unit": token(serial="PT000000026") + frame("begin_provisioning", **begin),
        "a token for another station": token(station="bench-2") + frame("begin_provisioning", **begin),
        "a token for the epoch it had": token(epoch=1) + frame("begin_provisioning", **BEGIN),
        "a token for another challenge": token(challenge=bytes(32)) + frame("begin_provisioning", **begin),
        "a token that was cut off": frame(
            "authorize_provisioning", token=good["token"][:-1], signature=good["signature"]
        )
        + frame("begin_provisioning", **begin),
        "a token that is another message": frame(
            "authorize_provisioning", token=pack("hello", {}, 7, 9), signature=good["signature"]
        ),
        "a signature of zeros": frame("authorize_provisioning", token=good["token"], signature=bytes(64)),
        "no challenge of its own": frame("ask_challenge", station="bench-1") + token(),
        "a token of one session used in another": frame("authorize_provisioning", boot_id=8, **good)
        + frame("begin_provisioning", boot_id=9, **begin),
        "a good token for another unit's identity": frame("authorize_provisioning", boot_id=8, **good)
        + frame("begin_provisioning", boot_id=8, **{**begin, "serial": "PT000000026"}),
        "a good token for a later epoch": frame("authorize_provisioning", boot_id=8, **good)
        + frame("begin_provisioning", boot_id=8, **{**begin, "epoch": 3}),
        "the lock": frame("lock") + frame("restart"),
        "its self-test": frame("run_self_test"),
        "its clock": frame("read_clock"),
        "another factory reset": frame("factory_reset"),
        **{name: CONSOLE[name] for name in ("raw REPL", "raw paste mode", "mpremote: copy a file")},
    }
