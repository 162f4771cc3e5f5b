"""In which order metadata is fetched: TUF's client workflow (5.3 to 5.6) as generators.

Each yields a Get and is sent the file's bytes, or None if the server does not have it. Whoever drives them
may throw NetworkError in. The rules are TrustedSet's.
"""

from adapter.update.errors import NetworkError
from adapter.update.file_names import metadata_path
from adapter.update.metadata import MAX_ROOTS
from protocol.wire.release import MAX_METADATA_BYTES

MAX_ROLES = 16  # visited for one target (5.6.7.1)


class Get:
    """A file wanted from the server: `path` below the repository, of at most `max_bytes`.

    With `sink`, its bytes from `offset` on go there as they come, and the answer is b"".
    """

    __slots__ = ("max_bytes", "offset", "path", "sink")

    def __init__(self, path, max_bytes=MAX_METADATA_BYTES, sink=None, offset=0):
        self.path = path
        self.max_bytes = max_bytes
        self.sink = sink
        self.offset = offset


def refresh(trusted):
    """Brings root, timestamp, snapshot and targets of the TrustedSet up to date."""
    for _ in range(MAX_ROOTS):
        data = yield Get(metadata_path("root", trusted.root.version + 1))  # 5.3.3
        if data is None:
            break
        trusted.update_root(data)
    trusted.finish_root()
    trusted.update_timestamp((yield from _required(metadata_path("timestamp"))))
    if not trusted.has_snapshot:
        version = trusted.snapshot_facts.version if trusted.consistent else None
        trusted.update_snapshot((yield from _required(metadata_path("snapshot", version), trusted.snapshot_facts)))
    yield from _role(trusted, "targets", None)


def find_target(trusted, name):
    """(role, Value) of the target `name`, depth first in the delegations' order (5.6.7); None if there is none."""
    waiting = [("targets", None)]
    visited = []
    while waiting and len(visited) < MAX_ROLES:
        role, delegator = waiting.pop()
        if role in visited:
            continue  # 5.6.7.1: a cycle
        visited.append(role)
        yield from _role(trusted, role, delegator)
        found = trusted.target(role, name)
        if found is not None:
            return role, found
        children = []
        for child, terminating in trusted.delegations(role, name):
            children.append((child, role))
            if terminating:  # 5.6.7.2.1: what comes after it is not asked
                waiting = []
                break
        children.reverse()
        waiting.extend(children)
    return None


def _role(trusted, role, delegator):
    if not trusted.has_targets(role, delegator):
        facts = trusted.targets_facts(role)
        path = metadata_path(role, facts.version if trusted.consistent else None)
        trusted.update_targets((yield from _required(path, facts)), role, delegator)


def _required(path, facts=None):
    """The file's bytes; no more than its signed length is taken, where there is one (5.5.1, 5.6.1)."""
    limit = MAX_METADATA_BYTES
    if facts is not None and facts.length is not None:
        limit = min(limit, facts.length)
    data = yield Get(path, limit)
    if data is None:
        raise NetworkError("the update server does not have %s" % path)
    return data
