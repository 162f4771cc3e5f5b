"""`python -m tests.mutants`: what survived, as differences; `again` has the survivors judged once more.

After `make soak AREA=mutation`, which finds them. Names (or the beginning of names) narrow either down.
"""

from __future__ import annotations

import argparse
from difflib import unified_diff

from tests.mutants.judging import Verdicts
from tests.mutants.tree import ROOT, mutate


def difference(name: str) -> str:
    """What a mutant changes."""
    module, _, mutant = name.rpartition(".")
    file = mutate(ROOT / (module.replace(".", "/") + ".py"))
    lines = file.code.splitlines()
    original = mutant.rpartition("__mutmut_")[0] + "__mutmut_orig"
    texts = []
    for function in (original, mutant):
        span = file.line_span_by_function_name[function]
        texts.append([line.replace(function, "f") for line in lines[span.start - 1 : span.end]])
    return "\n".join(line for line in unified_diff(*texts, n=1, lineterm="") if not line.startswith(("---", "+++")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--again", action="store_true", help="judge the survivors once more first")
    parser.add_argument("names", nargs="*", help="the beginnings of names, like fleet.domain.term")
    arguments = parser.parse_args()
    verdicts = Verdicts.load()
    names = [name for name in verdicts.survivors() if name.startswith(tuple(arguments.names) or "")]
    if arguments.again:
        verdicts.judge(names)
        names = [name for name in verdicts.survivors() if name in names]
    for name in names:
        print(f"{name} ({verdicts.known[name][0]})\n{difference(name)}\n")
    print(f"{len(names)} of {len(verdicts.mutants)}; {verdicts.score_percent():.1f} % of those judged are killed")


if __name__ == "__main__":
    main()
