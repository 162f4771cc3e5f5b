"""The flash map as the boot ROM reads it: a generated module named `flash_map`."""

from boards.schema import Board


def flash_map_source(board: Board) -> str:
    """Source text of the module that tells the boot stage of `board` where its partitions lie."""
    lines = [
        f'"""Flash map of board {board.name}; generated from boards/{board.name}.toml."""',
        "",
        f"FLASH_BYTES = {board.flash.bytes}",
        f"BLOCK_BYTES = {board.flash.block_bytes}",
        "PARTITIONS = {",
    ]
    for name, partition in sorted(board.flash.partitions.items(), key=lambda item: item[1].offset):
        lines.append(f"    {name!r}: ({partition.offset}, {partition.bytes}),")
    return "\n".join([*lines, "}", ""])
