import json
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import ase.io
import extxyz
import numpy as np
import pytest
from ase.build import bulk
from frame_samples import arbitrary_frames, emt_frame, random_frame
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from training.dataset.extxyz import (
    FrameFileError,
    format_frame,
    iter_frames,
    read_frames,
    write_frames,
)
from training.dataset.extxyz_comment import decode_text, encode_text, parse_comment
from training.dataset.frames import PROVENANCE_FIELDS, Frame

TEXT_FIELDS = tuple(name for name in PROVENANCE_FIELDS if name not in ("step", "converged"))
TREACHEROUS = st.sampled_from(
    [
        *("", " ", "T", "F", "true", "FALSE", "T F T", "T words", "nan", "Inf", "infinity"),
        *("1e5", "0012", "12", "-1", "3 2 2", "1,2", "a,b", "1_000", "0x10", "e5", "1 word"),
        *("_JSON 3", "_JSON", 'a"b', "a'b", "{x}", "[1 2]", "a=b", "back\\slash", "\\", "/"),
        *("two words", "two  blanks", " leading", "line\nbreak", "\t", "Å γ"),
    ]
)
once = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.slow
@once
@given(st.lists(arbitrary_frames(texts=TREACHEROUS | st.text(max_size=8)), max_size=3))
def test_round_trip_is_bit_exact(tmp_path, frames):
    path = tmp_path / "frames.extxyz"
    assert write_frames(path, frames) == len(frames)
    assert read_frames(path) == frames


def test_special_numbers_survive(tmp_path):
    special = [-0.0, 5e-324, -2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1 / 3, 1e16]
    special += [float("nan"), float("inf"), -float("inf"), 123456789.0, 1e-7, 2.0**53 + 2]
    rng = np.random.default_rng(0)
    for value in special:
        frame = random_frame(
            rng,
            positions=np.full((5, 3), value),
            forces=np.full((5, 3), value),
            cell=np.full((3, 3), value),
            stress=np.full((3, 3), value),
            energy=value,
            energy_sigma0=value,
        )
        write_frames(tmp_path / "f", [frame])
        assert read_frames(tmp_path / "f") == [frame], value


def test_all_exponents_are_exact(tmp_path):
    bits = np.random.default_rng(3).integers(0, 2**64, 6 * 2000, dtype=np.uint64)
    values = bits.view(np.float64)
    values[~np.isfinite(values)] = 1.0
    columns = values.reshape(-1, 6)
    frame = random_frame(
        np.random.default_rng(0), 2000, positions=columns[:, :3], forces=columns[:, 3:]
    )
    write_frames(tmp_path / "f", [frame])
    (again,) = iter_frames(tmp_path / "f")
    assert again.positions.tobytes() == columns[:, :3].tobytes()
    assert again.forces.tobytes() == columns[:, 3:].tobytes()


@once
@given(TREACHEROUS | st.text())
@example("\x85\u2028\r")
def test_text_survives_the_comment_line(text):
    line = f"before=1 key={encode_text(text)} after=T\n"
    assert line.isascii()
    assert line.count("\n") == 1
    pairs = parse_comment(line)
    assert list(pairs) == ["before", "key", "after"]
    assert decode_text(pairs["key"]) == text


def test_ids_and_words_are_written_as_they_are():
    assert encode_text("bulk-0123456789ab") == "bulk-0123456789ab"
    assert encode_text("vacancy_2x2") == "vacancy_2x2"
    assert encode_text("two words") == '"two words"'


@once
@given(arbitrary_frames(finite=True, texts=TREACHEROUS | st.text(max_size=8)))
def test_ase_reads_every_value(tmp_path, frame):
    write_frames(tmp_path / "f", [frame])
    atoms = ase.io.read(tmp_path / "f", format="extxyz")
    _assert_ase_equals(atoms, frame)


def _assert_ase_equals(atoms, frame: Frame) -> None:
    assert np.array_equal(atoms.numbers, frame.numbers)
    assert np.array_equal(atoms.positions, frame.positions)
    assert np.array_equal(atoms.cell.array, frame.cell)
    assert tuple(atoms.pbc) == frame.pbc
    assert atoms.get_potential_energy() == frame.energy
    assert np.array_equal(atoms.get_forces(), frame.forces)
    if frame.stress is not None:
        order = [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]
        assert np.array_equal(atoms.get_stress(), frame.stress[order])
    if frame.free_mask is not None:
        assert np.array_equal(atoms.arrays["free_mask"], frame.free_mask)
        assert atoms.arrays["free_mask"].dtype == bool
    for name in TEXT_FIELDS:
        assert isinstance(atoms.info[name], str)
        assert atoms.info[name] == getattr(frame, name)
    assert atoms.info["step"] == frame.step
    assert atoms.info["converged"] is frame.converged
    assert atoms.info.get("energy_sigma0") == frame.energy_sigma0
    optional = set() if frame.energy_sigma0 is None else {"energy_sigma0"}
    assert set(atoms.info) == {*PROVENANCE_FIELDS} | optional


@once
@given(arbitrary_frames(finite=True, texts=TREACHEROUS | st.text(max_size=8)))
def test_libatoms_extxyz_reads_every_value(tmp_path, frame):
    write_frames(tmp_path / "f", [frame])
    (read,) = extxyz.iread_dicts(str(tmp_path / "f"))
    n_atoms = len(frame)
    symbols = np.atleast_1d(read.arrays["species"])
    assert [ase.data.atomic_numbers[symbol] for symbol in symbols] == frame.numbers.tolist()
    assert np.array_equal(read.arrays["pos"].reshape(n_atoms, 3), frame.positions)
    assert np.array_equal(read.arrays["forces"].reshape(n_atoms, 3), frame.forces)
    assert np.array_equal(read.cell.T, frame.cell)
    assert tuple(read.pbc) == frame.pbc
    assert read.info["energy"] == frame.energy
    assert read.info["converged"] == frame.converged
    if frame.free_mask is not None:
        assert np.array_equal(np.atleast_1d(read.arrays["free_mask"]), frame.free_mask)
    for name in TEXT_FIELDS:
        text = read.info[name]
        assert isinstance(text, str)
        if text.startswith("_JSON "):  # it knows no _JSON and hands it on
            text = json.loads(text.removeprefix("_JSON "))
        assert text == getattr(frame, name)


@pytest.fixture
def double_precision():
    """NequIP's trainer reads data in float64, whatever the model's precision."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.usefixtures("double_precision")
def test_nequip_reads_labels(tmp_path):
    from nequip.data.dataset import ASEDataset

    atoms = bulk("Cu", "fcc", 3.6, cubic=True)
    atoms.rattle(0.1, seed=5)
    frames = [emt_frame(atoms, step=0), emt_frame(atoms * (2, 1, 1), step=1)]
    frames[0] = replace(frames[0], free_mask=np.array([True, False, False, True]))
    write_frames(tmp_path / "f.extxyz", frames)
    dataset = ASEDataset(str(tmp_path / "f.extxyz"))
    assert len(dataset) == 2
    for data, frame in zip(dataset, frames, strict=True):
        assert data["total_energy"].item() == frame.energy
        assert np.array_equal(data["forces"].numpy(), frame.forces)
        assert np.allclose(data["stress"].numpy()[0], frame.stress, rtol=1e-15, atol=0)
        assert np.array_equal(data["pos"].numpy(), frame.positions)
        assert np.array_equal(data["cell"].numpy().reshape(3, 3), frame.cell)
        assert np.array_equal(data["atomic_numbers"].numpy().ravel(), frame.numbers)
    assert frames[0].forces[1].any(), "a held atom keeps its force"


def test_ase_reads_annotations_beside_the_frame(tmp_path):
    frame = random_frame(np.random.default_rng(2))
    reason = "force too large: 61.2 eV/Angstrom on atom 3 (limit 50); not converged: no"
    (tmp_path / "f").write_bytes(format_frame(frame, quarantine_reason=reason))
    assert read_frames(tmp_path / "f") == [frame]
    atoms = ase.io.read(tmp_path / "f", format="extxyz")
    assert atoms.info["quarantine_reason"] == reason


def test_molecule_without_cell(tmp_path):
    frame = random_frame(
        np.random.default_rng(2), cell=np.zeros((3, 3)), pbc=(False, False, False), stress=None
    )
    write_frames(tmp_path / "f", [frame])
    assert b"Lattice" not in (tmp_path / "f").read_bytes()
    assert read_frames(tmp_path / "f") == [frame]


def test_empty_file_has_no_frames(tmp_path):
    assert write_frames(tmp_path / "f", []) == 0
    assert read_frames(tmp_path / "f") == []


@pytest.fixture
def text(tmp_path) -> bytes:
    rng = np.random.default_rng(4)
    write_frames(tmp_path / "whole", [random_frame(rng, step=step) for step in range(3)])
    return (tmp_path / "whole").read_bytes()


def test_file_cut_anywhere_is_refused_unless_between_frames(tmp_path, text):
    path = tmp_path / "cut"
    lines = text.splitlines(keepends=True)
    borders = {len(b"".join(lines[: 7 * k])): k for k in range(4)}
    for length in sorted({*range(0, len(text), 17), *borders}):
        path.write_bytes(text[:length])
        if length in borders:
            assert len(read_frames(path)) == borders[length]
        else:
            with pytest.raises(FrameFileError, match=r"cut, frame [012] .*line \d+"):
                read_frames(path)


def test_cut_within_the_last_number_is_noticed(tmp_path):
    """What is left of a number is a number; only the missing line end tells."""
    frame = random_frame(np.random.default_rng(4), free_mask=None)
    whole = format_frame(frame)
    for length in range(len(whole) - 12, len(whole)):
        (tmp_path / "f").write_bytes(whole[:length])
        with pytest.raises(FrameFileError, match="the file ends inside a frame"):
            read_frames(tmp_path / "f")


@pytest.mark.parametrize(
    ("line", "old", "new", "message"),
    [
        (8, b"5", b"five", "number of atoms"),
        (8, b"5", b"-5", "number of atoms"),
        (8, b"5", b"4", r"frame 2 .*line 14: expected the number of atoms"),
        (9, b"energy=", b"enegy=", "'energy'"),
        (9, b"energy=", b"energy=x", "expected a number"),
        (9, b"converged=T", b"converged=Y", "'Y'"),
        (9, b"step=1", b"step=1 step=1", "comes twice"),
        (9, b'stress="', b'stress="1 ', "expected 9 numbers"),
        (9, b'pbc="T T T"', b'pbc="T T"', "not enough values"),
        (9, b'pbc="T T T"', b'pbc="T T T', "expected key=value"),
        (9, b":forces:R:3", b"", "not written by cuprolith"),
        (11, b".", b",", r"line 11: expected a number"),
        (11, b".", b" .", r"line 11: expected 8 columns"),
        (12, b"\n", b"T\n", r"line 12: expected T or F"),
        (12, b".", b"_", r"line 12: expected a number"),
        (12, b"0.", b"null", r"line 12: expected a number"),
    ],
)
def test_garbled_line_is_named(tmp_path, text, line, old, new, message):
    lines = text.splitlines(keepends=True)
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    path = tmp_path / "garbled"
    path.write_bytes(b"".join(lines))
    with pytest.raises(FrameFileError, match=message) as error:
        read_frames(path)
    assert str(path) in str(error.value)
    assert f"line {line}" in str(error.value) or "line 14" in message
    first = next(iter_frames(path))
    assert first.step == 0, "frames before the garbled one can be read"


def test_unknown_symbol_is_named(tmp_path, text):
    (tmp_path / "f").write_bytes(text.replace(b"\nCu ", b"\nQq ", 1))
    with pytest.raises(FrameFileError, match="'Qq' is not a chemical symbol"):
        read_frames(tmp_path / "f")


@pytest.mark.parametrize(
    "fields",
    [
        {"forces": np.zeros((4, 3))},
        {"positions": np.zeros((5, 2))},
        {"stress": np.zeros(6)},
        {"free_mask": np.ones(4, dtype=bool)},
        {"cell": np.ones(3)},
    ],
)
def test_frames_whose_arrays_do_not_fit_are_refused(fields):
    frame = random_frame(np.random.default_rng(0), **fields)
    with pytest.raises(ValueError, match=f"{next(iter(fields))} has shape"):
        format_frame(frame)


def test_failure_while_writing_keeps_the_earlier_file(tmp_path):
    path = tmp_path / "frames.extxyz"
    rng = np.random.default_rng(0)
    write_frames(path, [random_frame(rng)])
    before = path.read_bytes()

    def failing():
        yield random_frame(rng)
        raise RuntimeError("engine died")

    with pytest.raises(RuntimeError, match="engine died"):
        write_frames(path, failing())
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["frames.extxyz"]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[2])
from frame_samples import random_frame
from training.dataset.extxyz import write_frames
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
rng = np.random.default_rng(0)
try:
    write_frames(Path(sys.argv[1]), (random_frame(rng, 100) for _ in range(1000)))
except OSError as error:
    print(error)
"""


def test_no_room_on_disk_keeps_the_earlier_file(tmp_path):
    """The system refuses to let the file grow, as on a full disk."""
    path = tmp_path / "frames.extxyz"
    write_frames(path, [random_frame(np.random.default_rng(0))])
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(Path(__file__).parents[1])],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert "while writing" in done.stdout
    assert str(path) in done.stdout
    assert "unchanged" in done.stdout
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["frames.extxyz"]


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path):
    def peak(n_frames: int) -> int:
        rng = np.random.default_rng(0)
        tracemalloc.start()
        write_frames(tmp_path / "f", (random_frame(rng, 50) for _ in range(n_frames)))
        assert sum(1 for _ in iter_frames(tmp_path / "f")) == n_frames
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(5)
    assert peak(200) < 1.1 * peak(20) + 100_000
