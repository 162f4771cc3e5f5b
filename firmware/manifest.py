"""What an image holds and what the boot stage holds; tools/release/build.py compiles and packs it."""

# Folders and files of a slot's ROMFS, relative to firmware/ or, for the wire, to the repository.
IMAGE = ("main.py", "adapter", "ports/__init__.py", "ports/{port}", "protocol/__init__.py", "protocol/wire")

# What the boot stage needs before any slot is mounted.
BOOT_ROM = (
    "boot.py",
    "adapter/__init__.py",
    "adapter/boot_record.py",
    "adapter/errors.py",
    "adapter/records.py",
    "adapter/slot_check.py",
    "ports/__init__.py",
    "ports/{port}/__init__.py",
    "ports/{port}/flash.py",
    "ports/{port}/pins.py",
    "protocol/__init__.py",
    "protocol/wire/__init__.py",
    "protocol/wire/boot_record.py",
    "protocol/wire/enumerations.py",
    "protocol/wire/errors.py",
    "protocol/wire/image.py",
    "protocol/wire/record.py",
)
