"""Tests of firmware/ports/hardware, esp32 and rp2; what no computer can tell is docs/hardware-bring-up.md."""
