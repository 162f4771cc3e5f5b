"""The wire codec, running unchanged under MicroPython and CPython."""
