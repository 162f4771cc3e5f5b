"""The ESP32, as MicroPython's esp32 port shows it."""
