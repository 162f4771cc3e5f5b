"""What the numbers of an enumerated field stand for: the index in the tuple is the value on the wire.

Apart from the layouts, so that the boot stage can name a reason without the table of all messages in its heap.
"""

BOOT_REASONS = ("power_on", "restart", "watchdog", "crash", "update_trial", "update_revert", "reset_button", "unknown")
UNIT_STATES = ("link", "address", "time", "connect", "register", "configure", "line", "ready", "refused")
LINE_STATES = ("not_configured", "unregistered", "registering", "registered", "failed", "emergency_only", "in_call")
UPDATE_STATES = (
    "idle", "metadata_ok", "downloading", "staged", "armed", "trial", "confirmed", "reverted", "failed",
)  # fmt: skip
UPDATE_REASONS = (
    "none", "signature", "expired", "rollback", "mismatch", "hash", "length", "wrong_board", "too_big", "network",
    "self_test", "crash", "watchdog", "deadline", "fleet_unreachable", "refused_before", "flash", "cancelled",
)  # fmt: skip
REGISTER_RESULTS = ("accepted", "not_in_stock", "quarantined", "revoked", "no_account", "bad_identity", "try_later")
COMMANDS = ("check_update", "restart", "identify", "self_test", "send_events")
COMMAND_RESULTS = ("done", "unsupported", "refused", "failed")
CHANNELS = ("stable", "beta")
LINE_LEVELS = ("none", "emergency_only", "outgoing_only", "full")
TRANSPORTS = ("udp", "tcp", "tls")
MEDIA_SECURITY = ("off", "offered", "required")
CALL_DIRECTIONS = ("out", "in")
CALL_ENDS = ("us", "peer", "network", "timeout", "refused", "busy", "no_answer", "cancelled")
CALL_CODECS = ("none", "PCMU", "PCMA")
EVENTS = (
    "boot", "link_up", "link_down", "address", "time_set", "connected", "disconnected", "registered", "refused",
    "configured", "ready", "command", "update_state", "crash", "watchdog", "wire_error", "clock_refused",
    "identity", "self_test", "restart", "line_registered", "line_lost", "call", "no_heap",
)  # fmt: skip
