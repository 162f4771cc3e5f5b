"""Which image this unit is to load: what the fresh metadata and the director's order say together. No I/O.

- Nothing is chosen before the metadata is up to date, and nothing that the unit may not run.
- An order's sequence number bars older orders, also where its image is refused.
- An image that went back waits for newer metadata that lists it.
"""

from binascii import crc32, hexlify

from adapter.update.assignment import MAX_ASSIGNMENT_BYTES, check_agreement, check_fit, read_assignment
from adapter.update.errors import CancelledError, MismatchError, NetworkError, RefusedError, UpdateError
from adapter.update.fetching import Get, find_target, refresh
from adapter.update.file_names import assignment_path, target_path
from adapter.update.hashes import sha256_of
from adapter.update.metadata import TrustedSet
from protocol.wire.release import delta_name

OPEN_STATES = ("metadata_ok", "downloading", "staged")  # an image is chosen and may still be given up


class Chooser:
    """Everything as the UpdateSession has it."""

    def __init__(self, journal, slots, unit, running, files, first_root, time_seen):
        self._journal = journal
        self._slots = slots
        self._unit = unit
        self._running_sha256, _, self._running_version = running
        self._files = files
        self._first_root = first_root
        self._time_seen = time_seen

    def choose(self, now_s, mirrors):
        """(True if the image is not the one being worked on, the Plan to load it or None). Yields Gets."""
        self._forget_target()
        trusted = TrustedSet(self._files, self._first_root, now_s)
        yield from refresh(trusted, mirrors)
        trusted.finish_refresh()
        data = yield from self._ask_director(mirrors)
        image = None if data is None else self._accept(data, trusted, now_s)
        if image is None or image.sha256 == self._running_sha256:
            if self._journal.state in OPEN_STATES:
                raise CancelledError("assignment %d does not name the image any more" % self._journal.newest)
            return False, None
        found = yield from find_target(trusted, image.name, mirrors)
        if found is None:
            raise MismatchError("no role of the image repository lists %s" % image.name)
        name, target = found
        is_new = self._note_target(image, now_s)
        check_agreement(image, target)
        check_fit(image, target, self._unit, self._slots.floor)
        role = (trusted.role_version(name), crc32(name.encode()))
        self._check_not_refused(image.sha256, role)
        if is_new:
            self._journal.role = role
        elif self._journal.state == "staged":
            return False, None
        return is_new, Plan(trusted, name, image, self._running_version, self._running_sha256)

    def _ask_director(self, mirrors):
        """The order's bytes, None if there is none. A mirror may have it, but only our server may say there is none."""
        first = None
        for mirror in range(mirrors):
            try:
                data = yield Get(assignment_path(self._unit.serial), MAX_ASSIGNMENT_BYTES, mirror=mirror)
                if data is not None or mirror == 0:
                    return data
            except NetworkError as error:
                first = first or error
        raise first

    def _accept(self, data, trusted, now_s):
        """The AssignedImage of the order in `data`, whose sequence bars older ones from now on."""
        journal = self._journal
        last = journal.newest, journal.newest_digest, journal.newest_key
        order = read_assignment(data, trusted, self._unit, now_s, last)
        self._time_seen(min(order.issued_s, now_s))
        if (order.sequence, order.digest, order.key) != last:
            journal.newest, journal.newest_digest, journal.newest_key = order.sequence, order.digest, order.key
            journal.not_before_s, journal.deadline_s = order.not_before_s, order.deadline_s
            journal.expires_s = order.expires_s
            journal.save()
        return order.image

    def _forget_target(self):
        """So that a failure before an image is known names none."""
        if self._journal.state == "idle":
            journal = self._journal
            journal.assignment, journal.release_counter, journal.length = journal.newest, 0, 0
            journal.sha256 = bytes(32)

    def _note_target(self, image, now_s):
        """Names the image for the journal and for reports; True unless it is the one being worked on."""
        journal = self._journal
        is_open = journal.state in OPEN_STATES
        is_new_order = journal.assignment != journal.newest
        if is_new_order or not is_open:
            journal.assignment = journal.newest
            journal.moves = 0
        if is_open and journal.sha256 == image.sha256:
            if is_new_order:
                journal.save()  # what is staged may go on under the new order, also after a restart
            return False
        journal.release_counter, journal.length, journal.sha256 = image.release_counter, image.length, image.sha256
        journal.offset = journal.delta_offset = journal.received = 0
        journal.tries = journal.whole_only = journal.mirror = 0
        journal.began_s = now_s
        return True

    def _check_not_refused(self, sha256, role):
        """Newer metadata may list it again: a newer version of the same role, or another role (a newer part)."""
        if sha256 not in self._slots.refused_hashes:
            return
        journal = self._journal
        if journal.refused_role == (0, 0):  # the journal was lost, or another release's: what is newer begins here
            journal.refused_role = role
            journal.save()
        refused_version, refused_role = journal.refused_role
        if role[1] == refused_role and role[0] <= refused_version:
            raise RefusedError("this image went back before; sign newer metadata that lists it")
        self._slots.forgive(sha256)


class Plan:
    """What is to be fetched for an image: its `path`, and `delta_path` (None: there is no delta) of `delta_bytes`."""

    def __init__(self, trusted, role, image, base_version, base_sha256):
        self.path = _path(trusted, image.name, image.sha256)
        self.delta_path = None
        self.delta_bytes = 0
        name = delta_name(image.name, base_version)
        try:
            target = trusted.target(role, name)
            if target is not None and target["custom"]["base"].text() == hexlify(base_sha256).decode():
                self.delta_bytes = target["length"].number()
                if 0 < self.delta_bytes < image.length:
                    self.delta_path = _path(trusted, name, sha256_of(target["hashes"]))
        except UpdateError:
            self.delta_path = None  # a delta is a help, not a condition


def _path(trusted, name, sha256):
    return target_path(name, hexlify(sha256).decode() if trusted.consistent else None)
