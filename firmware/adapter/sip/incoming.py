"""What a message of the peer says: where its answer goes, whether we can take it, how long to wait, who calls.

RFC 3261 8.2 and 18.2, RFC 3581 (rport).
"""

from adapter.sip.errors import SipError
from adapter.sip.uri import name_addr, number, parse_uri, parse_via, split

ALLOWED = "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY"
_KNOWN = " INFO MESSAGE PRACK PUBLISH REFER REGISTER SUBSCRIBE UPDATE "
_PORT = 5060
_MAX_NAME = 32
_MAX_SUMMARY_BYTES = 2048


def way_back(message, source):
    """(key, destination, reliable) of a request's transaction; writes into its Via what RFC 3581 wants; SipError."""
    vias = message.all("via")
    word, host, port, found = parse_via(vias[0])
    reliable = word != "UDP"
    asked = "rport" in found
    if asked or host != source[0]:
        pieces = []
        for piece in split(vias[0], ";"):
            name = piece.partition("=")[0].strip(" \t").lower()
            if name not in ("rport", "received"):
                pieces.append(piece)
        pieces.append("received=" + source[0])
        if asked:
            pieces.append("rport=%d" % source[1])
        headers = [("via", ";".join(pieces))] + [("via", via) for via in vias[1:]]
        message.headers = headers + [header for header in message.headers if header[0] != "via"]
    branch = found.get("branch", "")
    if branch[:7] == "z9hG4bK":  # 17.2.3
        key = "%s %s:%d" % (branch, host.lower(), port)
    else:
        key = "%s %d %s %s" % (message.get("call-id"), message.cseq[0], message.get("from"), vias[0])
    return key, source if reliable or asked else (source[0], port or _PORT), reliable


def refusal(message):
    """(status, headers) of the answer to a request that we cannot take whoever sends it, else None (8.2.1 to 8.2.3)."""
    method = message.method
    if method not in ALLOWED.split(", "):
        return 405 if " " + method + " " in _KNOWN else 501, (("allow", ALLOWED),)
    required = message.all("require")
    if required:
        return 420, (("unsupported", ", ".join(required)),)
    encoding = message.get("content-encoding")
    if message.body and encoding and encoding.lower() != "identity":
        return 415, (("accept-encoding", "identity"),)
    kind = message.get("content-type") or ""
    if method == "INVITE" and message.body and kind.partition(";")[0].strip(" ").lower() != "application/sdp":
        return 415, (("accept", "application/sdp"),)
    return None


def seconds(text, otherwise, most):
    """A time of a header, as in Expires or Retry-After, up to `most`; `otherwise` if it is none."""
    try:
        return min(number(text.partition(";")[0].partition("(")[0], 1 << 31), most)
    except (SipError, AttributeError):  # None: there is no such header
        return otherwise


def caller(message):
    """(number, name) of who calls, as far as the network says it and the caller lets it (RFC 3325, 3323)."""
    asserted = message.all("p-asserted-identity")
    display, uri, _ = name_addr(asserted[0] if asserted else message.get("from"))
    _, user, host, _, _ = parse_uri(uri)
    if user.lower() == "anonymous" or host.lower() == "anonymous.invalid" or "id" in (message.get("privacy") or ""):
        return "", ""
    return user[:_MAX_NAME], display[:_MAX_NAME]


def count_waiting(body):
    """How many new voice messages a message-summary tells of (RFC 3842 3.5); SipError if it is none."""
    count = -1
    for line in bytes(body)[:_MAX_SUMMARY_BYTES].split(b"\n"):
        name, _, value = line.partition(b":")
        name, value = name.strip().lower(), value.strip().lower()
        if name == b"messages-waiting":
            count = max(count, 1 if value == b"yes" else 0)
        elif name == b"voice-message":
            new = value.partition(b"/")[0].strip()
            if new.isdigit() and len(new) < 6:
                count = int(new)
    if count < 0:
        raise SipError("no message summary", 400)
    return count
