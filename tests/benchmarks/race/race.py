"""Train each peer for each budget and seed, and judge it; what is recorded is not done again."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cuprolith.hashes import file_sha256
from cuprolith.json_files import read_json_if_whole, write_json
from tests.benchmarks.race.commands import Peer, Task
from tests.benchmarks.race.processor_time import run_measured
from tests.benchmarks.race.record import RaceRecord, as_record, record_name

_JUDGE = Path(__file__).with_name("judge.py")
_REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True)
class Race:
    """A dataset, a folder of records, and the python of the peers' environment."""

    dataset: Path
    folder: Path
    peers_python: str

    def run(self, peers: Iterable[Peer], budgets: Iterable[float], seeds: Iterable[int]) -> None:
        """Run what has no record yet, one training at a time."""
        budgets, seeds, peers = list(budgets), list(seeds), list(peers)
        self.reference()
        for seed in seeds:
            for peer in peers:
                for budget in budgets if peer.counts else [0.0]:
                    record = self.one(peer, budget, seed)
                    errors = record.groups["all"]
                    print(
                        f"{record.name}: {record.seconds:.0f} s, {record.length} {record.counts}, "
                        f"{errors['force_mae']:.1f} meV/Å, {errors['energy_mae']:.1f} meV/atom",
                        flush=True,
                    )

    def one(self, peer: Peer, budget: float, seed: int) -> RaceRecord:
        """Return the record of one training; train and judge if there is none."""
        frames = file_sha256(self.dataset / "train.extxyz")
        name = record_name(peer.name, budget, seed)
        known = read_json_if_whole(self.folder / f"{name}.json")
        if isinstance(known, dict) and known.get("dataset") == frames:
            return RaceRecord.model_validate(known)
        length = self.length(peer, budget) if peer.counts else 0
        seconds, model = self._train(peer, length, seed)
        task = {
            "peer": peer.name,
            "budget": budget,
            "seed": seed,
            "seconds": seconds,
            "length": length,
            "counts": peer.counts,
            "dataset": frames,
        }
        record = as_record(task, self._judge(peer.kind, model, foreign=peer.foreign))
        record.write(self.folder)
        shutil.rmtree(self._scratch)
        return record

    def length(self, peer: Peer, budget: float) -> int:
        """Return the epochs or frames that take a budget, from two short trainings."""
        path = self.folder / f"trials-{peer.name}.json"
        trials = read_json_if_whole(path)
        if not isinstance(trials, list):
            trials = [[length, self._train(peer, length, 0)[0]] for length in peer.trial_lengths]
            write_json(path, trials)
        return length_for(budget, trials[0], trials[1])

    def reference(self) -> dict[str, float]:
        """Return the physics of the potential that made the labels."""
        path = self.folder / "reference.json"
        judged = read_json_if_whole(path)
        if not isinstance(judged, dict):
            judged = self._judge("diep", Path(), foreign=False)
            write_json(path, judged)
        found: dict[str, float] = judged["physics"]
        return found

    @property
    def _scratch(self) -> Path:
        return self.folder / "scratch"

    def _train(self, peer: Peer, length: int, seed: int) -> tuple[float, Path]:
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        task = Task(self.dataset.resolve(), self._scratch.resolve(), length, seed)
        command = peer.command(task, self.peers_python)
        seconds = run_measured(command, self._scratch, {"PYTHONPATH": str(_REPOSITORY)})
        model = self._scratch / peer.model.format(seed=seed)
        if not model.is_file():
            raise RuntimeError(f"{peer.name} left no {model}: see log.txt there")
        return seconds, model

    def _judge(self, kind: str, model: Path, *, foreign: bool) -> dict:
        python = self.peers_python if foreign else sys.executable
        folder = self._scratch / "judge"
        files = [str(path.resolve()) for path in (model, self.dataset / "test.extxyz")]
        out = folder.resolve() / "judged.json"
        environment = {} if foreign else {"PYTHONPATH": str(_REPOSITORY)}
        run_measured([python, str(_JUDGE), kind, *files, str(out)], folder, environment)
        judged: dict = json.loads(out.read_bytes())
        return judged


def length_for(budget: float, shorter: tuple[int, float], longer: tuple[int, float]) -> int:
    """Return the length that takes a budget, at least 1; the time is linear in the length.

    Parameters
    ----------
    budget
        Processor seconds.
    shorter, longer
        Lengths, and the processor seconds that they took.
    """
    slope = max(longer[1] - shorter[1], 1e-9) / (longer[0] - shorter[0])
    return max(1, int(shorter[0] + (budget - shorter[1]) / slope))
