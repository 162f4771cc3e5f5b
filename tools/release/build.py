"""An image is compiled modules in a ROMFS behind a header; the same sources give the same bytes.

The lists of what goes in stand in firmware/manifest.py. Under build/ each compiled module is kept by the hash of its
source, and all of an image by the hash of all it is made of, so that nothing is done twice.
"""

import ast
import io
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Final
from zipfile import ZipFile

from mpremote.romfs import VfsRomWriter  # type: ignore[import-untyped]

from boards import catalogue
from boards.board_config import board_config_source
from boards.flash_map import flash_map_source
from boards.schema import Board
from protocol.wire.boot_record import BootRecord
from protocol.wire.image import ImageHeader
from protocol.wire.record import pack_header
from tools.release.device_source import for_device, keywords
from tools.release.public_names import short_names, with_short_names

REPOSITORY = Path(__file__).resolve().parents[2]
DATA_SCHEMA = 2
# Heap an image needs, not counting the slot that a board maps; a unit with less refuses it. Measured on the simulated
# board with its line registered, by which the others' heap is reckoned (Board.heap_needed_bytes): a whole update
# works from 219 KB on, one by a delta from 221 KB, the collector's own 4 KB counted (docs/updates.md says how).
MINIMUM_HEAP_BYTES = 217 * 1024
MPY_CROSS_TIMEOUT_S = 60
HOST_PORT: Final = "unix"  # the simulated board's
_NO_IMAGE = (0, bytes(32))


class BuildError(Exception):
    """An image that cannot be built: what is missing or does not compile."""


def build_image(
    board: str,
    version: str,
    release_counter: int,
    *,
    security_counter: int = 0,
    source: Path | None = None,
    readable: bool = False,
) -> bytes:
    """The image (header and payload) of `board`.

    `source` is the folder that holds `firmware/` and `protocol/`; without it, this repository. `readable` leaves
    public names as they are, for a test whose own script speaks to the modules.
    """
    if security_counter > release_counter:
        raise BuildError(
            f"security counter {security_counter} is above release counter {release_counter}: a unit would refuse the "
            "image, for once confirmed it would lock itself out"
        )
    facts = catalogue.load(board)
    payload = _romfs(modules_of(board, source, readable))
    slot = facts.flash.partitions["slot_a"].bytes
    header = ImageHeader(
        board=board,
        revision_from=facts.hardware_revisions[0],
        revision_to=facts.hardware_revisions[1],
        abi=facts.mpy_abi,
        release_counter=release_counter,
        security_counter=security_counter,
        data_schema=DATA_SCHEMA,
        minimum_heap_bytes=facts.heap_needed_bytes(MINIMUM_HEAP_BYTES),
        version=version,
    )
    image = bytes(header.pack(payload)) + payload
    if len(image) > slot:
        raise BuildError(f"the image has {len(image)} bytes, a slot of board {board} takes {slot}")
    return image


def modules_of(board: str, source: Path | None = None, readable: bool = False) -> dict[str, bytes]:
    """The compiled modules of that board's image, by their path on the device."""
    root, facts = source or REPOSITORY, catalogue.load(board)
    what = "readable image" if readable else "image"
    return _kept(facts, root, what, lambda: _image_modules(facts, root, readable))


def _image_modules(board: Board, root: Path, readable: bool) -> dict[str, bytes]:
    sources = sources_of(board, root, "IMAGE")
    if not readable:
        try:
            short = short_names(sources, _names_kept(board, root))
        except SyntaxError:
            short = {}  # the compiler will say it better
        except ValueError as error:
            raise BuildError(str(error)) from error
        sources = {path: with_short_names(data, short) for path, data in sources.items()}
    return _compiled(board, root, sources)


def build_boot_rom(board: str) -> Path:
    """The folder of compiled modules that the chip starts as `boot`; made once per content."""
    facts = catalogue.load(board)
    files = _kept(facts, REPOSITORY, "boot", lambda: _boot_modules(facts))
    digest = sha256()
    for path, data in sorted(files.items()):
        digest.update(f"{path} {len(data)} ".encode() + data)
    folder = _cache() / f"boot-{board}-{digest.hexdigest()[:16]}"
    if not folder.exists():
        _write_folder(folder, files)
    return folder


def _boot_modules(board: Board) -> dict[str, bytes]:
    files = _compiled(board, REPOSITORY, sources_of(board, REPOSITORY, "BOOT_ROM"))
    for name, source in generated(board).items():
        files[name.removesuffix(".py") + ".mpy"] = _compile(board, name, source)
    return files


def initial_boot_record(image: bytes) -> bytes:
    """What a station writes to the start of a bare board's boot_record partition, `image` being in slot A."""
    payload: bytes = BootRecord(confirmed=0, slots=((len(image), sha256(image).digest()), _NO_IMAGE)).pack()
    return bytes(pack_header(1, payload)) + payload


def generated(board: Board) -> dict[str, bytes]:
    """The sources that the boot stage has from the board file."""
    sources = {"flash_map.py": flash_map_source(board).encode()}
    if board.port != HOST_PORT:
        sources["board_config.py"] = board_config_source(board).encode()
    return sources


def boot_sources(board: Board) -> dict[str, bytes]:
    """The boot stage's sources as they are frozen into a real chip's runtime, by their path on the device."""
    named = _keywords(REPOSITORY)
    sources = {name: for_device(source, named) for name, source in sources_of(board, REPOSITORY, "BOOT_ROM").items()}
    return sources | generated(board)


def sources_of(board: Board, root: Path, name: str) -> dict[str, bytes]:
    """The sources of the board's list `name` of firmware/manifest.py (IMAGE, BOOT_ROM), by their path on the device.

    An image's folders are walked, and packages of a docstring only are left out; the boot stage has what is named.
    """
    manifest = _manifest(root)
    entries = manifest[name]
    if name == "BOOT_ROM" and board.port != HOST_PORT:
        entries += manifest["HARDWARE_BOOT_ROM"]
    layers = manifest["LAYERS"].get(board.port)
    if layers is None:
        raise BuildError(f"no port {board.port} for board {board.name}; known: {', '.join(manifest['LAYERS'])}")
    found: dict[str, bytes] = {}
    for entry in entries:
        for module, path in _layered(root, entry, board.port, layers):
            source = path.read_bytes()
            if name == "IMAGE" and path.name == "__init__.py" and _holds_nothing(source):
                continue
            found[module] = _in_port(source, board.port, layers)
    return found


def _manifest(root: Path) -> dict[str, Any]:
    path = root / "firmware" / "manifest.py"
    if not path.is_file():
        raise BuildError(f"no {path}; the source of an image holds firmware/ and protocol/")
    # Past sources, which deltas are measured on, had one port and no layers.
    return {"LAYERS": {HOST_PORT: (HOST_PORT,)}} | runpy.run_path(str(path))


def _layered(root: Path, entry: str, port: str, layers: Sequence[str]) -> list[tuple[str, Path]]:
    """(path on the device, file) of every module of a manifest's entry; of a port's, each from its topmost layer."""
    if "{port}" not in entry:
        base, path = _find(root, entry)
        return [(module.relative_to(base).as_posix(), module) for module in _modules(path)]
    found: dict[str, Path] = {}
    for layer in layers:
        folder = root / "firmware" / "ports" / layer
        path = root / "firmware" / entry.format(port=layer)
        for module in _modules(path) if path.exists() else ():
            found[f"ports/{port}/{module.relative_to(folder).as_posix()}"] = module
    if not found:
        raise BuildError(f"firmware/manifest.py names {entry}, which is in none of ports/{', ports/'.join(layers)}")
    return sorted(found.items())


def _in_port(source: bytes, port: str, layers: Sequence[str]) -> bytes:
    """`source` with the port's own package in the place of those it is laid over."""
    for layer in layers:
        source = source.replace(f"ports.{layer}".encode(), f"ports.{port}".encode())
    return source


def _names_kept(board: Board, root: Path) -> list[bytes]:
    """The sources whose names keep what they are called: the boot stage's, whose objects live on in the image.

    On a real chip also those that speak to its hardware, whose names the runtime here does not know.
    """
    kept = list(sources_of(board, root, "BOOT_ROM").values())
    for layer in _manifest(root)["LAYERS"][board.port]:
        if layer != HOST_PORT:
            kept += [module.read_bytes() for module in _modules(root / "firmware" / "ports" / layer)]
    return kept


def _compiled(board: Board, root: Path, sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Compiled modules by their path on the device."""
    named = _keywords(root)
    return {
        name.removesuffix(".py") + ".mpy": _compile(board, name, for_device(source, named))
        for name, source in sources.items()
    }


def _find(root: Path, entry: str) -> tuple[Path, Path]:
    """The source root and path of a manifest's entry."""
    base = root if entry.startswith("protocol/") else root / "firmware"
    path = base / entry
    if not path.exists():
        raise BuildError(f"firmware/manifest.py names {entry}, which is not in {base}")
    return base, path


def _modules(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    yield from sorted(path.rglob("*.py"))


def _keywords(root: Path) -> frozenset[str]:
    """The names by which any module of the device hands over arguments; boot's objects live on in the image."""
    folders = (root / "firmware", root / "protocol" / "wire")
    return keywords(module.read_bytes() for folder in folders for module in _modules(folder))


def _holds_nothing(source: bytes) -> bool:
    """A package's `__init__` of a docstring only: the device needs none, and a loaded module costs heap."""
    return all(isinstance(node, ast.Expr) for node in _statements(source))


def _statements(source: bytes) -> list[ast.stmt]:
    """The module's statements; none of what is no Python, which the compiler will say better."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []


def _compile(board: Board, name: str, source: bytes) -> bytes:
    """The .mpy of the module at path `name`. Tracebacks show its dotted name: a text that the heap holds anyway."""
    dotted = name.removesuffix(".py").replace("/", ".")
    key = sha256(f"{_compiler_version()} {board.mpy_arch} {dotted}\n".encode() + source).hexdigest()
    cached = _cache() / f"{key}.mpy"
    if not cached.exists():
        with tempfile.TemporaryDirectory() as folder:
            written, out = Path(folder, "module.py"), Path(folder, "module.mpy")
            written.write_bytes(source)
            done = subprocess.run(
                [_mpy_cross(), f"-march={board.mpy_arch}", "-s", dotted, "-o", str(out), str(written)],
                capture_output=True, timeout=MPY_CROSS_TIMEOUT_S, check=False,
            )  # fmt: skip
            if done.returncode:
                raise BuildError(f"{name} does not compile:\n{done.stderr.decode(errors='replace')}")
            _write_atomically(cached, out.read_bytes())
    compiled = cached.read_bytes()
    if compiled[1] != board.mpy_abi:
        raise BuildError(f"mpy-cross writes .mpy ABI {compiled[1]}, board {board.name} runs {board.mpy_abi}")
    return compiled


@cache
def _compiler_version() -> str:
    return subprocess.run(
        [_mpy_cross(), "--version"], capture_output=True, timeout=MPY_CROSS_TIMEOUT_S, check=True, text=True
    ).stdout.strip()


def _mpy_cross() -> str:
    beside = Path(sys.executable).parent / "mpy-cross"
    return str(beside) if beside.exists() else "mpy-cross"


def _romfs(files: dict[str, bytes]) -> bytes:
    writer = VfsRomWriter()
    _write_romfs(writer, PurePosixPath(), files)
    return bytes(writer.finalise())


def _write_romfs(writer: VfsRomWriter, folder: PurePosixPath, files: dict[str, bytes]) -> None:
    inside = sorted(path for path in map(PurePosixPath, files) if folder in path.parents)
    for child in dict.fromkeys(path.relative_to(folder).parts[0] for path in inside):
        path = folder / child
        if str(path) in files:
            writer.mkfile(child, files[str(path)])
        else:
            writer.opendir(child)
            _write_romfs(writer, path, files)
            writer.closedir()


def _cache() -> Path:
    folder = REPOSITORY / "build" / "firmware"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _kept(board: Board, root: Path, what: str, make: Callable[[], dict[str, bytes]]) -> dict[str, bytes]:
    """What `make` returns, from the cache if it was made of the same sources, by the same tools, for the same board."""
    digest = sha256(f"{what}\n{_compiler_version()}\n{board.model_dump_json()}\n".encode())
    tools = sorted(Path(__file__).parent.glob("*.py"))
    for path in (*tools, *_modules(root / "firmware"), *_modules(root / "protocol")):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(REPOSITORY if path in tools else root)} {len(data)}\n".encode() + data)
    kept = _cache() / f"{digest.hexdigest()}.zip"
    if kept.exists():
        with ZipFile(kept) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    files = make()
    packed = io.BytesIO()
    with ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    _write_atomically(kept, packed.getvalue())
    return files


def _write_folder(folder: Path, files: dict[str, bytes]) -> None:
    """All or nothing: another process may build the same folder at the same time."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as parent:
        fresh = Path(parent, "rom")
        for name, data in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.exists():
                raise


def _write_atomically(path: Path, data: bytes) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_bytes(data)
    fresh.replace(path)
