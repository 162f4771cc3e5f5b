"""What a unit answers on the USB link until it is in service: it is provisioned, tested and locked.

| stage       | begin_provisioning      | put_blob | finish_provisioning | lock           |
|-------------|-------------------------|----------|---------------------|----------------|
| bare        | makes the key, keyed    | -        | -                   | -              |
| keyed       | same unit: same request | taken    | provisioned         | -              |
| provisioned | same unit: same request | -        | same: done          | tested: locked |
| locked      | -                       | -        | -                   | again: done    |
| reset       | makes the key, keyed    | -        | -                   | -              |

`-` answers wrong_state. Once locked only `lock`, and the `restart` that ends this start, are answered beside `hello`;
from the next start on locked_link.py answers. A unit that was reset is closed until it is locked again: of a session
it takes `hello`, ask_challenge and authorize_provisioning; then, for the token's epoch and no other unit, all the
rest. Its mark is what the bench measured: a reset leaves it, a bare board has none before it is locked.
The private key never leaves: no message has a field for it. The key is stored before its request is sent, so that a
cut in between does not make a second key for one epoch.
"""

import struct
from hashlib import sha256

from adapter import line_test, self_test
from adapter.crypto import csr, p256
from adapter.identity import BENCH, KEYED, LOCKED, MAX_BLOB_BYTES, PROVISIONED, RESET, TOKEN_KEYS, Identity
from adapter.locked_link import done, hello
from adapter.provisioning_token import CHALLENGE_BYTES, Challenge, key_id, split_keys
from protocol.wire import messages
from protocol.wire.errors import WireError
from protocol.wire.link import FrameReader, encode_frame
from protocol.wire.link_enumerations import BLOBS
from protocol.wire.link_layouts import BIAS
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import check_serial

_ENTROPY_BYTES = 32
_OF_A_TOKEN = ("ask_challenge", "authorize_provisioning", "begin_provisioning")
_AFTER_LOCK = ("lock", "restart")


class FactoryLink:
    """The unit's end of the link. `store` is an IdentityStore, `board` the hardware, `version` the image's.

    `clock_us` is a running clock in microseconds. `state` (index into UNIT_STATES) is set by main;
    `restart_wanted` becomes True after `restart`.
    """

    def __init__(self, store, board, version, clock_us):
        self.state = 0
        self.restart_wanted = False
        self.identity = store.load()
        self._store = store
        self._board = board
        self._version = version
        self._clock_us = clock_us
        self._frames = FrameReader()
        self._damaged_before = None  # how many frames were damaged before the first good one
        self._blobs = {}
        self._started_locked = self.locked
        self._challenge = None
        self._token = b""  # that was accepted
        self._allowed = None  # (boot id of the station's session, epoch) of the token
        self._tests = None  # the last self-test's rows, if none failed
        self._calibration = struct.pack(">HH", BIAS, BIAS)

    @property
    def locked(self):
        """True once the unit plugs itself in instead of waiting for a station."""
        return self.identity is not None and self.identity.locked

    def feed(self, data):
        """The bytes to send in answer to `data`; damaged frames are dropped without an answer."""
        out = b""
        for payload in self._frames.feed(data):
            try:
                message = messages.unpack(payload)
                if self._damaged_before is None:
                    self._damaged_before = self._frames.dropped
                answers = self.handle(message)
            except messages.UnknownTypeError:
                continue
            except WireError as error:
                # The envelope of a bad message may be bad too: it is answered outside of any exchange.
                message, answers = messages.Message("", {}), _done("bad_value", str(error))
            for name, values in answers:
                out += encode_frame(messages.pack(name, values, message.boot_id, message.sequence))
        return out

    def handle(self, message):
        """The answers to `message`, as a list of (name, values)."""
        name = message.name
        if name == "hello":
            return [("hello_reply", self._hello(message.boot_id))]
        step = _STEPS.get(name)
        if step is None:
            return _done("wrong_state", "this is firmware %s, not a ROM loader" % self._version)
        if self.locked and (self._started_locked or name not in _AFTER_LOCK):
            return _done("refused", "the unit is locked; only hello is answered")
        if self._was_reset and name not in _OF_A_TOKEN and self._allowed != (message.boot_id, self.identity.epoch):
            return _done("refused", "the unit was reset; it is provisioned again with a token of the fleet's")
        try:
            return step(self, message)
        except WireError as error:
            return _done("bad_value", str(error))

    @property
    def _was_reset(self):
        known = self.identity
        return known is not None and (known.stage == RESET or (not known.locked and bool(known.blobs[BENCH])))

    def _hello(self, boot_id):
        closed = self._was_reset and (self._allowed is None or self._allowed[0] != boot_id)
        mode = "locked" if self.locked else "reset" if closed else "factory"
        values = hello(mode, self._board, self.identity, self._version)
        values["state"] = self.state
        return values

    def _ask_challenge(self, message):
        if not self._was_reset:
            return _done("wrong_state", "the unit needs no token")
        secret = self._board.entropy(CHALLENGE_BYTES)
        self._allowed = None
        self._challenge = Challenge(self.identity, message["station"], secret, self._clock_us() // 1000)
        keys = [{"key_id": key_id(key)} for key in split_keys(self.identity.blobs[TOKEN_KEYS])]
        values = {"serial": self.identity.serial, "epoch": self._challenge.epoch, "challenge": secret, "keys": keys}
        return [("challenge", values)]

    def _authorize(self, message):
        if self._allowed is not None and self._allowed[0] == message.boot_id and self._token == message["token"]:
            return _done("ok")  # sent again, since our answer was lost
        if self._challenge is None:
            return _done("wrong_state", "ask for a challenge first; each is good for one token")
        keys = split_keys(self.identity.blobs[TOKEN_KEYS])
        now_ms = self._clock_us() // 1000
        epoch = self._challenge.epoch_of(message["token"], message["signature"], keys, now_ms)
        self._challenge = None
        self._allowed, self._token = (message.boot_id, epoch), message["token"]
        return _done("ok")

    def _begin(self, message):
        serial, mac = check_serial(message["serial"]), MacAddress(message["mac"])
        if mac.is_multicast:
            raise WireError("%s is a group address, no unit's" % mac)
        if message["hardware_revision"] != self._board.hardware_revision:
            raise WireError(
                "the station says revision %d, the chip %d"
                % (message["hardware_revision"], self._board.hardware_revision)
            )
        known = self.identity
        if self._was_reset and (
            self._allowed != (message.boot_id, message["epoch"]) or (known.serial, known.mac) != (serial, mac)
        ):
            return _done("refused", "the unit was reset; a token for this station, unit and epoch comes first")
        same = known is not None and (known.serial, known.mac, known.epoch) == (serial, mac, message["epoch"])
        if known is not None and known.provisioned and not same:
            return _done("wrong_state", "provisioned as %s, epoch %d" % (known.serial, known.epoch))
        if not same:
            self._make_key(message, serial, mac)
        return [("csr", {"csr": csr.make_csr(self.identity.private, serial, self._board.uid)})]

    def _make_key(self, message, serial, mac):
        private = p256.make_key(message["entropy"], self._board.entropy(_ENTROPY_BYTES))
        keyed = Identity(
            KEYED, message["epoch"], self._board.hardware_revision, mac, message["country"], serial,
            self._board.name, private, p256.public_key(private),
        )  # fmt: skip
        if self._was_reset:  # the half-done identity is as closed as the reset unit was
            keyed = keyed.but(blobs=self.identity.blobs)
        self._keep(keyed)
        self._blobs = {}

    def _put_blob(self, message):
        if self.identity is None or self.identity.provisioned:
            return _done("wrong_state", "blobs are taken between begin and finish of provisioning")
        index, total, offset, data = message["blob"], message["total_bytes"], message["offset"], message["data"]
        if offset == 0:
            self._blobs[index] = bytearray()
        blob = self._blobs.get(index)
        if blob is not None and offset + len(data) == len(blob) and blob[offset:] == data:
            return _done("ok")  # sent again, since our answer was lost
        if blob is None or offset != len(blob) or offset + len(data) > min(total, MAX_BLOB_BYTES):
            got = -1 if blob is None else len(blob)
            raise WireError("%s of %d bytes: got %d, not %d" % (BLOBS[index], total, got, offset))
        blob.extend(data)
        return _done("ok")

    def _finish(self, message):
        identity = self.identity
        if identity is None:
            return _done("wrong_state", "provisioning has not begun")
        if identity.provisioned:
            if sha256(identity.certificate_der).digest() == message["certificate_sha256"]:
                return _done("ok")
            return _done("wrong_state", "another certificate was written before")
        blobs = [bytes(self._blobs.get(index, b"")) for index in range(len(BLOBS))]
        _check_blobs(identity, blobs, message["certificate_sha256"])
        self._keep(identity.but(stage=PROVISIONED, blobs=blobs + [identity.blobs[BENCH]]))
        self._blobs = {}
        return _done("ok")

    def _run_self_test(self, message):
        damaged = self._frames.dropped - (self._damaged_before or 0)
        found = self_test.run(self._board, self.identity, self._clock_us, damaged)
        rows = [{"test": row[0], "result": row[1], "value": row[3]} for row in found]
        self._tests = None if self_test.failures(found) else found
        return [("self_test_report", {"tests": rows, "codes": [{"code": row[2]} for row in found]})]

    def _read_clock(self, message):
        return [("clock", {"uptime_us": self._clock_us()})]

    def _calibrate(self, message):
        """The station measured the clock; the unit measures its line by itself."""
        bench = self._board.bench
        gain = line_test.gain(bench.line) if bench is not None else 0
        self._calibration = struct.pack(">HH", BIAS + gain, message["clock_ppm"])
        return [("calibration", {"line_gain": BIAS + gain, "clock_ppm": message["clock_ppm"]})]

    def _lock(self, message):
        if self.identity is None or not self.identity.provisioned:
            return _done("wrong_state", "only a provisioned unit can be locked")
        if not self.locked:
            if self._tests is None:
                return _done("wrong_state", "only a unit that has passed its self-test in this start can be locked")
            blobs = list(self.identity.blobs)
            blobs[BENCH] = self._calibration + b"".join([struct.pack(">BBBI", *row) for row in self._tests])
            # Into both halves of the record: one flipped bit shall not bring back the half that is not locked.
            for _ in range(2):
                self._keep(self.identity.but(stage=LOCKED, blobs=blobs))
        return _done("ok")

    def _restart(self, message):
        self.restart_wanted = True
        return _done("ok")

    def _keep(self, identity):
        self._store.store(identity)
        self.identity = identity


def _check_blobs(identity, blobs, certificate_sha256):
    """WireError unless all the blobs are there and the certificate is for this unit's key and serial number."""
    for index, blob in enumerate(blobs):
        if not blob:
            raise WireError("%s is missing; put it before finishing" % BLOBS[index])
    certificate, anchors, root, addresses, token_keys = blobs
    if sha256(certificate).digest() != certificate_sha256:
        raise WireError("certificate of %d bytes has another hash than the station says" % len(certificate))
    if identity.public not in certificate or identity.serial.encode() not in certificate:
        raise WireError("the certificate is not for this unit's key and %s" % identity.serial)
    if anchors[:1] != b"\x30" or root[:1] != b"{":
        raise WireError("trust anchors are DER and root metadata JSON, got %r and %r" % (anchors[:1], root[:1]))
    if messages.unpack(addresses).name != "addresses":
        raise WireError("the addresses blob holds another message")
    split_keys(token_keys)


def _done(result, detail=""):
    return [("done", done(result, detail))]


_STEPS = {
    "begin_provisioning": FactoryLink._begin,
    "put_blob": FactoryLink._put_blob,
    "finish_provisioning": FactoryLink._finish,
    "run_self_test": FactoryLink._run_self_test,
    "read_clock": FactoryLink._read_clock,
    "calibrate": FactoryLink._calibrate,
    "ask_challenge": FactoryLink._ask_challenge,
    "authorize_provisioning": FactoryLink._authorize,
    "lock": FactoryLink._lock,
    "restart": FactoryLink._restart,
}
