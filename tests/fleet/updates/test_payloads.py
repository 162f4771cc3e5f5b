"""Images, deltas and release records come as they were signed, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from tuf.api.metadata import TargetFile

from fleet.updates.errors import ImageError
from protocol.wire import delta as wire
from tests.fleet.release_owners import Owners, check_refused, make_image
from tools.release.record import ReleaseFacts
from tools.release.sign import sign_image

BASE, IMAGE = "simulated_1.0.0.img", "simulated_1.1.0.img"
DELTA, RECORD = "simulated_1.1.0_from_1.0.0.delta", "simulated_1.1.0.json"
ROLE = "board-simulated"
PAYLOAD = b"modules" * 100


def header_of(base: bytes, image: bytes) -> bytes:
    """A delta's header; what follows is the unit's to judge."""
    return bytes(wire.pack_header(*((len(data), sha256(data).digest()) for data in (base, image))))


@pytest.fixture
def owners(owners: Owners) -> Owners:
    """Release 1.0.0 published; 1.1.0 signed with a delta from it, flagged, with notes."""
    owners.initialise()
    owners.sign("1.0.0", 1, payload=PAYLOAD)
    owners.publish()
    image = make_image("1.1.0", 2, payload=PAYLOAD + bytes(range(256)))
    facts = ReleaseFacts(notes="what is new", beta=True, security=True)
    sign_image(owners.bundle, owners.keys, image, owners.now, facts=facts, make_delta=header_of)
    return owners


def test_a_delta_and_a_record_are_published_with_their_image_and_served_by_hash(owners: Owners) -> None:
    files, payloads = owners.publication()
    assert set(payloads) == {IMAGE, DELTA, RECORD}
    owners.repository.publish(files, payloads, owners.now)
    target = owners.repository.images()[IMAGE]
    assert (target.custom["beta"], target.custom["security"]) == (True, True)
    served = {RECORD: target.custom["record"], IMAGE: target.hashes["sha256"]}
    (delta,) = owners.repository.deltas().values()
    served[DELTA] = delta.hashes["sha256"]
    base = owners.repository.images()[BASE]
    assert delta.custom == {"base": base.hashes["sha256"]}
    for name, digest in served.items():
        path = owners.repository.target_file(f"{digest}.{name}")
        assert path is not None
        assert path.read_bytes() == payloads[name]
    record = json.loads(payloads[RECORD])
    assert (record["notes"], record["beta"], record["security"]) == ("what is new", True, True)
    assert record["image"]["sha256"] == target.hashes["sha256"]


def test_retiring_a_release_takes_its_deltas_along_and_those_from_it(owners: Owners) -> None:
    owners.publish()
    sign_image(owners.bundle, owners.keys, make_image("1.2.0", 3), owners.now, retire=["1.0.0"])
    owners.publish()
    assert list(owners.repository.deltas()) == []
    assert set(owners.repository.images()) == {IMAGE, "simulated_1.2.0.img"}


def edited(owners: Owners, change: Callable[[dict[str, TargetFile]], None]) -> dict[str, bytes]:
    """The publication's metadata with the board's targets changed, signed by the board's own key."""
    return owners.edited(ROLE, lambda signed: change(signed.targets), ROLE, versions_on=0)


def with_delta(owners: Owners, name: str, data: bytes, base: str | None) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """A publication whose delta is `data` under `name`, from the base of that hash."""
    _, payloads = owners.publication()
    del payloads[DELTA]

    def change(targets: dict[str, TargetFile]) -> None:
        del targets[DELTA]
        targets[name] = TargetFile.from_data(name, data, ["sha256"])
        targets[name].unrecognized_fields["custom"] = {} if base is None else {"base": base}

    return edited(owners, change), payloads | {name: data}


def digest_of(owners: Owners, name: str) -> str:
    return sha256(owners.bundle.target(name)).hexdigest()


@pytest.mark.parametrize("name", ["simulated_1.1.0_from_0.9.0.delta", "simulated_9.9.9_from_1.0.0.delta", "x.delta"])
def test_a_delta_between_images_that_are_not_listed_is_refused(owners: Owners, name: str) -> None:
    good = owners.bundle.target(DELTA)
    check_refused(owners, *with_delta(owners, name, good, digest_of(owners, BASE)), "no delta between two listed")


@pytest.mark.parametrize("base", [None, "0" * 64])
def test_a_delta_signed_for_another_base_is_refused(owners: Owners, base: str | None) -> None:
    good = owners.bundle.target(DELTA)
    check_refused(owners, *with_delta(owners, DELTA, good, base), "is signed for base")


def test_a_delta_that_makes_another_image_than_its_name_says_is_refused(owners: Owners) -> None:
    base, image = owners.bundle.target(BASE), owners.bundle.target(IMAGE)
    right = digest_of(owners, BASE)
    for data in (header_of(image, base), header_of(base, base), header_of(image, image)):
        check_refused(owners, *with_delta(owners, DELTA, data, right), "makes another image", ImageError)
    for data in (b"", bytes(79), b"XXXX" + header_of(base, image)[4:]):
        check_refused(owners, *with_delta(owners, DELTA, data, right), "not the delta that was signed", ImageError)
    too_long = header_of(base, image) + bytes(len(image))
    check_refused(owners, *with_delta(owners, DELTA, too_long, right), "saves nothing", ImageError)


def test_a_base_does_not_go_without_its_deltas(owners: Owners) -> None:
    owners.publish()
    files = owners.edited(ROLE, lambda signed: signed.targets.pop(BASE), ROLE)
    check_refused(owners, files, {}, "no delta between two listed images")


@pytest.mark.parametrize("missing", [IMAGE, DELTA, RECORD])
def test_nothing_that_is_listed_may_be_missing(owners: Owners, missing: str) -> None:
    files, payloads = owners.publication()
    del payloads[missing]
    check_refused(owners, files, payloads, "no such file", ImageError)


@pytest.mark.parametrize("name", [IMAGE, DELTA, RECORD])
def test_nothing_may_be_other_than_signed(owners: Owners, name: str) -> None:
    files, payloads = owners.publication()
    payloads[name] = payloads[name][:-1] + bytes((payloads[name][-1] ^ 1,))
    check_refused(owners, files, payloads, f"{name} is not the [a-z]+ that was signed", ImageError)


def with_record(owners: Owners, data: bytes | None) -> tuple[dict[str, bytes], dict[str, bytes]]:
    _, payloads = owners.publication()

    def change(targets: dict[str, TargetFile]) -> None:
        custom = targets[IMAGE].custom
        del custom["record"]
        if data is not None:
            custom["record"] = sha256(data).hexdigest()

    return edited(owners, change), payloads | {RECORD: data or b""}


def test_a_record_of_another_image_or_with_other_flags_is_refused(owners: Owners) -> None:
    good = json.loads(owners.bundle.target(RECORD))
    for change in ({"beta": False}, {"security": False}, {"image": good["image"] | {"sha256": "0" * 64}}):
        check_refused(
            owners, *with_record(owners, json.dumps(good | change).encode()), "not of simulated_1.1.0.img", ImageError
        )
    for data in (b"[]", b"{", b"{}", b"null"):
        check_refused(owners, *with_record(owners, data), "is no release record", ImageError)
    check_refused(owners, *with_record(owners, None), "without a release record", ImageError)


def test_a_flag_is_true_or_left_out(owners: Owners) -> None:
    _, payloads = owners.publication()
    files = edited(owners, lambda targets: targets[IMAGE].custom.update(beta=False))
    check_refused(owners, files, payloads, "flag that is not true", ImageError)


@pytest.mark.parametrize("custom", [None, [], "x"])
def test_a_target_without_facts_is_refused(owners: Owners, custom: Any) -> None:
    _, payloads = owners.publication()
    files = edited(owners, lambda targets: targets[IMAGE].unrecognized_fields.update(custom=custom))
    check_refused(owners, files, payloads, "without facts")


def test_an_image_that_would_lock_its_unit_out_is_refused(owners: Owners) -> None:
    image = make_image("1.2.0", 3, payload=PAYLOAD, security=4)
    sign_image(owners.bundle, owners.keys, image, owners.now)
    check_refused(owners, *owners.publication(), "security counter 4 above its release counter", ImageError)
