import pytest

from cuprolith.errors import CuprolithError
from workflows.inputs.names import crystal_name, file_name, is_file, structure_folder

PATHS = [
    "", ".", "..", "../x", "a/b", "/x", "C:", "C:\\x", "a\\b", "-x", ".x", "a.", "a ", " a", "a\nb",
    "a\0b", "x" * 81, "Сu", "ｃu", "Cu\u200b", "~", "$HOME", "a;b", "a|b", "*", "a:b", "a'b", "%2e",
]  # fmt: skip


@pytest.mark.parametrize("name", PATHS, ids=repr)
def test_names_that_lead_elsewhere_are_refused(name):
    for check in (file_name, crystal_name):
        with pytest.raises(ValueError, match="is also used as a file name: use at most 80 letters"):
            check(name)


def test_names_of_people_are_names():
    for name in ("Cu", "li2o-2026.11", "2026-11-30", "a_b", "x" * 80, "No"):
        assert file_name(name) == crystal_name(name) == name
    assert crystal_name("Cu fcc + Li") == "Cu fcc + Li"


def test_ids_read_from_files_are_no_paths():
    assert structure_folder("slab-0123456789ab") == "slab-0123456789ab"
    with pytest.raises(CuprolithError, match=r"structures\.extxyz: structure_id '\.\./\.\./x'"):
        structure_folder("../../x", "structures.extxyz")


def test_a_path_that_cannot_be_is_no_file(tmp_path):
    assert not is_file(tmp_path / ("x" * 300))
    assert not is_file(tmp_path / "a\0b")
    assert not is_file(tmp_path)
