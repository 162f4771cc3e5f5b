"""A version names one image for ever, and its counter never comes back, also once it was retired."""

from __future__ import annotations

import shutil
from hashlib import sha256

import pytest

from tests.fleet.release_owners import Owners, check_refused, make_image
from tools.release.bundle import Bundle
from tools.release.errors import ReleaseError
from tools.release.sign import sign_image


def test_a_retired_version_keeps_its_name_and_its_counter(owners: Owners) -> None:
    owners.initialise()
    owners.sign("2.0.0", 2)
    owners.publish()
    sign_image(owners.bundle, owners.keys, make_image("2.0.1", 3), owners.now, retire=["2.0.0"])
    owners.publish()
    for version, counter, match in (("2.0.0", 4, "is signed already"), ("2.1.0", 3, "is not above 3")):
        with pytest.raises(ReleaseError, match=match):
            owners.sign(version, counter, payload=b"another")
    forgotten = ((make_image("2.0.0", 4, payload=b"another"), "another content"), (make_image("2.1.0", 2), "is higher"))
    for image, match in forgotten:
        with pytest.MonkeyPatch.context() as patch:  # release tools that forget
            patch.setattr(Bundle, "images_ever", lambda *_: {})
            copy = Owners(owners.keys, copied(owners.bundle, image), owners.repository)
            sign_image(copy.bundle, copy.keys, image, copy.now)
        check_refused(copy, *copy.publication(), match)


def copied(bundle: Bundle, image: bytes) -> Bundle:
    """The bundle as it stands, in a folder of its own."""
    folder = bundle.directory.with_name(f"bundle-{sha256(image).hexdigest()[:8]}")
    shutil.copytree(bundle.directory, folder)
    return Bundle(folder)
