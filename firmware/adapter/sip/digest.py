"""Digest access authentication: MD5 and SHA-256, qop auth and auth-int or none (RFC 2617, 7616, 8760, 3261 22)."""

import hashlib
from binascii import hexlify

from adapter.sip.errors import SipError
from adapter.sip.uri import parameters, split

_KNOWN = ("SHA-256", "MD5", "SHA-256-SESS", "MD5-SESS")  # the strongest first
_ORDER = "username realm nonce uri response cnonce opaque algorithm qop nc"  # the last three are not quoted


def fields(value):
    """The parameters of a WWW-Authenticate, Authorization ... value, as a dict; SipError for a scheme but Digest."""
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "digest":
        raise SipError("authentication by %r, known is Digest" % scheme[:20])
    return parameters(split(rest, ","))


def proof(values, method, password, body=b""):
    """The hex `response` that belongs to the fields of a credential (RFC 7616 3.4.1); both ends compute it."""
    algorithm = values.get("algorithm", "MD5").upper()
    qop = values.get("qop", "")
    secret = _hash(algorithm, "%s:%s:%s" % (values["username"], values["realm"], password))
    if algorithm[-5:] == "-SESS":
        secret = _hash(algorithm, "%s:%s:%s" % (secret, values["nonce"], values["cnonce"]))
    request = method + ":" + values["uri"]
    if qop == "auth-int":
        request += ":" + _hash(algorithm, body)
    middle = values["nonce"]
    if qop:
        middle += ":%s:%s:%s" % (values["nc"], values["cnonce"], qop)
    return _hash(algorithm, "%s:%s:%s" % (secret, middle, _hash(algorithm, request)))


def answer(challenges, method, uri, user, password, nc, cnonce, body=b""):
    """The value of Authorization for `challenges`, the values of a response's (WWW|Proxy)-Authenticate; SipError.

    Of several the one with the strongest algorithm is answered. `nc` counts the uses of its nonce from 1.
    """
    challenge = None
    best = len(_KNOWN)
    for value in challenges:
        found = fields(value)
        name = found.get("algorithm", "MD5").upper()
        if name in _KNOWN and _KNOWN.index(name) < best and "nonce" in found and "realm" in found:
            challenge = found
            best = _KNOWN.index(name)
    if challenge is None:
        raise SipError("no challenge that we can answer among %d" % len(challenges))
    made = {"username": user, "uri": uri}
    for name in ("realm", "nonce", "opaque", "algorithm"):
        if name in challenge:
            made[name] = challenge[name]
    offered = [name.strip(" ").lower() for name in challenge.get("qop", "").split(",")]
    if "auth" in offered or "auth-int" in offered:
        made["qop"] = "auth" if "auth" in offered else "auth-int"
        made["nc"] = "%08x" % nc
    elif offered != [""]:
        raise SipError("no quality of protection is known among %r" % challenge["qop"][:40])
    if "qop" in made or best > 1:
        made["cnonce"] = cnonce
    made["response"] = proof(made, method, password, body)
    out = []
    for name in _ORDER.split(" "):
        if name in made:
            value = made[name]
            if name not in ("algorithm", "qop", "nc"):
                value = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
            out.append(name + "=" + value)
    return "Digest " + ", ".join(out)


def _hash(algorithm, data):
    if not isinstance(data, bytes):
        data = data.encode()
    make = hashlib.sha256 if algorithm[:7] == "SHA-256" else hashlib.md5
    return hexlify(make(data).digest()).decode()
