"""QM9 from the official archive and through NequIP's data module, at the size of the data set.

``pytest tests/benchmarks/test_bench_sources.py --benchmark-enable`` measures 133,885 generated
molecules of 18 atoms (QM9 has 18.0 on average), time with pytest-benchmark and peak memory in a
process of its own; without the option the same code runs once on few molecules.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from fresh_process import printed_number

from training.sources.qm9 import QM9Source
from training.sources.qm9.files import ARCHIVE, CACHE, UNCHARACTERIZED, read_qm9

N_ATOMS = 18
BATCH_SIZE = 64
R_MAX = 5.0


def write_archive(folder: Path, n_molecules: int) -> None:
    """Molecules on a jittered lattice, 1.5 Å apart, with the columns of the official files."""
    rng = np.random.default_rng(0)
    lattice = 1.5 * np.stack(np.meshgrid(*[np.arange(3.0)] * 3), -1).reshape(-1, 3)[:N_ATOMS]
    symbols = ["C"] * 6 + ["O", "N", "F"] + ["H"] * 9
    with tarfile.open(folder / ARCHIVE, "w:bz2", compresslevel=1) as archive:
        for index in range(1, n_molecules + 1):
            positions = lattice + 0.1 * rng.normal(size=lattice.shape)
            rows = "\n".join(
                f"{symbol}\t{x:.10f}\t{y:.10f}\t{z:.10f}\t-0.535689"
                for symbol, (x, y, z) in zip(symbols, positions, strict=True)
            )
            properties = "\t".join(["1.5"] * 10 + [f"{-400 + rng.normal():.6f}"] + ["1.5"] * 4)
            tail = "1341.307\t" * 48 + "\nC\tC\t\nInChI=1S\tInChI=1S\n"
            text = f"{N_ATOMS}\ngdb {index}\t{properties}\t\n{rows}\n{tail}".encode()
            member = tarfile.TarInfo(f"dsgdb9nsd_{index:06d}.xyz")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    failed = "\n".join(f"{index:9d}  CCC  CCC  CCC" for index in range(1, n_molecules // 44 + 13))
    (folder / UNCHARACTERIZED).write_text(failed)


def read_archive(folder: Path) -> int:
    (folder / CACHE).unlink(missing_ok=True)
    return len(read_qm9(folder))


def read_cache(folder: Path) -> int:
    return len(read_qm9(folder))


def one_epoch(folder: Path, n_train: int) -> int:
    """Batch `n_train` molecules with neighbour lists, as a training does; return the edges."""
    import torch
    from hydra.utils import instantiate
    from nequip.utils.dtype import torch_default_dtype
    from nequip.utils.global_state import set_global_state

    from training.nequip_runs.nequip_config import nequip_config
    from training.variants.allegro import AllegroSettings, AllegroTraining

    source = QM9Source(folder, n_train=n_train, n_val=n_train // 11)
    settings = AllegroTraining(batch_size=BATCH_SIZE, model=AllegroSettings(r_max=R_MAX))
    config = nequip_config(settings, source.training_data(stress=False), seed=0)
    del source
    with torch_default_dtype(torch.float64):
        set_global_state()
        module = instantiate(config["data"], _recursive_=False)
        module.setup("fit")
        return sum(batch["edge_index"].shape[1] for batch in module.train_dataloader())


def peak_mb(function: str, *arguments: object) -> float:
    """Peak resident memory of one call in a fresh process, Python and libraries included, MB."""
    script = (
        "import sys; from pathlib import Path; import test_bench_sources as bench\n"
        "getattr(bench, sys.argv[1])(Path(sys.argv[2]), *map(int, sys.argv[3:]))\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(int(status.split('VmHWM:')[1].split()[0]) / 1024)"
    )
    return round(printed_number(script, function, *arguments), 1)


@pytest.fixture(scope="module")
def folder(measuring, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("qm9")
    write_archive(folder, 133_885 if measuring else 88)
    return folder


@pytest.mark.parametrize("read", [read_archive, read_cache])
@pytest.mark.benchmark(group="read")
def test_read(benchmark, folder, measuring, read):
    n_molecules = benchmark.pedantic(read, (folder,), rounds=1)
    assert n_molecules == (130_831 if measuring else 74)
    if measuring:
        benchmark.extra_info["peak_mb"] = peak_mb(read.__name__, folder)


@pytest.mark.benchmark(group="one epoch")
def test_one_epoch(benchmark, folder, measuring):
    n_train = 110_000 if measuring else 44
    n_edges = benchmark.pedantic(one_epoch, (folder, n_train), rounds=1)
    assert n_edges > 100 * n_train
    if measuring:
        benchmark.extra_info["peak_mb"] = peak_mb("one_epoch", folder, n_train)
