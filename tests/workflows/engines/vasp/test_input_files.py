"""What INCAR beside an output adds to it."""

from vasp_files import random_run, write_run

from workflows.engines.vasp.vasprun import read_run


def test_incar_beside_adds_what_vasprun_does_not_list_unless_it_is_another_runs(tmp_path):
    write_run(tmp_path, random_run(1))
    (tmp_path / "INCAR").write_text(
        "ENCUT = 520; METAGGA = R2SCAN\nIVDW = 12\nVDW_S8 = 0.7\nENCTU = 3\n"
    )
    incar = read_run(tmp_path).incar
    assert (incar["IVDW"], incar["VDW_S8"]) == (12, 0.7)
    assert "ENCTU" not in incar
    (tmp_path / "INCAR").write_text("ENCUT = 400\nVDW_S8 = 0.7\n")
    assert "VDW_S8" not in read_run(tmp_path).incar
    (tmp_path / "INCAR").write_bytes(b"\x00\xff nonsense\n=\n")
    assert "VDW_S8" not in read_run(tmp_path).incar
