"""Make bad input, give it to the commands, and say what was not refused as it should be.

python tests/bad_input/run_bad_input.py --cases 2000 --seed 7
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
# ruff: noqa: E402  (the modules lie there)

import bad_input_commands
import bad_input_crystals
import bad_input_yaml
from bad_input_cases import Case
from bad_input_trial import Outcome, run, warm_up

# Of every ten cases.
_SHARES = ((bad_input_yaml.cases, 6), (bad_input_crystals.cases, 2), (bad_input_commands.cases, 2))


def all_cases(seed: int) -> Iterator[Case]:
    """Yield cases without end, the same ones for the same seed."""
    sources = [(make(random.Random(f"{seed}-{i}")), n) for i, (make, n) in enumerate(_SHARES)]
    while True:
        for source, share in sources:
            yield from islice(source, share)


def main() -> int:
    """Run, print counts by kind, and return 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="kinds that match this regular expression")
    parser.add_argument("--show", type=int, default=0, help="outputs to print of all cases")
    given = parser.parse_args()
    warm_up()
    counts: Counter[tuple[str, str]] = Counter()
    faults: list[tuple[int, Case, Outcome]] = []
    slowest = 0.0
    with tempfile.TemporaryDirectory(prefix="bad-input-") as place:
        folder = Path(place) / "cases"
        folder.mkdir()
        for number, case in enumerate(islice(all_cases(given.seed), given.cases)):
            if not re.search(given.only, case.kind):
                continue
            outcome = run(case, folder / str(number))
            shutil.rmtree(folder / str(number))
            kind = case.kind.partition(":")[0]
            ended = outcome.fault or ("accepted" if outcome.code == 0 else "refused")
            counts[kind, ended.partition(":")[0]] += 1
            slowest = max(slowest, outcome.seconds)
            if given.show > number:
                print(f"-- {case.kind} [{ended}]\n{outcome.output}")
            if outcome.fault:
                faults.append((number, case, outcome))
    for number, case, outcome in faults:
        command = " ".join(map(repr, case.arguments))
        print(
            f"== case {number}, {case.kind}: {outcome.fault}\n{command}\n{outcome.output[-1500:]}"
        )
    for (kind, ended), count in sorted(counts.items()):
        print(f"{kind:20} {ended:25} {count:6}")
    print(f"{sum(counts.values())} cases, {len(faults)} faults; the slowest took {slowest:.1f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
