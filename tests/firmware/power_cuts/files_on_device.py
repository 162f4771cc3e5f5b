"""Runs under MicroPython: the real MetadataFiles on MicroPython's own littlefs, cut at every byte of every program.

Input, a line of JSON: `seed`, `blocks` of the partition, `share`, one in how many cut points is looked at, and
`broken`, to store wrongly.
Output: a line for each fault, then the number of operations and of cut points. After a cut each file reads as before
or after the step that was cut, what other steps stored is untouched, and the store takes the next file.
"""

import json
import random
import sys

import vfs

from ports.unix.metadata_files import MetadataFiles

BLOCK_BYTES = 4096
NAMES = ("root.json", "timestamp.json", "snapshot.json", "targets.json", "board-simulated.json")
STEPS = 14
ERASE_PLACES = (1, 255, 256, 2048, 4095)


class MemoryPartition:
    """Flash in memory that remembers each operation and what it was done to."""

    def __init__(self, data):
        self.data = data
        self.size = len(data)
        self.block_bytes = BLOCK_BYTES
        self.log = None

    def readinto(self, offset, buffer):
        buffer[:] = self.data[offset : offset + len(buffer)]

    def program(self, offset, data):
        data = bytes(data)
        self._note(offset, data)
        old = int.from_bytes(self.data[offset : offset + len(data)], "big")
        new = int.from_bytes(data, "big")
        if old & new != new:
            raise OSError("program sets bits")
        self.data[offset : offset + len(data)] = data

    def erase(self, offset, length):
        self._note(offset, None)
        self.data[offset : offset + length] = b"\xff" * length

    def _note(self, offset, data):
        if self.log is not None:
            self.log.append((offset, data))


def opened(partition):
    """The files as a start of the unit finds them."""
    try:  # noqa: SIM105 MicroPython has no contextlib
        vfs.umount("/data")
    except OSError:
        pass
    return MetadataFiles(partition)


def contents(files):
    """All of them, by name."""
    return {name: files.get(name) for name in NAMES}


def steps(chance):
    """What a unit does to its files: each (name, data), data None to delete."""
    for name in NAMES:
        yield name, bytes([chance.getrandbits(8) for _ in range(200)]) * chance.randint(1, 20)
    for _ in range(STEPS):
        name = NAMES[chance.randrange(len(NAMES))]
        data = bytes([chance.getrandbits(8) for _ in range(100)]) * chance.randint(1, 40)
        yield name, None if chance.random() < 0.2 else data


def done(files, step):
    """Does the step."""
    name, data = step
    if data is None:
        files.delete(name)
    else:
        files.put(name, data)


def recorded(blocks):
    """[(step, files before, files after, flash before, [(offset, data)])] of all steps."""
    partition = MemoryPartition(bytearray(b"\xff" * (blocks * BLOCK_BYTES)))
    files = opened(partition)
    found = []
    for step in steps(random):
        before = contents(files)
        flash = bytes(partition.data)
        partition.log = log = []
        done(files, step)
        partition.log = None
        found.append((step, before, contents(files), flash, log))
    return found


def cuts(flash, log, share):
    """Yields (what was cut, the flash it leaves)."""
    data = bytearray(flash)
    for offset, new in log:
        old = bytes(data[offset : offset + (BLOCK_BYTES if new is None else len(new))])
        for at in ERASE_PLACES if new is None else range(len(new)):
            if random.randrange(share):
                continue
            cut = bytearray(data)
            if new is None:
                cut[offset : offset + at] = b"\xff" * at
            else:
                cut[offset : offset + at] = new[:at]
                cut[offset + at] = old[at] & (new[at] | random.getrandbits(8))
            yield f"{at} bytes of {'an erase' if new is None else 'a program'} at {offset}", cut
        data[offset : offset + len(old)] = b"\xff" * len(old) if new is None else new


def check(step, before, after, cut):
    """What is wrong after the cut, or None; the step is done again, as a unit would."""
    partition = MemoryPartition(cut)
    found = contents(opened(partition))
    for name in NAMES:
        if found[name] != before[name] and (name != step[0] or found[name] != after[name]):
            return f"{name} is torn"
    done(opened(partition), step)
    if contents(opened(partition)) != after:
        return f"{step[0]} could not be stored again"
    return None


def put_after_delete(self, name, data):
    """How not to do it, for the sweep to find."""
    self.delete(name)
    with open("/data/" + name, "wb") as file:  # noqa: PTH123 nor pathlib
        file.write(data)


def main():
    """Prints the faults and the counts."""
    wanted = json.loads(sys.stdin.readline())
    random.seed(wanted["seed"])
    if wanted["broken"]:
        MetadataFiles.put = put_after_delete
    operations = points = 0
    for step, before, after, flash, log in recorded(wanted["blocks"]):
        operations += len(log)
        for what, cut in cuts(flash, log, wanted["share"]):
            points += 1
            fault = check(step, before, after, cut)
            if fault:
                print(f"{what}: {fault}")
    print(operations, points)


if __name__ == "__main__":
    main()
