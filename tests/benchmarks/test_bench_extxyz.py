"""Extended XYZ against ASE in the same run, and the growth of ``build_dataset``.

``pytest tests/benchmarks/test_bench_extxyz.py --benchmark-enable`` measures at full size, time
with pytest-benchmark and peak memory in a process of its own; without the option the same code
runs once on few frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import cycle, islice
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from fresh_process import printed_number

from training.dataset.builder import build_dataset
from training.dataset.extxyz import iter_frames, write_frames
from training.dataset.frames import Frame
from training.settings import DatasetSettings

N_ATOMS = 100


def frames(n_frames: int, n_steps: int = 10) -> Iterator[Frame]:
    """Frames as of small trajectories: a jittered lattice of 100 atoms, random labels."""
    lattice = np.stack(np.meshgrid(*[np.arange(5.0)] * 3), -1).reshape(-1, 3)[:N_ATOMS] * 2.4
    for index in range(n_frames):
        run, step = divmod(index, n_steps)
        rng = np.random.default_rng([run, step])
        yield Frame(
            numbers=np.where(np.arange(N_ATOMS) < 60, 29, 3),
            positions=lattice + rng.normal(size=(N_ATOMS, 3)) * 0.1,
            cell=np.diag([12.0, 12.0, 12.0]) * (1 + 0.001 * run % 0.1),
            energy=-3.0 * N_ATOMS + float(rng.normal()),
            forces=rng.normal(size=(N_ATOMS, 3)),
            stress=np.eye(3) * 0.01 * rng.normal(),
            structure_id=f"bulk-{run:012x}",
            family="bulk",
            trajectory_id=f"relax-{run:012x}",
            step=step,
            engine="diep-r2scan",
            functional="r2SCAN",
            config_hash="c0ffee",
            free_mask=np.arange(N_ATOMS) % 2 == 0,
        )


@cache
def pool() -> list[Frame]:
    """Frames to write again and again, so that making them is not measured."""
    return list(frames(100))


@cache
def ase_pool() -> list[Atoms]:
    images = [frame.to_atoms() for frame in pool()]
    for atoms, frame in zip(images, pool(), strict=True):
        atoms.arrays["free_mask"] = frame.free_mask
    return images


def write_ours(path: Path, n_frames: int) -> None:
    write_frames(path, islice(cycle(pool()), n_frames))


def write_ase(path: Path, n_frames: int) -> None:
    ase.io.write(path, islice(cycle(ase_pool()), n_frames), format="extxyz")


def read_ours(path: Path) -> int:
    return sum(1 for _ in iter_frames(path))


def read_ase(path: Path) -> int:
    return sum(1 for _ in ase.io.iread(path, format="extxyz"))


def build(folder: Path, n_frames: int) -> None:
    steps = frames(n_frames)
    runs = ([next(steps) for _ in range(10)] for _ in range(n_frames // 10))
    build_dataset(runs, DatasetSettings(), folder, seed=0)


def peak_mb(function: str, *arguments: object) -> float:
    """Peak resident memory of one call in a fresh process, less that before the call, MB.

    Linux only: ``ru_maxrss`` would show the peak of the process that started this one.
    """
    script = (
        "import re, sys; from pathlib import Path; import test_bench_extxyz as bench\n"
        "status = Path('/proc/self/status')\n"
        "kb = lambda key: int(re.search(key + r':\\s*(\\d+)', status.read_text()).group(1))\n"
        "bench.ase_pool()\n"
        "Path('/proc/self/clear_refs').write_text('5')\n"
        "before = kb('VmRSS')\n"
        "getattr(bench, sys.argv[1])(Path(sys.argv[2]), *map(int, sys.argv[3:]))\n"
        "print((kb('VmHWM') - before) / 1024)"
    )
    return round(printed_number(script, function, *arguments), 1)


@pytest.fixture
def n_frames(measuring) -> int:
    return 10_000 if measuring else 50


@pytest.mark.parametrize("write", [write_ours, write_ase])
@pytest.mark.benchmark(group="write")
def test_write(benchmark, tmp_path, n_frames, measuring, write):
    pool(), ase_pool()
    path = tmp_path / "frames.extxyz"
    benchmark.pedantic(write, (path, n_frames), rounds=1)
    assert read_ase(path) == n_frames
    benchmark.extra_info["file_mb"] = round(path.stat().st_size / 1e6, 1)
    if measuring:
        benchmark.extra_info["peak_mb"] = peak_mb(write.__name__, path, n_frames)


@pytest.mark.parametrize("read", [read_ours, read_ase])
@pytest.mark.benchmark(group="read")
def test_read(benchmark, tmp_path, n_frames, measuring, read):
    path = tmp_path / "frames.extxyz"
    write_ours(path, n_frames)
    assert benchmark.pedantic(read, (path,), rounds=1) == n_frames
    if measuring:
        benchmark.extra_info["peak_mb"] = peak_mb(read.__name__, path)


@pytest.mark.parametrize("size", [1_000, 3_000, 10_000])
@pytest.mark.benchmark(group="build_dataset")
def test_build_dataset_growth(benchmark, tmp_path, measuring, size):
    n_frames = size if measuring else 50
    benchmark.pedantic(build, (tmp_path, n_frames), rounds=1)
    if measuring:
        benchmark.extra_info["peak_mb"] = peak_mb("build", tmp_path, n_frames)
        benchmark.extra_info["ms_per_frame"] = round(1000 * benchmark.stats["mean"] / n_frames, 3)
    assert (tmp_path / "dataset.json").is_file()
