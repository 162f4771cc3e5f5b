"""What CPython lacks of MicroPython, before any test imports the firmware."""

from tests.firmware.power_cuts import stand_ins

stand_ins.install()
