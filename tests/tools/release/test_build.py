"""Images: reproducible, complete, bounded, and for the board they say."""

import platform
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from boards import catalogue
from protocol.wire.image import HEADER_BYTES, ImageHeader
from tests.conftest import RunMicroPython
from tools.release import build
from tools.release.build import REPOSITORY, BuildError, build_boot_rom, build_image

RUNS_X64 = "samples_viper" if platform.machine() == "x86_64" else "samples_plain"


def sources(folder: Path) -> Path:
    for name in ("firmware", "protocol"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_the_same_sources_give_the_same_bytes_from_any_folder_and_an_empty_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = build_image("simulated", "1.0.0", 1)
    monkeypatch.setattr(build, "_cache", lambda: tmp_path)
    assert build_image("simulated", "1.0.0", 1, source=sources(tmp_path / "copy")) == here


def test_what_was_made_of_the_same_sources_is_not_made_again_and_what_was_not_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_cache", lambda: tmp_path)
    root = sources(tmp_path / "copy")
    made = build.modules_of("simulated", root)
    compile_all = build._compiled
    monkeypatch.setattr(build, "_compiled", lambda *_: pytest.fail("made again"))
    assert build.modules_of("simulated", root) == made
    monkeypatch.setattr(build, "_compiled", compile_all)
    with (root / "firmware" / "adapter" / "lights.py").open("a") as source:
        source.write("ADDED = 1\n")
    changed = build.modules_of("simulated", root)
    assert {path for path in made if changed[path] != made[path]} == {"adapter/lights.mpy"}
    assert build.modules_of("simulated", root, readable=True) != changed


def test_the_header_says_what_was_asked_for() -> None:
    image = build_image("simulated", "2.1.0", 7, security_counter=3)
    header = ImageHeader.unpack(image)
    assert (header.board, header.version, header.release_counter, header.security_counter) == (
        "simulated",
        "2.1.0",
        7,
        3,
    )
    assert (header.revision_from, header.revision_to, header.abi) == (1, 4, 6)
    assert header.image_bytes == len(image)
    assert header.payload_sha256 == sha256(image[HEADER_BYTES:]).digest()


def test_the_image_mounts_and_holds_compiled_modules_only(micropython: RunMicroPython, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(build_image("simulated", "1.0.0", 1))
    script = """
import os, sys, vfs
image = open(sys.argv[1], "rb").read()
vfs.mount(vfs.VfsRom(memoryview(image)[256:]), "/rom")
def walk(path):
    for entry in os.ilistdir(path):
        inner = path + "/" + entry[0]
        if entry[1] == 0x4000:
            walk(inner)
        else:
            print(inner)
walk("/rom")
"""
    files = micropython(script, tmp_path / "image", heap="2M").split()
    assert all(name.endswith(".mpy") for name in files)
    assert {
        "/rom/main.mpy",
        "/rom/adapter/factory.mpy",
        "/rom/ports/unix/slots.mpy",
        "/rom/protocol/wire/link.mpy",
    } <= set(files)
    assert "/rom/boot.mpy" not in files


@pytest.mark.parametrize(("arch", "module"), [("x64", RUNS_X64), ("armv7m", "samples_plain")])
def test_machine_code_is_for_the_board_and_python_takes_its_place_elsewhere(
    micropython: RunMicroPython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arch: str, module: str
) -> None:
    board = build.catalogue.load("simulated").model_copy(update={"mpy_arch": arch})
    monkeypatch.setattr(build.catalogue, "load", lambda name: board)
    (tmp_path / "image").write_bytes(build_image("simulated", "1.0.0", 1))
    script = """
import sys, vfs
image = open(sys.argv[1], "rb").read()
vfs.mount(vfs.VfsRom(memoryview(image)[256:]), "/rom")
sys.path[:] = ["/rom", ".frozen"]
from adapter.media import samples
print([name for name in sys.modules if "samples_" in name])
"""
    assert micropython(script, tmp_path / "image", heap="1M") == f"['adapter.media.{module}']\n"


def test_a_module_that_does_not_compile_is_named(tmp_path: Path) -> None:
    root = sources(tmp_path)
    (root / "firmware" / "adapter" / "identity.py").write_text("def :\n")
    with pytest.raises(BuildError, match=r"adapter/identity\.py does not compile"):
        build_image("simulated", "1.0.0", 1, source=root)


def test_a_folder_without_firmware_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"manifest\.py"):
        build_image("simulated", "1.0.0", 1, source=tmp_path)


def test_a_security_counter_above_its_release_is_refused() -> None:
    with pytest.raises(BuildError, match="security counter 8 is above release counter 7"):
        build_image("simulated", "1.0.0", 7, security_counter=8)


def test_an_image_larger_than_a_slot_is_refused(tmp_path: Path) -> None:
    root = sources(tmp_path)
    (root / "firmware" / "adapter" / "ballast.py").write_text(f"BALLAST = {bytes(range(256)) * 3200!r}\n")
    with pytest.raises(BuildError, match="a slot of board simulated takes 786432"):
        build_image("simulated", "1.0.0", 1, source=root)


def test_the_boot_rom_is_made_once_and_holds_the_flash_map() -> None:
    folder = build_boot_rom("simulated")
    made_ns = folder.stat().st_mtime_ns
    assert build_boot_rom("simulated") == folder
    assert folder.stat().st_mtime_ns == made_ns
    assert {"boot.mpy", "flash_map.mpy"} <= {path.name for path in folder.iterdir()}


def test_private_constants_are_folded_and_nothing_else_changes(micropython: RunMicroPython, tmp_path: Path) -> None:
    folder = sources(tmp_path / "copy")
    (folder / "firmware" / "main.py").write_text(
        '"""A main."""\n_SIZE = 4 << 1  # why\n_TEXT = "é"\n_PAIR = (1, 2)\n_LOW, _HIGH = 1, "9"\nPUBLIC = 5\n'
        "\n\ndef show():\n"
        '    """Shows."""\n    _LOCAL = 3\n    return _SIZE, _TEXT, _PAIR, PUBLIC, _LOCAL, _LOW, _HIGH\n'
    )
    (tmp_path / "image").write_bytes(build_image("simulated", "1.0.0", 1, source=folder, readable=True))
    script = (
        "import sys, vfs\nimage = open(sys.argv[1], 'rb').read()\n"
        "vfs.mount(vfs.VfsRom(memoryview(image)[256:]), '/rom')\n"
        "sys.path[:] = ['/rom']\nimport main\nprint(main.show() == (8, '\\u00e9', (1, 2), 5, 3, 1, '9'))\n"
        "print(sorted([name for name in dir(main) if name[:2] != '__']))\n"
    )
    shown, names = micropython(script, tmp_path / "image", heap="2M").splitlines()
    assert shown == "True"
    assert eval(names) == ["PUBLIC", "_1", "show"]  # `_PAIR` is no literal: it stays, with a short name


@pytest.mark.parametrize("name", catalogue.names())
def test_every_boards_firmware_compiles_for_its_chip_and_fits_its_slot(name: str) -> None:
    board = catalogue.load(name)
    image = build_image(name, "1.0.0", 1)
    header = ImageHeader.unpack(image)
    assert header.board == name
    assert len(image) <= board.flash.partitions["slot_a"].bytes
    # Of machine code a .mpy holds its processor's (py/persistentcode.h): bits 2 to 5 of its third byte.
    processors = {data[2] >> 2 & 15 for data in build.modules_of(name).values()}
    assert processors == {0, {"x64": 2, "armv6m": 4, "xtensawin": 10}[board.mpy_arch]}


@pytest.mark.parametrize("name", catalogue.names())
def test_every_boards_boot_stage_fits_beside_the_runtime(name: str) -> None:
    folder = build_boot_rom(name)
    assert (folder / "board_config.mpy").exists() == (name != "simulated")
    assert sum(path.stat().st_size for path in folder.rglob("*.mpy")) < 32 * 1024


def test_an_image_too_large_for_the_boards_slot_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_romfs", lambda files: bytes(0x50000))
    assert build_image("wesp32", "1.0.0", 1)
    with pytest.raises(BuildError, match="a slot of board esp32-lan8720 takes 327680"):
        build_image("esp32-lan8720", "1.0.0", 1)
