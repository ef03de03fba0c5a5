"""What is kept of a fitted kernel model: ``kernel_baseline.json``."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from analysis.evaluation import Errors
from cuprolith.hashes import sha256
from cuprolith.json_files import write_atomically

KERNEL_BASELINE_FILE = "kernel_baseline.json"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class KernelErrors(_Record):
    """Errors of the kernel model on a group of frames, as in `analysis.evaluation.GroupErrors`."""

    n_frames: int
    n_atoms: int
    energy: Errors
    forces: Errors


class KernelSplit(_Record):
    """Errors on one split: all frames that were predicted, and each family.

    Attributes
    ----------
    n_frames_in_split
        More than `overall.n_frames` if only some were predicted.
    """

    n_frames_in_split: int
    overall: KernelErrors
    families: dict[str, KernelErrors]


class KernelFit(_Record):
    """How the model was fitted.

    Attributes
    ----------
    n_train_frames, n_train_frames_in_split
        Frames it was fitted to, and all that there are.
    n_sparse
        Sparse environments, by chemical symbol of the centre.
    r_max
        Cutoff radius, Å.
    ridge
        Chosen on the validation split, (eV/Å)².
    seed
        Of the choice of frames and environments.
    seconds
        Processor time of the fit, with the choice of the ridge.
    milliseconds_per_atom
        Processor time of a prediction of energy and forces.
    """

    n_train_frames: int
    n_train_frames_in_split: int
    n_sparse: dict[str, int]
    r_max: float
    ridge: float
    seed: int
    seconds: float
    milliseconds_per_atom: float


class KernelBaseline(_Record):
    """Result of a fit.

    Attributes
    ----------
    made_from
        Hashes of the splits, and the settings: another one means another fit.
    seal
        Hash of all the rest, in the file; by it a changed byte is seen.
    fit
        None if there is none.
    splits
        Errors on val and test.
    note
        Why there is no fit; "" if there is one.
    """

    made_from: dict[str, str]
    fit: KernelFit | None = None
    splits: dict[str, KernelSplit] = {}
    note: str = ""
    seal: str = ""

    def sealed(self) -> KernelBaseline:
        """Return a copy with its seal."""
        bare = self.model_copy(update={"seal": ""})
        return bare.model_copy(update={"seal": sha256(bare.model_dump_json())})

    def write(self, path: Path) -> None:
        """Write as JSON, atomically."""
        write_atomically(path, [self.sealed().model_dump_json(indent=1), "\n"])


def read_kernel_baseline(path: Path) -> KernelBaseline:
    """Read what `KernelBaseline.write` wrote.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it holds something else.
    """
    try:
        baseline = KernelBaseline.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{path} is not the record of a kernel model: delete it") from error
    if baseline != baseline.sealed():
        raise ValueError(f"{path} was changed after it was written: delete it")
    return baseline
