"""Compressed files, told by their content, as far as they go."""

import bz2
import gzip
import lzma

import numpy as np
import pytest

from workflows.engines.vasp import output_streams
from workflows.engines.vasp.ionic_steps import VaspOutputError
from workflows.engines.vasp.output_streams import chunks, without_ending

TEXT = np.random.default_rng(0).bytes(400_000)
COMPRESS = {
    "gz": gzip.compress,
    "bz2": lambda data: bz2.compress(data, compresslevel=1),  # in blocks of 100 kB
    "xz": lambda data: lzma.compress(data, preset=0),
}


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(output_streams, "_CHUNK", 1 << 14)


@pytest.mark.parametrize("kind", COMPRESS)
def test_whole_joined_and_cut_files(tmp_path, kind):
    path, packed = tmp_path / "any name", COMPRESS[kind](TEXT)
    path.write_bytes(packed)
    pieces = list(chunks(path))
    assert b"".join(pieces) == TEXT
    assert max(map(len, pieces)) <= output_streams._CHUNK
    path.write_bytes(packed + COMPRESS[kind](b"more"))
    assert b"".join(chunks(path)) == TEXT + b"more"
    path.write_bytes(packed[: len(packed) // 2])
    half = b"".join(chunks(path))
    assert len(half) > 50_000
    assert TEXT.startswith(half)


@pytest.mark.parametrize("kind", COMPRESS)
def test_damage_is_said(tmp_path, kind):
    """Whatever bytes come out of a damaged file, they are not taken for a whole one."""
    packed = bytearray(COMPRESS[kind](TEXT))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "OUTCAR").write_bytes(packed)
    with pytest.raises(VaspOutputError, match="damaged"):
        list(chunks(tmp_path / "OUTCAR"))


@pytest.mark.parametrize(
    ("start", "name"), [(b"\x28\xb5\x2f\xfd", "zstd"), (b"PK\x03\x04", "zip"), (b"\x1f\x9d", ".Z")]
)
def test_other_compression_is_named(tmp_path, start, name):
    (tmp_path / "OUTCAR").write_bytes(start + b"0" * 50)
    with pytest.raises(VaspOutputError, match="decompress it") as caught:
        next(chunks(tmp_path / "OUTCAR"))
    assert name in caught.value.message


def test_endings():
    names = ("OUTCAR", "OUTCAR.bz2", "OUTCAR.static.xz", "OUTCAR.zst")
    assert [without_ending(name) for name in names] == [
        "OUTCAR",
        "OUTCAR",
        "OUTCAR.static",
        "OUTCAR",
    ]
