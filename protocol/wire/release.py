"""How an image and its signed metadata are named, so that signer, fleet and unit name them alike.

Metadata (TUF, consistent snapshots), each file compact JSON of at most MAX_METADATA_BYTES:
`metadata/N.root.json`, `metadata/timestamp.json`, `metadata/N.snapshot.json`, `metadata/N.targets.json`,
and one delegated role a board, `metadata/N.board-BOARD.json`, followed by newer parts of it when that file is
full, `metadata/N.board-BOARD.2.json`. Targets delegates to the newest part first, and also to the role
`director`, which has no metadata file: its key signs `director/SERIAL.json` (the assignment).
A target BOARD_VERSION.img lies at `targets/SHA256.BOARD_VERSION.img`, and its `custom` holds
`target_facts` of its header. BOARD_VERSION_from_BASE.delta makes that image of the one of version BASE, and its
`custom` is {"base": SHA-256 of that image, hexadecimal}. An underscore can be neither in a board's name nor in a
version, so no pattern covers another's and no two releases share a delta's name.
"""

MAX_METADATA_BYTES = 8192
DIRECTOR_ROLE = "director"
DIRECTOR_PATHS = ["director/*"]  # matches no image
_BOARD_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"
_VERSION_CHARACTERS = _BOARD_CHARACTERS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ.+"


def role_of(board):
    """The delegated role that signs the images of `board`."""
    return "board-" + board


def paths_of(board):
    """The path patterns delegated to that role."""
    return [board + "_*.img", board + "_*.delta"]


def is_name(board, version):
    """Whether the two can be in a target's name."""
    if not board or not version:
        return False
    for character in board:
        if character not in _BOARD_CHARACTERS:
            return False
    for character in version:
        if character not in _VERSION_CHARACTERS:
            return False
    return True


def target_name(board, version):
    """The target's name of an image."""
    return board + "_" + version + ".img"


def delta_prefix(image_name):
    """How the names of all deltas to the image of that name begin."""
    return image_name[:-4] + "_from_"  # without .img


def delta_name(image_name, base_version):
    """The target's name of the delta that makes that image of its board's image of version `base_version`."""
    return delta_prefix(image_name) + base_version + ".delta"


def target_facts(header):
    """What a target's `custom` says of the image with that ImageHeader."""
    return {
        "abi": header.abi,
        "board": header.board,
        "data_schema": header.data_schema,
        "minimum_heap_bytes": header.minimum_heap_bytes,
        "release_counter": header.release_counter,
        "revisions": [header.revision_from, header.revision_to],
        "security_counter": header.security_counter,
        "version": header.version,
    }
