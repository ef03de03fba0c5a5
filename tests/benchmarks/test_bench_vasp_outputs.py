"""Reading AIMD outputs: against pymatgen and ASE in the same run, memory, and whole collections.

``pytest tests/benchmarks/test_bench_vasp_outputs.py --benchmark-enable`` measures 1,000 steps of
100 atoms, time with pytest-benchmark and peak memory in a process of its own; without the option
the same code runs once on few steps.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import ase.io
import pytest
from fresh_process import printed_number

from workflows.engines.vasp.collect_outputs import collect_outputs
from workflows.engines.vasp.vasprun_xml import read_vasprun_xml

sys.path.append(str(Path(__file__).parents[1] / "workflows" / "engines" / "vasp"))
from vasp_files import calculation, random_run, vasprun_head, vasprun_tail

ROOT = Path(__file__).parents[2]
N_ATOMS = 100
# Ten electronic steps per ionic step are usual in AIMD; each has a block of fifteen lines.
N_SCF = 10


def write_aimd(path: Path, n_steps: int, seed: int = 0) -> None:
    """Write an AIMD run; twenty different steps again and again."""
    run = random_run(min(n_steps, 20), n_atoms=N_ATOMS, seed=seed, mesh=(9, 9, 1))
    for step in run.steps:
        step.n_scf = N_SCF
    texts = [calculation(step, md=True).encode() for step in run.steps]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(vasprun_head(run).encode())
        for index in range(n_steps):
            file.write(texts[index % len(texts)])
        file.write(vasprun_tail(run).encode())


def read_ours(path: Path) -> int:
    return sum(1 for _ in read_vasprun_xml(path).steps)


def read_pymatgen(path: Path) -> int:
    from pymatgen.io.vasp.outputs import Vasprun

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = Vasprun(path, parse_dos=False, parse_eigen=False, parse_potcar_file=False)
    return len(run.ionic_steps)


def read_ase(path: Path) -> int:
    return len(ase.io.read(path, index=":", format="vasp-xml"))


def peak_mb(function: str, path: Path) -> float:
    """Peak resident memory of one call in a fresh process, less that before the call, MB."""
    script = (
        "import re, sys; from pathlib import Path; import test_bench_vasp_outputs as bench\n"
        "import pymatgen.io.vasp.outputs\n"
        "status = Path('/proc/self/status')\n"
        "kb = lambda key: int(re.search(key + r':\\s*(\\d+)', status.read_text()).group(1))\n"
        "small = Path(sys.argv[2]).with_name('small.xml'); bench.write_aimd(small, 2)\n"
        "getattr(bench, sys.argv[1])(small)\n"
        "Path('/proc/self/clear_refs').write_text('5')\n"
        "before = kb('VmRSS')\n"
        "getattr(bench, sys.argv[1])(Path(sys.argv[2]))\n"
        "print((kb('VmHWM') - before) / 1024)"
    )
    return round(printed_number(script, function, path), 1)


@pytest.mark.parametrize("read", [read_ours, read_pymatgen, read_ase])
@pytest.mark.benchmark(group="read 1,000 AIMD steps")
def test_read(benchmark, tmp_path, measuring, read):
    path, n_steps = tmp_path / "vasprun.xml", 1_000 if measuring else 5
    write_aimd(path, n_steps)
    assert benchmark.pedantic(read, (path,), rounds=1) == n_steps
    if measuring:
        mean = benchmark.stats["mean"]
        benchmark.extra_info["frames_per_s"] = round(n_steps / mean)
        benchmark.extra_info["mb_per_s"] = round(path.stat().st_size / 1e6 / mean, 1)
        benchmark.extra_info["peak_mb"] = peak_mb(read.__name__, path)


@pytest.mark.parametrize("size", [100, 1_000, 10_000])
@pytest.mark.benchmark(group="growth")
def test_memory_is_flat(benchmark, tmp_path, measuring, size):
    path, n_steps = tmp_path / "vasprun.xml", size if measuring else 5
    write_aimd(path, n_steps)
    assert benchmark.pedantic(read_ours, (path,), rounds=1) == n_steps
    if measuring:
        peak = peak_mb("read_ours", path)
        benchmark.extra_info["peak_mb"] = peak
        benchmark.extra_info["ms_per_frame"] = round(1000 * benchmark.stats["mean"] / n_steps, 3)
        assert peak < 5


@pytest.mark.benchmark(group="collect")
def test_collect(benchmark, tmp_path, measuring):
    n_runs, n_steps = (10, 200) if measuring else (3, 3)
    for index in range(n_runs):
        write_aimd(tmp_path / "runs" / str(index) / "vasprun.xml", n_steps, seed=index)
    summary = benchmark.pedantic(
        collect_outputs, (tmp_path / "runs", tmp_path / "dataset"), rounds=1
    )
    assert summary.card.frames.seen == n_runs * n_steps
    if measuring:
        benchmark.extra_info["frames_per_s"] = round(n_runs * n_steps / benchmark.stats["mean"])
