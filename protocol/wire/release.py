"""How an image and its signed metadata are named, so that signer, fleet and unit name them alike.

Metadata (TUF, consistent snapshots), each file compact JSON of at most MAX_METADATA_BYTES:
`metadata/N.root.json`, `metadata/timestamp.json`, `metadata/N.snapshot.json`, `metadata/N.targets.json`,
and one delegated role a board, `metadata/N.board-BOARD.json`. Targets delegates also to the role
`director`, which has no metadata file: its key signs `director/SERIAL.json` (the assignment).
A target BOARD_VERSION.img lies at `targets/SHA256.BOARD_VERSION.img`, and its `custom` holds
`target_facts` of its header. An underscore cannot be in a board's name, so no pattern covers another's.
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
    return [board + "_*.img"]


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
