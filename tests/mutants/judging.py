"""The verdicts over all mutants, kept in a file, and the runs that add to them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.mutants.tree import PLACE, ROOT, Mutant, Tree

TESTS = ("tests/fleet/domain", "--ignore=tests/fleet/domain/equipment_model")
JUDGED = ("fleet/domain", "tests/fleet/domain", "tests/equipment_oracle")
PLUGINS = ("-p", "_hypothesis_pytestplugin", "-p", "tests.mutants.plugin", "-p", "no:cacheprovider", "-q")
KILLED = ("killed", "timeout")


class MutationRunError(Exception):
    """The tests did not run: they fail without a mutant, or cannot be collected."""


@dataclass(slots=True)
class Verdicts:
    """What became of each mutant, as far as it is known; a function that has changed is judged again."""

    place: Path = PLACE
    mutants: list[Mutant] = field(default_factory=list)
    known: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def load(cls, place: Path = PLACE) -> Verdicts:
        """The mutants of the sources as they are, and the verdicts that still hold."""
        mutants = Tree(place).prepare()
        digests = {mutant.name: mutant.digest for mutant in mutants}
        path = place / "verdicts.json"
        rows: dict[str, list[str]] = json.loads(path.read_text()) if path.exists() else {}
        known = {n: (verdict, digest) for n, (verdict, digest) in rows.items() if digests.get(n) == digest}
        return cls(place, mutants, known)

    def judge(self, names: Iterable[str]) -> int:
        """Runs the tests against some mutants and keeps the verdicts; how many. Raises MutationRunError."""
        lines = self.place / "verdicts.jsonl"
        lines.unlink(missing_ok=True)
        (self.place / "asked.json").write_text(json.dumps({"key": tests_key(), "mutants": list(names)}))
        command = [sys.executable, "-m", "pytest", *PLUGINS, *TESTS]
        environment = {**os.environ, "MUTANTS": str(self.place), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = subprocess.run(
            command, cwd=self.place / "tree", env=environment, capture_output=True, text=True, check=False
        )
        digests = {mutant.name: mutant.digest for mutant in self.mutants}
        new = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
        self.known |= {name: (verdict, digests[name]) for name, verdict in new}
        (self.place / "verdicts.json").write_text(json.dumps(self.known, indent=0, sort_keys=True))
        if done.returncode:
            raise MutationRunError(done.stdout[-2000:] + done.stderr[-2000:])
        return len(new)

    def counts(self) -> Mapping[str, int]:
        """How many mutants there are, and how many of each verdict."""
        verdicts = Counter(verdict.replace(" ", "_") for verdict, _ in self.known.values())
        return {"mutants": len(self.mutants), **verdicts}

    def survivors(self) -> list[str]:
        """The mutants no test fails for."""
        return sorted(name for name, (verdict, _) in self.known.items() if verdict not in KILLED)

    def score_percent(self) -> float:
        """Of the mutants judged so far, how many were killed."""
        return 100 * (1 - len(self.survivors()) / len(self.known)) if self.known else 0.0


def tests_key() -> str:
    """A digest of the sources and tests that decide which test reaches which function."""
    digest = hashlib.sha256()
    for folder in JUDGED:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()
