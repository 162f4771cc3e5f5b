"""What the unit takes, python-tuf's own client takes too, attack by attack; where they differ, the unit is stricter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

from tests.firmware.adapter.update.attacks import ATTACKS, Bend
from tests.firmware.adapter.update.repository import NOW, BendableRepository

URL = "http://repository/"
NAME = "simulated_1.0.0.img"
# What python-tuf takes: it has larger bounds, reads lenient JSON, and counts one key under two ids as two.
STRICTER = {
    "endless timestamp",
    "fast-forward beyond the bounds",
    "a key twice in the JSON",
    "one key under two ids",
}


class Files(FetcherInterface):
    """Serves a repository's dict as a web server would."""

    def __init__(self, repository: BendableRepository) -> None:
        self._repository = repository

    def _fetch(self, url: str) -> Iterator[bytes]:
        data = self._repository.files.get(url.removeprefix(URL))
        if data is None:
            raise DownloadHTTPError(f"no {url}", 404)
        yield data


def take(repository: BendableRepository, folder: Path) -> bool:
    """Whether python-tuf refreshes down to the board's role, and finds the image."""
    updater = Updater(str(folder), f"{URL}metadata/", fetcher=Files(repository), bootstrap=repository.first_root)
    updater._trusted_set.reference_time = NOW
    try:
        updater.refresh()
        return updater.get_targetinfo(NAME) is not None
    except (RepositoryError, DownloadError):
        return False


@pytest.mark.parametrize(("what", "bend"), [attack[:2] for attack in ATTACKS], ids=[attack[0] for attack in ATTACKS])
def test_python_tuf_ends_every_attack_too(
    tmp_path: Path, repository: BendableRepository, what: str, bend: Bend
) -> None:
    assert take(repository, tmp_path)
    bend(repository)
    assert take(repository, tmp_path) is (what in STRICTER)
