"""The RP2040, as MicroPython's rp2 port shows it."""
