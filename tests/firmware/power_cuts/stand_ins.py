"""What CPython lacks of MicroPython, for a whole unit in one process: `micropython`, `cryptolib`, `deflate`, `vfs`.

The real MetadataFiles runs on it: `vfs.VfsLfs2` drives its block device through littlefs-python, with the geometry
that MicroPython's binding gives (extmod/vfs_lfsx.c: cache of four pages, 32 bytes of lookahead, 100 cycles).
`remembered_verdicts` saves computing pure functions again: the same signature, the same file, the same verdict.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from littlefs import lfs
from littlefs.errors import LittleFSError

from tests.firmware.aes_stand_in import aes

FIRMWARE = Path(__file__).parents[3] / "firmware"
_IO_ERROR = -5
_ERASE, _SIZE, _COUNT = 6, 5, 4


def install() -> None:
    """Puts the stand-ins where the firmware's imports look; to be called before any of it is imported."""
    if str(FIRMWARE) not in sys.path:
        sys.path.insert(1, str(FIRMWARE))
    if "micropython" not in sys.modules:
        micropython = types.ModuleType("micropython")
        micropython.const = lambda value: value  # type: ignore[attr-defined]
        sys.modules["micropython"] = micropython
    if "cryptolib" not in sys.modules:
        cryptolib = types.ModuleType("cryptolib")
        cryptolib.aes = aes  # type: ignore[attr-defined]
        sys.modules["cryptolib"] = cryptolib
    if "vfs" not in sys.modules:
        vfs = types.ModuleType("vfs")
        vfs.VfsLfs2 = VfsLfs2  # type: ignore[attr-defined]
        vfs.mount = mount  # type: ignore[attr-defined]
        vfs.umount = _mounted.pop  # type: ignore[attr-defined]
        sys.modules["vfs"] = vfs
    if "ports.unix.inflate" not in sys.modules:
        from tests.firmware.adapter.update.zlib_inflater import ZlibInflater

        inflate = types.ModuleType("ports.unix.inflate")
        inflate.Inflater = ZlibInflater  # type: ignore[attr-defined]
        sys.modules["ports.unix.inflate"] = inflate


class _Context:
    """littlefs-python's block device over MicroPython's; an exception in a callback would be lost: none leaves."""

    def __init__(self, blocks: Any) -> None:
        self._blocks = blocks

    def read(self, config: Any, block: int, offset: int, size: int) -> bytes:
        buffer = bytearray(size)
        self._blocks.readblocks(block, buffer, offset)
        return bytes(buffer)

    def prog(self, config: Any, block: int, offset: int, data: bytes) -> int:
        return self._try(lambda: self._blocks.writeblocks(block, data, offset))

    def erase(self, config: Any, block: int) -> int:
        return self._try(lambda: self._blocks.ioctl(_ERASE, block))

    def sync(self, config: Any) -> int:
        return 0

    @staticmethod
    def _try(operation: Callable[[], object]) -> int:
        try:
            operation()
        except OSError:
            return _IO_ERROR  # the flash has noted the fault
        return 0


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except LittleFSError as error:
        raise OSError(-error.code, str(error)) from error


class VfsLfs2:
    """MicroPython's class of that name, as far as the firmware uses it."""

    def __init__(self, blocks: Any, readsize: int = 32, progsize: int = 32) -> None:
        self._config = _config(blocks, readsize, progsize)
        self._system = lfs.LFSFilesystem()
        with _as_os_error():
            lfs.mount(self._system, self._config)

    @staticmethod
    def mkfs(blocks: Any, readsize: int = 32, progsize: int = 32) -> None:
        with _as_os_error():
            lfs.format(lfs.LFSFilesystem(), _config(blocks, readsize, progsize))

    def open(self, path: str, mode: str) -> _File:
        with _as_os_error():
            return _File(self._system, path, mode.replace("b", ""))

    def rename(self, old: str, new: str) -> None:
        with _as_os_error():
            lfs.rename(self._system, old, new)

    def size(self, path: str) -> int:
        with _as_os_error():
            return int(lfs.stat(self._system, path).size)

    def remove(self, path: str) -> None:
        with _as_os_error():
            lfs.remove(self._system, path)

    def listdir(self) -> list[str]:
        names = []
        folder = lfs.dir_open(self._system, "/")
        while (entry := lfs.dir_read(self._system, folder)) is not None:
            if entry.type == lfs.LFSStat.TYPE_REG:
                names.append(entry.name)
        lfs.dir_close(self._system, folder)
        return sorted(names)


def _config(blocks: Any, readsize: int, progsize: int) -> Any:
    return lfs.LFSConfig(
        context=_Context(blocks), block_size=blocks.ioctl(_SIZE, 0), block_count=blocks.ioctl(_COUNT, 0),
        read_size=readsize, prog_size=progsize, block_cycles=100, cache_size=4 * max(readsize, progsize),
        lookahead_size=32,
    )  # fmt: skip


class _File:
    def __init__(self, system: Any, path: str, mode: str) -> None:
        self._system = system
        self._file = lfs.file_open(system, path, mode)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        with _as_os_error():
            lfs.file_close(self._system, self._file)

    def read(self, most: int | None = None) -> bytes:
        with _as_os_error():
            size = lfs.file_size(self._system, self._file)
            return lfs.file_read(self._system, self._file, size if most is None else min(most, size))

    def write(self, data: bytes) -> int:
        with _as_os_error():
            return lfs.file_write(self._system, self._file, bytes(data))


_mounted: dict[str, VfsLfs2] = {}


def mount(system: VfsLfs2, point: str) -> None:
    """One unit is mounted at a time, as one is on a board."""
    _mounted[point] = system


def _locate(path: str) -> tuple[VfsLfs2, str]:
    _, point, name = path.split("/", 2)
    return _mounted["/" + point], name


def _open(path: str, mode: str = "r") -> _File:
    system, name = _locate(path)
    return system.open(name, mode)


def _rename(old: str, new: str) -> None:
    system, name = _locate(old)
    system.rename(name, _locate(new)[1])


def _stat(path: str) -> tuple[int, ...]:
    system, name = _locate(path)
    return (0, 0, 0, 0, 0, 0, system.size(name))


def _remove(path: str) -> None:
    system, name = _locate(path)
    system.remove(name)


def metadata_files() -> Any:
    """The real module ports.unix.metadata_files, with MicroPython's `open` and `os` for its own."""
    from ports.unix import metadata_files as module

    module.open = _open  # type: ignore[attr-defined]
    module.os = types.SimpleNamespace(  # type: ignore[assignment]
        rename=_rename, remove=_remove, stat=_stat, listdir=lambda p: _mounted[p].listdir()
    )
    return module


def files_in(system: VfsLfs2) -> dict[str, bytes]:
    """All files of a file system."""
    found = {}
    for name in system.listdir():
        with system.open(name, "r") as file:
            found[name] = file.read()
    return found


def mounted(partition: Any) -> VfsLfs2:
    """The file system on `partition`, as MetadataFiles mounts it, without formatting; OSError if there is none."""
    module = metadata_files()
    return VfsLfs2(module._Blocks(partition), module._PROGRAM_BYTES, module._PROGRAM_BYTES)


@contextmanager
def remembered_verdicts() -> Iterator[None]:
    """Meanwhile this process remembers the verdict on each P-256 signature and the tape of each JSON file."""
    from adapter.crypto import p256
    from adapter.update import strict_json

    verify, parse = p256.verify, strict_json.parse
    p256.verify = lru_cache(maxsize=100_000)(verify)  # type: ignore[assignment]
    strict_json.parse = lru_cache(maxsize=1000)(parse)  # type: ignore[assignment]
    try:
        yield
    finally:
        p256.verify, strict_json.parse = verify, parse
