"""What the firmware makes of one file out of a set: "accepted", or the name of its error. For both interpreters.

`Bench(files, serial, now_s)` has everything that the file depends on; `outcome(kind, data)` gives it to the code that
takes such a file, in the state that the unit has then, and checks that a refused one has moved nothing.
"""

from adapter.update.assignment import UnitFacts, read_assignment
from adapter.update.errors import UpdateError
from adapter.update.metadata import TrustedSet

KINDS = ("root", "timestamp", "snapshot", "targets", "board", "assignment")
ROLE = "board-simulated"


class MovedError(Exception):
    """A file was refused, but something was stored all the same."""


class Store:
    """The unit's metadata files."""

    def __init__(self):
        self.files = {}

    def get(self, name):
        return self.files.get(name)

    def put(self, name, data):
        self.files[name] = data

    def delete(self, name):
        self.files.pop(name, None)


class Bench:
    """`files` maps "first_root" and each of KINDS to its genuine bytes."""

    def __init__(self, files, serial, now_s):
        self._files = files
        self._now_s = now_s
        self._unit = UnitFacts(serial, "simulated", 2, 6, 786432, 200000)
        self._ready = {}

    def outcome(self, kind, data):
        """ "accepted", or the name of the UpdateError that `data` as `kind` met; any other exception passes."""
        if kind not in self._ready:
            self._ready[kind] = self._before(kind)
        store, trusted = self._ready[kind]
        before = dict(store.files)
        try:
            self._take(trusted, kind, data)
        except UpdateError as error:
            if store.files != before:
                del self._ready[kind]
                raise MovedError(f"{kind} of {len(data)} bytes: {error}") from error
            return type(error).__name__
        del self._ready[kind]
        return "accepted"

    def _before(self, kind):
        """A trusted set that has everything before `kind`, and its store."""
        store = Store()
        trusted = TrustedSet(store, self._files["first_root"], self._now_s)
        for earlier in KINDS[: KINDS.index(kind)]:
            self._take(trusted, earlier, self._files[earlier])
        return store, trusted

    def _take(self, trusted, kind, data):
        if kind == "root":
            trusted.update_root(data)
            trusted.finish_root()
        elif kind == "timestamp":
            if trusted.timestamp is None:
                trusted.finish_root()
            trusted.update_timestamp(data)
        elif kind == "snapshot":
            trusted.update_snapshot(data)
        elif kind == "targets":
            trusted.update_targets(data)
        elif kind == "board":
            trusted.update_targets(data, ROLE, "targets")
        else:
            read_assignment(data, trusted, self._unit, self._now_s, (0, bytes(32), bytes(4)))
