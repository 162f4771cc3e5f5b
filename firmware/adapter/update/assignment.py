"""Which image this unit shall run: the director's order, and whether the image repository agrees (Uptane 5.4).

- The order is signed by the role `director`, whose key the offline targets role names.
- It is for this serial number, not expired, and never older than one seen before.
- Hash, length, board and release counter must be the same in the order and in the board's signed role.
- What the board's role says of the image must fit this unit.

Instants are UTC seconds since 1970, at most LAST_S, for the journal keeps them in 32 bits.
"""

from adapter.update.errors import MismatchError, RollbackError, TooBigError, WrongBoardError
from adapter.update.hashes import of_hex, sha256_of
from adapter.update.signed_file import SignedFile
from adapter.update.utc import seconds_of
from protocol.wire.release import DIRECTOR_ROLE

MAX_ASSIGNMENT_BYTES = 2048
MAX_NAME_CHARACTERS = 64
CLOCK_TOLERANCE_S = 300  # the director's clock may be ahead of ours by that much
OLDEST_SCHEMA = 1  # of settings; this image knows the way back to all from there on
LAST_S = 0xFFFFFFFF
_MAX_NUMBER = 0xFFFFFFFF  # the journal and reports have four bytes for a length and a counter


class Assignment:
    """A verified order: `sequence`, `digest` of what was signed, `key` (mark) that signed it, `image` (AssignedImage;
    None: stay as you are).

    `not_before_s`: do not restart into the image earlier; `deadline_s`: from then on maintenance hours hold back
    nothing (0: none); `issued_s` and `expires_s`: of the order itself.
    """

    def __init__(self, signed, key, issued_s, image):
        self.sequence = signed.version
        self.digest = signed.digest
        self.key = key
        self.issued_s = issued_s
        self.expires_s = min(signed.expires_s, LAST_S)
        self.image = image
        self.not_before_s = _instant(signed.body, "not_before")
        self.deadline_s = _instant(signed.body, "deadline")


class AssignedImage:
    """An image in the director's words."""

    def __init__(self, value):
        self.name = value["name"].text()
        self.length = value["length"].number()
        self.release_counter = value["release_counter"].number()
        self.board = value["board"].text()
        text = value["sha256"].text()
        self.sha256 = of_hex(text)
        if len(self.sha256) != 32 or not 1 <= len(self.name) <= MAX_NAME_CHARACTERS:
            raise MismatchError("the assignment names no image: %r, %r" % (self.name[:70], text[:70]))
        if not 1 <= self.length <= _MAX_NUMBER or not 0 <= self.release_counter <= _MAX_NUMBER:
            raise MismatchError("no image has %d bytes and release %d" % (self.length, self.release_counter))


class UnitFacts:
    """What an image must fit: `abi` is the runtime's .mpy version, the sizes are what there is for an image."""

    def __init__(self, serial, board, hardware_revision, abi, slot_bytes, heap_bytes):
        self.serial = serial
        self.board = board
        self.hardware_revision = hardware_revision
        self.abi = abi
        self.slot_bytes = slot_bytes
        self.heap_bytes = heap_bytes


def read_assignment(data, trusted, unit, now_s, last):
    """The Assignment in `data`; an UpdateError if it is not one for this unit, now.

    `last` is (sequence, digest, key) of the newest order seen. It bars nothing once its key was rotated out: a
    thief of that key may have used the highest numbers there are (as TUF 5.3.11 for timestamp and snapshot).
    """
    found = SignedFile("assignment", "assignment", data, MAX_ASSIGNMENT_BYTES)
    key = trusted.verify_delegated(found, DIRECTOR_ROLE)
    last_sequence, last_digest, last_key = last
    if not trusted.lists_key(last_key, DIRECTOR_ROLE):
        last_sequence = 0
    body = found.body
    serial = body["serial"].text()
    if serial != unit.serial:
        raise MismatchError("the assignment is for %s, this is %s" % (serial[:20], unit.serial))
    if found.version < last_sequence or (found.version == last_sequence and found.digest != last_digest):
        raise RollbackError("assignment %d was seen, got %d" % (last_sequence, found.version))
    issued_s = seconds_of(body["issued"].text())
    if issued_s > now_s + CLOCK_TOLERANCE_S:
        raise MismatchError("assignment %d was issued at %d s, now is %d s" % (found.version, issued_s, now_s))
    target = body["target"]
    return Assignment(found, key, issued_s, None if target.is_null else AssignedImage(target))


def _instant(body, name):
    value = body.get(name)
    return 0 if value is None else min(seconds_of(value.text()), LAST_S)


def check_agreement(image, target):
    """MismatchError unless the Value `target` of the board's role names the same image."""
    custom = target["custom"]
    same = (
        target["length"].number() == image.length
        and sha256_of(target["hashes"]) == image.sha256
        and custom["board"].text() == image.board
        and custom["release_counter"].number() == image.release_counter
    )
    if not same:
        raise MismatchError("director and image repository do not agree on %s" % image.name)


def check_fit(image, target, unit, floor):
    """WrongBoardError, TooBigError or RollbackError if this unit may not run the image, by its signed facts."""
    custom = target["custom"]
    if image.board != unit.board:
        raise WrongBoardError("image is for board %s, this is %s" % (image.board[:20], unit.board))
    revisions = [revision.number() for revision in custom["revisions"].elements()]
    if len(revisions) != 2 or not revisions[0] <= unit.hardware_revision <= revisions[1]:
        raise WrongBoardError("image is for revisions %s, this is %d" % (revisions[:2], unit.hardware_revision))
    if custom["abi"].number() != unit.abi:
        raise WrongBoardError("image has .mpy ABI %d, this runtime has %d" % (custom["abi"].number(), unit.abi))
    if image.length > unit.slot_bytes:
        raise TooBigError("image has %d bytes, a slot takes %d" % (image.length, unit.slot_bytes))
    if custom["minimum_heap_bytes"].number() > unit.heap_bytes:
        needed = custom["minimum_heap_bytes"].number()
        raise TooBigError("image needs %d bytes of heap, here are %d" % (needed, unit.heap_bytes))
    if custom["data_schema"].number() < OLDEST_SCHEMA:
        raise MismatchError("image has settings schema %d, the first is 1" % custom["data_schema"].number())
    if custom["security_counter"].number() > image.release_counter:
        # Confirmed, it would raise the floor above itself, and never boot again.
        raise MismatchError("image is release %d with a security counter above" % image.release_counter)
    if image.release_counter < floor:
        raise RollbackError("release counter %d is below the security floor %d" % (image.release_counter, floor))
