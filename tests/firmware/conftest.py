"""What CPython lacks of MicroPython, for tests of pure firmware code only."""

import sys
import types

if "micropython" not in sys.modules:
    shim = types.ModuleType("micropython")
    shim.const = lambda value: value  # type: ignore[attr-defined]
    sys.modules["micropython"] = shim

if "deflate" not in sys.modules:  # without it ports/unix/inflate.py cannot be imported
    from tests.firmware.adapter.update.zlib_inflater import ZlibInflater

    inflate = types.ModuleType("ports.unix.inflate")
    inflate.Inflater = ZlibInflater  # type: ignore[attr-defined]
    sys.modules["ports.unix.inflate"] = inflate
