"""A copy of the project in which every function of `fleet/domain` has its mutants beside it, asleep."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mutmut.mutation.file_mutation import MutatedFile

ROOT = Path(__file__).parent.parent.parent
PLACE = ROOT / ".soak" / "mutation"
MUTATED = Path("fleet/domain")
COPIED = ("boards", "firmware", "fleet", "protocol", "tests", "tools", "pyproject.toml")
MARK = "__mutmut_"


@dataclass(frozen=True, slots=True)
class Mutant:
    """`name` is mutmut's; `digest` that of the function as it is written now."""

    name: str
    digest: str

    @property
    def function(self) -> str:
        """The function it is a mutant of, by mutmut's name."""
        return self.name.rpartition(MARK)[0]


@dataclass(slots=True)
class Tree:
    """`place` holds the copy (`tree/`) and what was written for which source (`made.json`)."""

    place: Path = PLACE

    @property
    def folder(self) -> Path:
        return self.place / "tree"

    def prepare(self) -> list[Mutant]:
        """Brings the copy up to date, and writes mutants for the modules that have changed; all mutants by name."""
        self.place.mkdir(parents=True, exist_ok=True)
        self._copy()
        path = self.place / "made.json"
        before = json.loads(path.read_text()) if path.exists() else {}
        made = {}
        for source in sorted((ROOT / MUTATED).glob("*.py")):
            module = f"fleet.domain.{source.stem}"
            digest = hashlib.sha256(source.read_bytes()).hexdigest()
            written = self.place / f"{source.stem}.mutants"
            if before.get(module, {}).get("digest") == digest and written.exists():
                made[module] = before[module]
            else:
                file = mutate(source)
                written.write_text(file.code)
                made[module] = {"digest": digest, "mutants": dict(_named(module, file))}
            shutil.copy(written, self.folder / MUTATED / source.name)
        path.write_text(json.dumps(made, indent=1))
        return sorted(
            (Mutant(name, digest) for row in made.values() for name, digest in row["mutants"].items()),
            key=lambda mutant: mutant.name,
        )

    def _copy(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, self.folder / name)


def mutate(source: Path) -> MutatedFile:
    """A module with its mutants."""
    from mutmut.mutation.file_mutation import mutate_file_contents  # only soak installs it

    return mutate_file_contents(str(source.relative_to(ROOT)), source.read_text())


def _named(module: str, file: MutatedFile) -> Iterator[tuple[str, str]]:
    for name in file.mutant_names:
        yield f"{module}.{name}", file.hash_by_function_name[name.rpartition(MARK)[0]]
