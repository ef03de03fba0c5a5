"""GPAW in a process of its own, as an ASE calculator (energies in eV, stress in eV/Å³).

GPAW is under the GPL and may need MPI, so nothing of it is imported: a client script runs under
the user's command and talks over a unix socket. The command must therefore start its first
process on the machine that calls it.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import uuid
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.socketio import SocketClosed, SocketIOCalculator
from ase.stress import full_3x3_to_voigt_6_stress
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from cuprolith.errors import CuprolithError
from workflows.engines.gpaw.settings import GpawSettings
from workflows.engines.gpaw.step_log import StepLog
from workflows.kpoints import structure_mesh
from workflows.labelling.document import NonFiniteLabelError

_CLIENT = Path(__file__).with_name("client.py")
_EXIT_SECONDS = 30
_LOG_TAIL = 5  # lines of the client's output shown in an error


class ScfNotConvergedError(NonFiniteLabelError):
    """The SCF loop reached its last step without converging."""


class GpawCalculator(Calculator):
    """Labels from a GPAW process that lives as long as the ``with`` block.

    The process starts with the first step that the log does not hold.

    Parameters
    ----------
    atoms
        Species and cell.
    parameters
        Arguments of GPAW's calculator.
    command
        Runs a Python script under GPAW.
    directory
        Where GPAW's files, the client's output and the step log go; made if missing.
    config_hash
        Fingerprint of the settings; steps logged under another one are not reused.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012

    def __init__(
        self,
        atoms: Atoms,
        parameters: dict[str, Any],
        *,
        command: str,
        directory: Path,
        config_hash: str,
    ) -> None:
        super().__init__()
        directory.mkdir(parents=True, exist_ok=True)
        header = {
            "config_hash": config_hash,
            "numbers": atoms.numbers.tolist(),
            "parameters": parameters,
        }
        self._steps = StepLog(directory / "steps.jsonl", header)
        self._process = _GpawProcess(atoms, parameters, shlex.split(command), directory)

    def __enter__(self) -> GpawCalculator:
        """Return itself; nothing is started yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process: at its ease, or at once after an error."""
        self._process.close(at_once=error is not None)

    @property
    def energies_sigma0(self) -> list[float]:
        """Energies extrapolated to zero smearing of all steps so far, eV."""
        return [labels["energy_sigma0"] for labels in self._steps.given()]

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Take the labels from the log or from GPAW.

        Raises
        ------
        ScfNotConvergedError
            If the SCF loop did not converge.
        CuprolithError
            If the process cannot be started, or died.
        """
        super().calculate(atoms, properties, system_changes)
        positions, cell = self.atoms.positions, self.atoms.cell.array
        labels = self._steps.recall(positions, cell)
        if labels is None:
            labels = self._process.labels(self.atoms)
            self._steps.append(positions, cell, labels)
        self.results = {
            "energy": labels["energy_sigma0"],
            "free_energy": labels["free_energy"],
            "forces": np.array(labels["forces"]),
            "stress": full_3x3_to_voigt_6_stress(np.array(labels["stress"])),
        }


def gpaw_calculator(
    structure: Structure,
    settings: GpawSettings,
    *,
    directory: Path,
    config_hash: str,
    use_symmetry: bool,
) -> GpawCalculator:
    """Make the calculator of one run, with the mesh that its cell asks for.

    Parameters
    ----------
    structure
        Start of the run. Where the cell changes later, the mesh stays.
    directory
        Of the run's files.
    use_symmetry
        Whether the structure's point group may reduce the k-points (see
        `GpawSettings.parameters`).
    """
    mesh = structure_mesh(structure, settings.kpoint_length)
    return GpawCalculator(
        AseAtomsAdaptor.get_atoms(structure, msonable=False),
        settings.parameters(mesh, use_symmetry=use_symmetry),
        command=settings.command,
        directory=directory,
        config_hash=config_hash,
    )


class _GpawProcess:
    """The client's process and the socket to it."""

    def __init__(
        self, atoms: Atoms, parameters: dict[str, Any], command: list[str], directory: Path
    ) -> None:
        self._directory = directory.resolve()
        self._argv = [*command, str(_CLIENT), "gpaw.json"]
        self._output = self._directory / "gpaw.out"
        self._popen: subprocess.Popen[bytes] | None = None
        socket = f"cuprolith-{uuid.uuid4().hex[:12]}"
        self._configuration = {
            "numbers": atoms.numbers.tolist(),
            "cell": atoms.cell.array.tolist(),
            "parameters": parameters,
            "socket": socket,
        }
        self._socket = SocketIOCalculator(unixsocket=socket, launch_client=self._launch)

    def labels(self, atoms: Atoms) -> dict[str, Any]:
        """Labels of one configuration as plain lists."""
        try:
            self._socket.calculate(atoms, system_changes=["positions"])
        except (SocketClosed, OSError) as error:
            raise self._failure() from error
        except AssertionError as error:  # ASE's way to say that a received array is not finite
            raise NonFiniteLabelError("GPAW returned NaN or infinity") from error
        results = self._socket.results
        extra = json.loads(results["morebytes"].tobytes())
        return {
            "free_energy": float(results["energy"]),
            "energy_sigma0": extra["energy_sigma0"],
            "forces": results["forces"].tolist(),
            "stress": _full_stress(results["stress"]),
        }

    def close(self, *, at_once: bool) -> None:
        """Close the socket, which ends the client; `at_once` does not wait for its last step."""
        if self._popen is not None and at_once:
            self._popen.terminate()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ASE's, of an exit status that is no news here
            self._socket.close()

    def _launch(
        self,
        _atoms: Atoms,
        _properties: Sequence[str] | None = None,
        **_address: Any,
    ) -> subprocess.Popen[bytes]:
        (self._directory / "gpaw.json").write_text(json.dumps(self._configuration, indent=1))
        with self._output.open("wb") as output:
            try:
                self._popen = subprocess.Popen(
                    self._argv,
                    cwd=self._directory,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            except OSError as error:
                raise _not_startable(self._argv[0], error) from error
        return self._popen

    def _failure(self) -> Exception:
        status = self._exit_status()  # before its output is read, so that all of it is there
        lines = self._output.read_text(errors="replace").strip().splitlines()
        tail = "\n  ".join(lines[-_LOG_TAIL:]) or "nothing"
        if lines and "ConvergenceError" in lines[-1]:
            return ScfNotConvergedError(f"GPAW's SCF did not converge ({lines[-1].strip()})")
        return CuprolithError(
            f"GPAW's process ended with status {status}; the last it said: {tail}",
            where=str(self._output),
            key="engine.gpaw.command",
            remedy="fix the cause (memory, wall time, a killed node; `cuprolith doctor` examines "
            "the installation), then rerun the same command: finished steps are kept",
        )

    def _exit_status(self) -> int:
        assert self._popen is not None
        try:
            return self._popen.wait(timeout=_EXIT_SECONDS)
        except subprocess.TimeoutExpired:  # MPI ranks may wait for the one that died
            self._popen.kill()
            return self._popen.wait()


def _not_startable(program: str, error: OSError) -> CuprolithError:
    return CuprolithError(
        f"GPAW's command cannot be started: {program}: {error.strerror or error}",
        key="engine.gpaw.command",
        remedy="install GPAW in an environment of its own (docs/how_to/gpaw.md) and give the full "
        "path of its `gpaw` program, e.g. `/opt/gpaw/bin/gpaw python`",
    )


def _full_stress(voigt: np.ndarray) -> list[list[float]]:
    xx, yy, zz, yz, xz, xy = (float(component) for component in voigt)
    return [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]
