"""Every message of the fleet, one row each: the only source of truth (the USB link's: the other *_layouts).

TYPES names the messages by their number. The function of that name gives the row, (version, fields): a
function, because a unit's heap is small and a row is needed for an instant. A field is
(name, kind, low, high, since[, rows]):

| kind  | Python value | low, high bound      | on the wire                                     |
|-------|--------------|----------------------|-------------------------------------------------|
| U8..U64 | int        | the value            | big-endian                                      |
| FIXED | bytes        | both the length      | the bytes                                       |
| TEXT  | str          | the length           | u8 length, printable ASCII (0x20 to 0x7E)       |
| BLOB  | bytes        | the length           | u16 length, the bytes                           |
| LIST  | list of dict | the number of items  | u8 count, the items, each laid out as `rows`    |

`since` is the message version that brought the field; fields are only ever appended. What an old
end does with a newer message, and the other way round, stands in docs/protocol.md.
"""

from protocol.wire.enumerations import (
    BOOT_REASONS,
    CALL_CODECS,
    CALL_DIRECTIONS,
    CALL_ENDS,
    CHANNELS,
    COMMAND_RESULTS,
    COMMANDS,
    EVENTS,
    LINE_LEVELS,
    LINE_STATES,
    MEDIA_SECURITY,
    REGISTER_RESULTS,
    TRANSPORTS,
    UNIT_STATES,
    UPDATE_REASONS,
    UPDATE_STATES,
)

U8, U16, U32, U64, FIXED, TEXT, BLOB, LIST = 1, 2, 4, 8, 16, 17, 18, 19

MAX_MESSAGE_BYTES = 4096

_CLOCK = ("clock_s", U64, 0, 1 << 40, 1)  # UTC seconds since 1970-01-01
_SERIAL = ("serial", TEXT, 11, 11, 1)
_SLOT = ("slot", U8, 0, 1, 1)
_COUNTER = ("release_counter", U32, 0, 0xFFFFFFFF, 1)

EVENT_ROWS = (
    _CLOCK,
    ("event", U8, 0, len(EVENTS) - 1, 1),
    ("value", U32, 0, 0xFFFFFFFF, 1),
)
NTP_ROWS = (("host", TEXT, 1, 64, 1), ("port", U16, 1, 65535, 1))
MIRROR_ROWS = (("host", TEXT, 1, 64, 2), ("port", U16, 1, 65535, 2))

TYPES = {
    # From unit to fleet, over MQTT.
    1: "register",
    2: "heartbeat",
    3: "service_ready",
    4: "update_report",
    5: "events",
    6: "command_result",
    7: "call_record",
    # From fleet to unit, over MQTT.
    32: "registered",
    33: "configuration",
    34: "command",
    35: "acknowledge",
    # The addresses blob of the identity partition: where the fleet is. Never sent, only stored.
    120: "addresses",
}


def register():
    return 1, (
        _SERIAL,
        ("mac", FIXED, 6, 6, 1),
        ("epoch", U16, 1, 65535, 1),
        ("board", TEXT, 1, 16, 1),
        ("hardware_revision", U8, 0, 255, 1),
        ("version", TEXT, 1, 16, 1),
        _COUNTER,
        ("image_sha256", FIXED, 32, 32, 1),
        _SLOT,
        ("abi", U16, 0, 65535, 1),
        ("boot_reason", U8, 0, len(BOOT_REASONS) - 1, 1),
        ("free_heap_bytes", U32, 0, 0xFFFFFFFF, 1),
        _CLOCK,
    )


def heartbeat():
    return 1, (
        ("uptime_s", U32, 0, 0xFFFFFFFF, 1),
        ("state", U8, 0, len(UNIT_STATES) - 1, 1),
        ("line_state", U8, 0, len(LINE_STATES) - 1, 1),
        ("update_state", U8, 0, len(UPDATE_STATES) - 1, 1),
        _SLOT,
        _COUNTER,
        ("config_version", U32, 0, 0xFFFFFFFF, 1),
        ("free_heap_bytes", U32, 0, 0xFFFFFFFF, 1),
        ("waiting_reports", U8, 0, 255, 1),
        _CLOCK,
    )


def service_ready():
    return 1, (
        ("config_version", U32, 0, 0xFFFFFFFF, 1),
        ("line_state", U8, 0, len(LINE_STATES) - 1, 1),
        ("configured_ms", U32, 0, 0xFFFFFFFF, 1),  # from the first line of boot.py to configuration received
        ("tls_ms", U32, 0, 0xFFFFFFFF, 1),  # of it, the unit's own TLS handshakes
        _CLOCK,
    )


def update_report():
    return 1, (
        ("assignment", U32, 0, 0xFFFFFFFF, 1),  # the director's sequence number
        ("state", U8, 0, len(UPDATE_STATES) - 1, 1),
        ("reason", U8, 0, len(UPDATE_REASONS) - 1, 1),
        ("target_counter", U32, 0, 0xFFFFFFFF, 1),
        ("target_sha256", FIXED, 32, 32, 1),
        _COUNTER,  # of the image now running
        ("detail", TEXT, 0, 120, 1),
        _CLOCK,
    )


def events():
    return 1, (("events", LIST, 0, 64, 1, EVENT_ROWS),)


def command_result():
    return 1, (
        ("command_id", U32, 0, 0xFFFFFFFF, 1),
        ("result", U8, 0, len(COMMAND_RESULTS) - 1, 1),
        ("detail", TEXT, 0, 120, 1),
    )


def call_record():
    # of a call that is over: start, duration, numbers, codec and quality, never what was said (PP)
    return 1, (
        ("record_id", U32, 0, 0xFFFFFFFF, 1),  # grows on the unit, over restarts too
        ("started_s", U64, 0, 1 << 40, 1),  # as clock_s
        ("direction", U8, 0, len(CALL_DIRECTIONS) - 1, 1),
        ("number", TEXT, 0, 32, 1),  # the other party, as dialled or as shown
        ("setup_ms", U32, 0, 0xFFFFFFFF, 1),  # from dialled or ringing to answered or ended
        ("duration_ms", U32, 0, 0xFFFFFFFF, 1),  # 0: never answered
        ("ended_by", U8, 0, len(CALL_ENDS) - 1, 1),
        ("status", U16, 0, 699, 1),  # the last of SIP; 0: none came
        ("codec", U8, 0, len(CALL_CODECS) - 1, 1),
        ("secured", U8, 0, 1, 1),
        ("emergency", U8, 0, 1, 1),
        ("packets_sent", U32, 0, 0xFFFFFFFF, 1),
        ("packets_received", U32, 0, 0xFFFFFFFF, 1),
        ("packets_lost", U32, 0, 0xFFFFFFFF, 1),
        ("packets_discarded", U32, 0, 0xFFFFFFFF, 1),  # came too late to be played
        ("burst_loss_permille", U16, 0, 1000, 1),
        ("jitter_ms", U16, 0, 0xFFFF, 1),
        ("jitter_max_ms", U16, 0, 0xFFFF, 1),
        ("buffer_ms", U16, 0, 0xFFFF, 1),
        ("round_trip_ms", U16, 0, 0xFFFF, 1),
        ("r_factor", U8, 0, 100, 1),
        ("mos_tenths", U8, 0, 50, 1),  # listening MOS; 0: not known
        _CLOCK,
    )


def registered():
    return 1, (
        ("result", U8, 0, len(REGISTER_RESULTS) - 1, 1),
        ("config_version", U32, 0, 0xFFFFFFFF, 1),
        ("retry_s", U32, 0, 86400, 1),
        _CLOCK,
    )


def configuration():
    registrar = (
        ("host", TEXT, 1, 64, 4),
        ("port", U16, 0, 65535, 4),  # 0: by SRV of the DNS
        ("transport", U8, 0, len(TRANSPORTS) - 1, 4),
    )
    voice = (
        ("user", TEXT, 1, 32, 4),  # the number, E.164 with its +
        ("auth_user", TEXT, 1, 64, 4),
        ("password", TEXT, 1, 64, 4),
        ("domain", TEXT, 1, 64, 4),
        ("display_name", TEXT, 0, 32, 4),
        ("country", TEXT, 2, 2, 4),  # ISO 3166-1 alpha-2: the tones people know
        ("emergency", TEXT, 0, 64, 4),  # numbers, with commas between
        ("dial_plan", TEXT, 0, 200, 4),
        ("codecs", TEXT, 1, 32, 4),  # the best first, with commas between
        ("ptime_ms", U8, 10, 30, 4),
        ("registration_s", U16, 60, 7200, 4),
        ("media_security", U8, 0, len(MEDIA_SECURITY) - 1, 4),
        ("mailbox", TEXT, 0, 64, 4),  # whose messages wait; empty: none is asked about
        ("registrars", LIST, 1, 4, 4, registrar),
        ("dns", LIST, 0, 2, 4, (("host", TEXT, 1, 64, 4), ("port", U16, 1, 65535, 4))),
    )
    return 4, (
        ("config_version", U32, 1, 0xFFFFFFFF, 1),
        ("heartbeat_s", U16, 1, 3600, 1),
        ("channel", U8, 0, len(CHANNELS) - 1, 1),
        ("maintenance_from_s", U64, 0, 1 << 40, 1),  # UTC instants; equal: any time
        ("maintenance_until_s", U64, 0, 1 << 40, 1),
        ("line_allowed", U8, 0, 1, 1),  # for ends before version 3: outgoing_only or full
        ("update_mirrors", LIST, 0, 3, 2, MIRROR_ROWS),  # asked in this order where the unit's own server fails
        ("line_level", U8, 0, len(LINE_LEVELS) - 1, 3),
        ("voice", LIST, 0, 1, 4, voice),  # the line's account at the registrar
    )


def command():
    return 1, (
        ("command_id", U32, 1, 0xFFFFFFFF, 1),
        ("command", U8, 0, len(COMMANDS) - 1, 1),
        ("argument", U32, 0, 0xFFFFFFFF, 1),
    )


def acknowledge():
    # of a critical report, by the fleet, once it is stored
    return 1, (
        ("boot_id", U32, 0, 0xFFFFFFFF, 1),
        ("sequence", U32, 0, 0xFFFFFFFF, 1),
    )


def addresses():
    return 1, (
        ("broker_host", TEXT, 1, 64, 1),
        ("broker_port", U16, 1, 65535, 1),
        ("updates_host", TEXT, 1, 64, 1),
        ("updates_port", U16, 1, 65535, 1),
        ("ntp", LIST, 1, 4, 1, NTP_ROWS),
    )


# Reports that stay on the unit until the fleet acknowledges them by an `acknowledge`.
CRITICAL = ("service_ready", "update_report", "command_result", "call_record")
