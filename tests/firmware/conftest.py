"""What CPython lacks of MicroPython, for tests of pure firmware code only."""

import sys
import types

if "micropython" not in sys.modules:
    shim = types.ModuleType("micropython")
    shim.const = lambda value: value  # type: ignore[attr-defined]
    sys.modules["micropython"] = shim
