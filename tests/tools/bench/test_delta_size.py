"""A typical minor release's delta is as short as the best known tools make it, and soon made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools.bench import delta_size, minor_release

MOST_TO_BEST = 1.30  # of detools, bsdiff4 and zstd, LZMA included
MOST_TO_HEATSHRINK = 0.95
MOST_CPU_S = 10.0


def test_deltas_of_minor_releases_are_about_as_short_as_the_best_tools_make_them(tmp_path: Path) -> None:
    if not delta_size.can_compare() and not os.environ.get("CI"):
        pytest.skip("`make test` could not install what deltas are held against: a C compiler is missing")
    pairs = [*minor_release.pairs(tmp_path / "scripted"), *minor_release.past_pairs(tmp_path / "past")]
    assert len(pairs) >= 3
    for row in delta_size.run(pairs):
        print(
            f"\n{row.pair}: {row.delta_bytes} of {row.image_bytes} bytes, {row.to_best:.2f} of the best,"
            f" {row.to_heatshrink:.2f} of heatshrink, {row.made_s:.1f} s"
        )
        assert 0.005 < row.delta_bytes / row.image_bytes < 0.10, row  # a minor release changes a few percent
        assert row.to_best <= MOST_TO_BEST, row
        assert row.to_heatshrink <= MOST_TO_HEATSHRINK, row
        assert row.made_s < MOST_CPU_S, row
