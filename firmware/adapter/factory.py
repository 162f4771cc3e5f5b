"""What a unit answers on the USB link: it is provisioned, tested and locked, each step safe to repeat.

| stage       | begin_provisioning      | put_blob | finish_provisioning | lock    |
|-------------|-------------------------|----------|---------------------|---------|
| bare        | makes the key, keyed    | -        | -                   | -       |
| keyed       | same unit: same request | taken    | provisioned         | -       |
| provisioned | same unit: same request | -        | same: done          | locked  |
| locked      | -                       | -        | -                   | -       |

`-` answers wrong_state; a locked unit answers `hello` and refuses everything else, but for the `restart` that ends
the start in which it was locked, and a `lock` repeated before. The private key never leaves:
no message has a field for it. The key is stored before its request is sent, so that a cut in between
does not make a second key for one serial number.
"""

from hashlib import sha256

from adapter import self_test
from adapter.crypto import csr, p256
from adapter.identity import KEYED, LOCKED, MAX_BLOB_BYTES, PROVISIONED, Identity
from protocol.wire import messages
from protocol.wire.enumerations import BLOBS, LINK_MODES, LINK_RESULTS
from protocol.wire.errors import WireError
from protocol.wire.link import FrameReader, encode_frame
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import check_serial

_FACTORY, _LOCKED_MODE = LINK_MODES.index("factory"), LINK_MODES.index("locked")
_ENTROPY_BYTES = 32


class FactoryLink:
    """The unit's end of the link. `store` is an IdentityStore, `board` the hardware, `version` the image's.

    `state` (index into UNIT_STATES) is set by main; `restart_wanted` becomes True after `restart`.
    """

    def __init__(self, store, board, version, clock_ms):
        self.state = 0
        self.restart_wanted = False
        self.identity = store.load()
        self._store = store
        self._board = board
        self._version = version
        self._clock_ms = clock_ms
        self._frames = FrameReader()
        self._blobs = {}
        self._started_locked = self.locked

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
        if message.name == "hello":
            return [("hello_reply", self._hello())]
        step = _STEPS.get(message.name)
        if step is None:
            return _done("wrong_state", "this is firmware %s, not a ROM loader" % self._version)
        if self.locked and (self._started_locked or message.name not in ("lock", "restart")):
            return _done("refused", "the unit is locked; only hello is answered")
        try:
            return step(self, message)
        except WireError as error:
            return _done("bad_value", str(error))

    def _hello(self):
        identity = self.identity
        return {
            "mode": _LOCKED_MODE if self.locked else _FACTORY,
            "board": self._board.name,
            "hardware_revision": self._board.hardware_revision,
            "board_uid": self._board.uid,
            "version": self._version,
            "serial": identity.serial if identity else "",
            "mac": identity.mac.octets if identity else bytes(6),
            "epoch": identity.epoch if identity else 0,
            "provisioned": 1 if identity and identity.provisioned else 0,
            "state": self.state,
        }

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
        same = known is not None and (known.serial, known.mac, known.epoch) == (serial, mac, message["epoch"])
        if known is not None and known.provisioned and not same:
            return _done("wrong_state", "provisioned as %s, epoch %d" % (known.serial, known.epoch))
        if not same:
            self._make_key(message, serial, mac)
        return [("csr", {"csr": csr.make_csr(self.identity.private, serial)})]

    def _make_key(self, message, serial, mac):
        private = p256.make_key(message["entropy"], self._board.entropy(_ENTROPY_BYTES))
        self._keep(
            Identity(
                KEYED, message["epoch"], self._board.hardware_revision, mac, message["country"], serial,
                self._board.name, private, p256.public_key(private),
            )
        )  # fmt: skip
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
        self._keep(identity.but(stage=PROVISIONED, blobs=tuple(blobs)))
        self._blobs = {}
        return _done("ok")

    def _run_self_test(self, message):
        return [("self_test_report", {"tests": self_test.run(self._board, self.identity, self._clock_ms)})]

    def _lock(self, message):
        if self.identity is None or not self.identity.provisioned:
            return _done("wrong_state", "only a provisioned unit can be locked")
        if not self.locked:
            # Into both halves of the record: one flipped bit shall not bring back the half that is not locked.
            for _ in range(2):
                self._keep(self.identity.but(stage=LOCKED))
        return _done("ok")

    def _restart(self, message):
        self.restart_wanted = True
        return _done("ok")

    def _keep(self, identity):
        self._store.store(identity)
        self.identity = identity


def _check_blobs(identity, blobs, certificate_sha256):
    """WireError unless all four blobs are there and the certificate is for this unit's key and serial number."""
    for index, blob in enumerate(blobs):
        if not blob:
            raise WireError("%s is missing; put it before finishing" % BLOBS[index])
    certificate, anchors, root, addresses = blobs
    if sha256(certificate).digest() != certificate_sha256:
        raise WireError("certificate of %d bytes has another hash than the station says" % len(certificate))
    if identity.public not in certificate or identity.serial.encode() not in certificate:
        raise WireError("the certificate is not for this unit's key and %s" % identity.serial)
    if anchors[:1] != b"\x30" or root[:1] != b"{":
        raise WireError("trust anchors are DER and root metadata JSON, got %r and %r" % (anchors[:1], root[:1]))
    if messages.unpack(addresses).name != "addresses":
        raise WireError("the addresses blob holds another message")


def _done(result, detail=""):
    # A detail quotes what came over the link; the wire takes printable ASCII only.
    detail = "".join([c if 0x20 <= ord(c) <= 0x7E else "?" for c in detail])
    return [("done", {"result": LINK_RESULTS.index(result), "detail": detail[:120]})]


_STEPS = {
    "begin_provisioning": FactoryLink._begin,
    "put_blob": FactoryLink._put_blob,
    "finish_provisioning": FactoryLink._finish,
    "run_self_test": FactoryLink._run_self_test,
    "lock": FactoryLink._lock,
    "restart": FactoryLink._restart,
}
