"""``python -m tests.benchmarks.race DATASET --records FOLDER --peers-python PYTHON``."""

import argparse
from pathlib import Path

from tests.benchmarks.race.commands import PEERS
from tests.benchmarks.race.race import Race
from tests.benchmarks.race.record import read_records
from tests.benchmarks.race.table import tables


def main() -> None:
    """Run what has no record yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path, help="folder with dataset.json")
    parser.add_argument("--records", type=Path, required=True, help="folder of the results")
    parser.add_argument("--peers-python", default="", help="python of the peers' environment")
    parser.add_argument("--peer", action="append", choices=PEERS, help="default: all")
    parser.add_argument("--budget", action="append", type=float, help="default: 90 and 240 s")
    parser.add_argument("--seed", action="append", type=int, help="default: 1, 2 and 3")
    given = parser.parse_args()
    race = Race(given.dataset, given.records, given.peers_python)
    peers = [PEERS[name] for name in given.peer or PEERS]
    race.run(peers, given.budget or (90.0, 240.0), given.seed or (1, 2, 3))
    print(tables(read_records(given.records), race.reference()))


if __name__ == "__main__":
    main()
