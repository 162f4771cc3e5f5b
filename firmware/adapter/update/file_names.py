"""Under which names metadata and images are served and stored.

Role and target names come out of metadata and may hold anything: what is not letter, digit, `_`, `.`, `-` or
`~` is percent-encoded, a slash in a role's name included. A target's path keeps also what RFC 3986 3.3 lets
stand in a path, as other clients send it.
"""

from adapter.update.errors import MismatchError

_MAX_FILE_NAME_BYTES = 240  # of a role as it is stored, percent signs counted: file systems end at 255
_MAX_TARGET_NAME_BYTES = 1024
TOP_LEVEL = ("root", "timestamp", "snapshot", "targets")
_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"


def stored_name(role):
    """The name of a role's file in the unit's store."""
    return _role(role) + ".json"


def metadata_path(role, version=None):
    """The path of a role's file below the repository; `version` is None where names are not versioned."""
    name = "metadata/" if version is None else "metadata/%d." % version
    return name + _role(role) + ".json"


def target_path(name, digest_hex=None):
    """The path of a target; with consistent snapshots its hash stands before the last part of its name."""
    folder, slash, last = name.rpartition("/")
    prefix = "" if digest_hex is None else digest_hex + "."
    also = "!$&'()*+,;=:@"
    return "targets/" + _quoted(folder, "/" + also) + slash + prefix + _quoted(last, also)


def assignment_path(serial):
    """The path of the director's order to this unit."""
    return "director/" + _quoted(serial) + ".json"


def _role(role):
    name = _quoted(role)
    if len(name) > _MAX_FILE_NAME_BYTES:
        raise MismatchError("a role's file name has at most %d bytes, got %d" % (_MAX_FILE_NAME_BYTES, len(name)))
    return name


def _quoted(name, also=""):
    data = name.encode()
    if len(data) > _MAX_TARGET_NAME_BYTES:
        raise MismatchError("a name has at most %d bytes, got %d" % (_MAX_TARGET_NAME_BYTES, len(data)))
    out = []
    for byte in data:
        character = chr(byte)
        out.append(character if character in _PLAIN or character in also else "%%%02X" % byte)
    return "".join(out)
