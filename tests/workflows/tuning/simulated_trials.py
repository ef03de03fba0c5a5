"""Studies whose trials are simulated: two formulas in place of training and measuring.

Run as a script, one such study in a folder, slow enough to be killed.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from paper_samples import write_rmd17

from training.optimization.parameters import FloatParameter, IntParameter
from training.sources.rmd17 import RMD17SourceSettings
from training.tuning.settings import InferenceSettings, TuningSettings
from training.tuning.trial import CostEstimate, TrialAccuracy, TrialMeasurements
from training.variants.allegro import AllegroTraining
from workflows.tuning.request import StudyRequest
from workflows.tuning.study import begin_study
from workflows.tuning.trials import NequIPTrials

SPACE = {
    "model.r_max": FloatParameter(low=3.0, high=8.0),
    "learning_rate": FloatParameter(low=1e-4, high=1e-1, log=True),
    "model.num_layers": IntParameter(low=1, high=4),
}


@dataclass(frozen=True)
class SimulatedTrials(NequIPTrials):
    """Accuracy improves and inference slows with cutoff and depth; no model is trained.

    `fails_from` is the cutoff radius from which trainings fail; each step takes `seconds` and is
    noted as a line in `trace`.
    """

    fails_from: float = 100.0
    seconds: float = 0.0
    trace: str = ""

    def _note(self, what):
        time.sleep(self.seconds)
        if self.trace:
            with Path(self.trace).open("a") as stream:
                stream.write(f"{what}\n")

    def train(self, study, folder, number, parameters):
        self._note(f"train {number} {os.getpid()}")
        r_max, rate = parameters["model.r_max"], parameters["learning_rate"]
        if r_max >= self.fails_from:
            return TrialAccuracy(
                accuracy_name="forces_mae", max_epochs=2, failure="the loss is not finite"
            )
        mae = 0.3 / r_max / parameters["model.num_layers"] ** 0.5 + abs(rate - 0.01)
        return TrialAccuracy(
            accuracy=mae,
            accuracy_name="forces_mae",
            training_seconds=1.0,
            epochs=2,
            max_epochs=2,
        )

    def measure(self, study, folder, number, parameters):
        self._note(f"measure {number}")
        flops = 1e5 * parameters["model.num_layers"] * parameters["model.r_max"] ** 3
        cost = CostEstimate(flops_per_atom=flops, bytes_per_atom=10 * flops)
        return TrialMeasurements(cost=cost, peak_memory_bytes=int(flops))

    def with_stability(self, study, folder, number, measured):
        return measured


def tuning(generations=3, offspring=4, **settings):
    return TuningSettings(
        generations=generations,
        offspring=offspring,
        search_space=SPACE,
        inference=InferenceSettings(objective="flops"),
        **settings,
    )


def begun(root, settings=None, *, seed=3, training=None, warm_start=()):
    """Begin a study in ``<root>/study`` on simulated water; return its folder."""
    data = Path(root) / "data"
    if not data.exists():
        write_rmd17(data / "rmd17", "benzene")
    folder = Path(root) / "study"
    request = StudyRequest(
        name="simulated",
        dataset="benzene",
        seed=seed,
        data=RMD17SourceSettings(directory="rmd17", molecule="benzene", n_train=12, n_val=4),
        data_root=data,
        training=training or AllegroTraining(),
        tuning=settings or tuning(),
        folder=folder,
    )
    begin_study(request.study(tuple(warm_start)), folder)
    return folder


def main(root, seconds, workers):
    from simulated_trials import SimulatedTrials  # pickled by module, not as __main__

    from workflows.tuning.run import run_study

    folder = begun(root, tuning(generations=2, workers=int(workers)))
    trace = str(Path(root) / "trace.txt")
    trials = SimulatedTrials(fails_from=7.0, seconds=float(seconds), trace=trace)
    print(run_study(folder, trials))


if __name__ == "__main__":
    main(*sys.argv[1:])
