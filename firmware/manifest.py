"""What an image holds and what the boot stage holds; tools/release/build.py compiles and packs it."""

# A port is its folder of ports/ laid over these, the later over the earlier: a module of the same name takes the
# other's place. So every port shares what knows no hardware, and real chips share what MicroPython makes alike.
LAYERS = {"unix": ("unix",), "esp32": ("unix", "hardware", "esp32"), "rp2": ("unix", "hardware", "rp2")}

# Folders and files of a slot's ROMFS, relative to firmware/ or, for the wire, to the repository.
IMAGE = (
    "main.py", "factory_mode.py", "adapter", "ports/__init__.py", "ports/{port}", "protocol/__init__.py",
    "protocol/wire",
)  # fmt: skip

# What the boot stage needs before any slot is mounted.
BOOT_ROM = (
    "boot.py",
    "adapter/__init__.py",
    "adapter/boot_record.py",
    "adapter/errors.py",
    "adapter/factory_reset.py",
    "adapter/identity.py",
    "adapter/records.py",
    "adapter/reset_wish.py",
    "adapter/slot_check.py",
    "ports/__init__.py",
    "ports/{port}/__init__.py",
    "ports/{port}/chip.py",
    "ports/{port}/flash.py",
    "ports/{port}/pins.py",
    "protocol/__init__.py",
    "protocol/wire/__init__.py",
    "protocol/wire/boot_record.py",
    "protocol/wire/enumerations.py",
    "protocol/wire/errors.py",
    "protocol/wire/image.py",
    "protocol/wire/mac.py",
    "protocol/wire/record.py",
)

# What it needs besides where it is frozen into a real chip's runtime, which drives the light itself.
HARDWARE_BOOT_ROM = ("adapter/light_guide.py", "adapter/lights.py", "ports/{port}/block_flash.py")
