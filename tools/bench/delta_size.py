"""How long our deltas are, beside those of detools, bsdiff4 and zstd for the same two images."""

from __future__ import annotations

import io
import lzma
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType

from tools.bench.minor_release import ImagePair
from tools.release.delta import make_delta

HEATSHRINK = "detools, heatshrink"
_ZSTD_LEVEL = 22
_ZSTD_WINDOW_LOG = 23  # base and image together
_LZMA = [{"id": lzma.FILTER_LZMA1, "preset": 9 | lzma.PRESET_EXTREME}]


@dataclass(frozen=True, slots=True)
class DeltaSizes:
    """Bytes of the delta of one pair, ours and the others' by name; `made_s` is what ours took to make."""

    pair: str
    image_bytes: int
    delta_bytes: int
    made_s: float
    others: Mapping[str, int]

    @property
    def to_best(self) -> float:
        """Ours over the shortest of all others."""
        return self.delta_bytes / min(self.others.values())

    @property
    def to_heatshrink(self) -> float:
        """Ours over detools' with heatshrink, the one made for small devices."""
        return self.delta_bytes / self.others[HEATSHRINK]


def can_compare() -> bool:
    """Whether the group `compared` of pyproject.toml is installed: its compiled part may be missing."""
    return all(find_spec(name) for name in ("bsdiff4", "detools", "zstandard"))


def run(pairs: Iterable[ImagePair]) -> list[DeltaSizes]:
    """Our delta and all others' of each pair."""
    rows = []
    for pair in pairs:
        began = time.process_time()
        ours = len(make_delta(pair.base, pair.image))
        made_s = time.process_time() - began
        others = {name: len(make(pair.base, pair.image)) for name, make in OTHERS.items()}
        rows.append(DeltaSizes(pair.name, len(pair.image), ours, made_s, others))
    return rows


def _detools(base: bytes, image: bytes, compression: str) -> bytes:
    import detools  # noqa: PLC0415 not installed everywhere, see can_compare

    out = io.BytesIO()
    detools.create_patch(
        io.BytesIO(base), io.BytesIO(image), out, compression=compression, patch_type="sequential", algorithm="bsdiff"
    )
    return out.getvalue()


def _bsdiff4(base: bytes, image: bytes) -> bytes:
    import bsdiff4  # noqa: PLC0415

    return bytes(bsdiff4.diff(base, image))


def _bsdiff4_lzma(base: bytes, image: bytes) -> bytes:
    """bsdiff4's own three streams, packed together by LZMA in the place of bzip2."""
    from bsdiff4 import core  # noqa: PLC0415

    return lzma.compress(b"".join(core.diff(base, image)), lzma.FORMAT_RAW, filters=_LZMA)


def _zstd(base: bytes, image: bytes) -> bytes:
    """As `zstd --patch-from` does: the base is the dictionary."""
    import zstandard  # noqa: PLC0415

    settings = zstandard.ZstdCompressionParameters.from_level(
        _ZSTD_LEVEL, source_size=len(image), dict_size=len(base), window_log=_ZSTD_WINDOW_LOG, enable_ldm=True,
        write_checksum=False, write_content_size=False,
    )  # fmt: skip
    dictionary = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    return bytes(zstandard.ZstdCompressor(compression_params=settings, dict_data=dictionary).compress(image))


OTHERS: Mapping[str, Callable[[bytes, bytes], bytes]] = MappingProxyType(
    {
        "detools, lzma": lambda base, image: _detools(base, image, "lzma"),
        HEATSHRINK: lambda base, image: _detools(base, image, "heatshrink"),
        "detools, crle": lambda base, image: _detools(base, image, "crle"),
        "detools, zstd": lambda base, image: _detools(base, image, "zstd"),
        "bsdiff4": _bsdiff4,
        "bsdiff4, lzma": _bsdiff4_lzma,
        "zstd --patch-from": _zstd,
    }
)
