"""Which names the numbers of an enumerated field stand for."""

from protocol.wire import layouts

# By (message or list, field): the index in the tuple is the value on the wire.
ENUMERATIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("register", "boot_reason"): layouts.BOOT_REASONS,
    ("heartbeat", "state"): layouts.UNIT_STATES,
    ("heartbeat", "line_state"): layouts.LINE_STATES,
    ("heartbeat", "update_state"): layouts.UPDATE_STATES,
    ("service_ready", "line_state"): layouts.LINE_STATES,
    ("update_report", "state"): layouts.UPDATE_STATES,
    ("update_report", "reason"): layouts.UPDATE_REASONS,
    ("events", "event"): layouts.EVENTS,
    ("command_result", "result"): layouts.COMMAND_RESULTS,
    ("registered", "result"): layouts.REGISTER_RESULTS,
    ("configuration", "channel"): layouts.CHANNELS,
    ("command", "command"): layouts.COMMANDS,
    ("put_blob", "blob"): layouts.BLOBS,
    ("hello_reply", "mode"): layouts.LINK_MODES,
    ("hello_reply", "state"): layouts.UNIT_STATES,
    ("done", "result"): layouts.LINK_RESULTS,
    ("tests", "test"): layouts.SELF_TESTS,
    ("tests", "result"): layouts.SELF_TEST_RESULTS,
}
