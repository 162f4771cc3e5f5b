"""In which order metadata is fetched: TUF's client workflow (5.3 to 5.6) as generators.

Each yields a Get and is sent the file's bytes, or None if the server does not have it. Whoever drives them
may throw NetworkError in. The rules are TrustedSet's.

With several mirrors a file that one lacks or that does not verify is asked of the next; the first error comes
out if none is good. For what has no fixed version, the next root and the timestamp, the next mirror is asked
also where one knows nothing new: a mirror that stands still cannot hold back the others.
"""

from adapter.update.errors import NetworkError, UpdateError
from adapter.update.file_names import metadata_path
from protocol.wire.release import MAX_METADATA_BYTES


class Get:
    """A file wanted from the server: `path` below the repository, of at most `max_bytes`.

    With `sink`, its bytes from `offset` on go there as they come, and the answer is b"".
    `mirror` says whom to ask: 0 is the unit's own server, a driver that knows one only may ignore it.
    """

    __slots__ = ("max_bytes", "mirror", "offset", "path", "sink")

    def __init__(self, path, max_bytes=MAX_METADATA_BYTES, sink=None, offset=0, mirror=0):
        self.path = path
        self.max_bytes = max_bytes
        self.sink = sink
        self.offset = offset
        self.mirror = mirror


def refresh(trusted, mirrors=1):
    """Brings root, timestamp, snapshot and targets of the TrustedSet up to date."""
    for _ in range(trusted.bounds.max_roots):
        path = metadata_path("root", trusted.root.version + 1)  # 5.3.3
        if not (yield from _newest(path, "root", trusted, trusted.update_root, mirrors)):
            break
    trusted.finish_root()
    yield from _newest(metadata_path("timestamp"), "timestamp", trusted, trusted.update_timestamp, mirrors)
    if not trusted.has_snapshot:
        facts = trusted.snapshot_facts
        yield from _known("snapshot", "snapshot", facts, trusted, trusted.update_snapshot, mirrors)
    yield from _role(trusted, "targets", None, mirrors)


def find_target(trusted, name, mirrors=1):
    """(role, Value) of the target `name`, depth first in the delegations' order (5.6.7); None if there is none."""
    waiting = [("targets", None)]
    visited = []
    while waiting and len(visited) < trusted.bounds.max_roles:
        role, delegator = waiting.pop()
        if role in visited:
            continue  # 5.6.7.1: a cycle
        visited.append(role)
        yield from _role(trusted, role, delegator, mirrors)
        found = trusted.target(role, name)
        if found is not None:
            return role, found
        children = []
        for child, terminating in trusted.delegations(role, name):
            children.append((child, role))
            if terminating:  # 5.6.7.2.1: what comes after it is not asked
                waiting = []
                break
        if not children:
            trusted.forget(role)  # there may be many, each as large as a file can be
        children.reverse()
        waiting.extend(children)
    return None


def _role(trusted, role, delegator, mirrors):
    if not trusted.has_targets(role, delegator):

        def take(data):
            trusted.update_targets(data, role, delegator)

        yield from _known(role, "targets", trusted.targets_facts(role), trusted, take, mirrors)


def _known(role, kind, facts, trusted, take, mirrors):
    """Has `take` take the file of `role` from the first mirror whose file it does; `facts` are signed for it.

    No more than its signed length is fetched, where there is one (5.5.1, 5.6.1).
    """
    path = metadata_path(role, facts.version if trusted.consistent else None)
    limit = trusted.bounds.max_bytes[kind]
    if facts.length is not None:
        limit = min(limit, facts.length)
    first = None
    for mirror in range(mirrors):
        try:
            data = yield Get(path, limit, mirror=mirror)
            if data is None:
                raise NetworkError("the update server does not have %s" % path)
            take(data)
            return
        except UpdateError as error:
            first = first or error
    raise first


def _newest(path, kind, trusted, take, mirrors):
    """True as soon as a mirror's file is news to `take`, False if all good ones are known already.

    That there is no such root is an answer too (5.3.3).
    """
    first = None
    answered = False
    for mirror in range(mirrors):
        try:
            data = yield Get(path, trusted.bounds.max_bytes[kind], mirror=mirror)
            if data is None and kind != "root":
                raise NetworkError("the update server does not have %s" % path)
            if data is not None and take(data):
                return True
            answered = True
        except UpdateError as error:
            first = first or error
    if not answered:
        raise first
    return False
