"""As enumerations.py, of the USB link alone: a unit in service has them in its heap while somebody speaks there."""

LINK_MODES = ("factory", "locked", "reset")
LINK_RESULTS = ("ok", "refused", "bad_value", "wrong_state", "failed")
BLOBS = ("certificate", "trust_anchors", "root_metadata", "addresses", "token_keys")
SELF_TESTS = ("ram", "flash", "ethernet", "usb", "led", "clock", "mac", "entropy", "line", "ring")
SELF_TEST_RESULTS = ("passed", "failed", "skipped")
