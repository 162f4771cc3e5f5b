"""What real chips share: what MicroPython makes alike on all of them."""
