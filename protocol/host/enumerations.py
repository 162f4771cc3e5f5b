"""Which names the numbers of an enumerated field stand for."""

from protocol.wire import bridge_layouts as bridge
from protocol.wire import enumerations as names
from protocol.wire import link_enumerations as link

# By (message or list, field): the index in the tuple is the value on the wire.
ENUMERATIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("register", "boot_reason"): names.BOOT_REASONS,
    ("heartbeat", "state"): names.UNIT_STATES,
    ("heartbeat", "line_state"): names.LINE_STATES,
    ("heartbeat", "update_state"): names.UPDATE_STATES,
    ("service_ready", "line_state"): names.LINE_STATES,
    ("update_report", "state"): names.UPDATE_STATES,
    ("update_report", "reason"): names.UPDATE_REASONS,
    ("events", "event"): names.EVENTS,
    ("command_result", "result"): names.COMMAND_RESULTS,
    ("registered", "result"): names.REGISTER_RESULTS,
    ("configuration", "channel"): names.CHANNELS,
    ("configuration", "line_level"): names.LINE_LEVELS,
    ("voice", "media_security"): names.MEDIA_SECURITY,
    ("registrars", "transport"): names.TRANSPORTS,
    ("call_record", "direction"): names.CALL_DIRECTIONS,
    ("call_record", "ended_by"): names.CALL_ENDS,
    ("call_record", "codec"): names.CALL_CODECS,
    ("command", "command"): names.COMMANDS,
    ("put_blob", "blob"): link.BLOBS,
    ("hello_reply", "mode"): link.LINK_MODES,
    ("hello_reply", "state"): names.UNIT_STATES,
    ("done", "result"): link.LINK_RESULTS,
    ("tests", "test"): link.SELF_TESTS,
    ("tests", "result"): link.SELF_TEST_RESULTS,
    ("flow_open", "kind"): bridge.FLOW_KINDS,
    ("flow_close", "reason"): bridge.FLOW_ENDS,
    ("flow_ended", "reason"): bridge.FLOW_ENDS,
}
