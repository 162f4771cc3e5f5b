"""One metadata file is read as strictly as a unit reads it."""

from __future__ import annotations

import json

import pytest

from fleet.updates.errors import MetadataError
from fleet.updates.metadata import parse
from tests.fleet.release_owners import Owners


def test_what_has_no_canonical_form_is_no_metadata(owners: Owners) -> None:
    owners.initialise()
    document = json.loads(owners.bundle.path("targets", 1).read_bytes())
    document["signed"]["share"] = 0.5
    with pytest.raises(MetadataError, match="no TUF metadata"):
        parse("targets", json.dumps(document, separators=(",", ":"), sort_keys=True).encode())
