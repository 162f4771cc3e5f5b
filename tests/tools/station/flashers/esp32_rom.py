"""An ESP32's ROM loader on a pseudo-terminal: what esptool without its stub says to it, as bytes.

esptool documentation, "Serial Protocol": SLIP frames; a request is 0x00, opcode, length u16, checksum u32, data; an
answer 0x01, opcode, length, value u32, data and four status bytes. eFuses and flash are this object's; a fault makes
the flash lose a bit of what is written.
"""

from __future__ import annotations

import os
import select
import struct
import threading
import tty
from hashlib import md5
from types import TracebackType

END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE = 0xC0, 0xDB, 0xDC, 0xDD
FLASH_BEGIN, FLASH_DATA, FLASH_END, SYNC, WRITE_REG, READ_REG = 2, 3, 4, 8, 9, 10
SPI_SET_PARAMS, SPI_ATTACH, SPI_FLASH_MD5 = 0x0B, 0x0D, 0x13
INVALID = 5
# Registers: the chip's magic, the UART's divider (40 MHz at 115,200 baud), the flash's id word, the eFuses' first.
MAGIC_REG, DIVIDER_REG, SPI_W0_REG, EFUSE = 0x40001000, 0x3FF40014, 0x3FF42080, 0x3FF5A000
MAC = bytes.fromhex("240ac4010203")
_STATUS_OK = bytes(4)
_QUIET_S = 0.05


class Esp32Rom:
    """A chip in its loader; `port` is its device. `flash_id` is what the flash answers, 4 MB of Winbond's."""

    def __init__(self, flash_bytes: int = 4 << 20, flash_id: int = 0x1640EF) -> None:
        self.flash = bytearray(os.urandom(64) * (flash_bytes // 64))  # what an earlier life left
        self.fuses = {1: int.from_bytes(MAC[2:], "big"), 2: int.from_bytes(MAC[:2], "big")}
        self.started = False
        self.forgets_bit_at: int | None = None
        self.operations = 0
        self._registers = {MAGIC_REG: 0x00F01D83, DIVIDER_REG: 347, SPI_W0_REG: flash_id}
        self._at = 0
        self._silent = False
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Esp32Rom:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)

    def fall_silent(self) -> None:
        """Answers nothing any more, as a chip that runs its program."""
        self._silent = True

    def _serve(self) -> None:
        frame: bytearray | None = None
        escaped = False
        while not self._over.is_set():
            if not select.select([self._master], [], [], _QUIET_S)[0]:
                continue
            for byte in os.read(self._master, 65536):
                if byte == END:
                    if frame:
                        self._answer(bytes(frame))
                        frame = None
                    else:
                        frame = bytearray()
                elif frame is not None:
                    if escaped:
                        frame.append({ESCAPED_END: END, ESCAPED_ESCAPE: ESCAPE}[byte])
                        escaped = False
                    elif byte == ESCAPE:
                        escaped = True
                    else:
                        frame.append(byte)

    def _answer(self, frame: bytes) -> None:
        if self._silent:
            return
        direction, operation, length, _ = struct.unpack_from("<BBHI", frame)
        data = frame[8:]
        assert (direction, length) == (0, len(data))
        self.operations += 1
        value, out, status = 0, b"", _STATUS_OK
        if operation == READ_REG:
            value = self._register(*struct.unpack("<I", data))
        elif operation == FLASH_BEGIN:
            size, _, _, self._at = struct.unpack_from("<IIII", data)
            end = self._at + -(-size // 4096) * 4096
            self.flash[self._at : end] = b"\xff" * (end - self._at)
        elif operation == FLASH_DATA:
            self._write(data)
        elif operation == SPI_FLASH_MD5:
            at, size = struct.unpack_from("<II", data)
            out = md5(self.flash[at : at + size]).hexdigest().encode()
        elif operation == FLASH_END:
            self.started = struct.unpack("<I", data)[0] == 0
        elif operation not in {SYNC, WRITE_REG, SPI_SET_PARAMS, SPI_ATTACH}:
            status = bytes([1, INVALID, 0, 0])
        for _ in range(8 if operation == SYNC else 1):
            self._send(struct.pack("<BBHI", 1, operation, len(out + status), value) + out + status)

    def _write(self, data: bytes) -> None:
        size = struct.unpack_from("<I", data)[0]
        block = bytearray(data[16 : 16 + size])
        if self.forgets_bit_at is not None and self._at <= self.forgets_bit_at < self._at + size:
            block[self.forgets_bit_at - self._at] ^= 1
        end = min(self._at + size, len(self.flash))
        self.flash[self._at : end] = block[: end - self._at]
        self._at = end

    def _register(self, address: int) -> int:
        word, beside = divmod(address - EFUSE, 4)
        if 0 <= word < 64 and not beside:
            return self.fuses.get(word, 0)
        return self._registers.get(address, 0)

    def _send(self, packet: bytes) -> None:
        escaped = packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        os.write(self._master, b"\xc0" + escaped + b"\xc0")
