import os
import stat
from pathlib import Path

import pytest

from cuprolith.errors import CuprolithError
from tests.dev_cluster import layout as layout_module
from tests.dev_cluster.layout import Layout


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    """Runtime folders go where the test can remove them."""
    monkeypatch.setattr(layout_module, "RUNTIME_PARENT", tmp_path / "run")
    (tmp_path / "run").mkdir()


def created(folder):
    layout = Layout.of(folder)
    layout.claim()
    layout.create()
    return layout


def test_a_plain_folder_is_used_as_it_is():
    layout = Layout(Path("/home/ada/.cuprolith/dev-cluster"))
    assert layout.anchor == layout.folder


@pytest.mark.parametrize(
    "name", ["with space", "quote'", 'quote"', "semi;colon", "$(reboot)", "per%cent", "x" * 100]
)
def test_any_other_folder_is_reached_through_a_short_plain_link(tmp_path, runtime, name):
    layout = created(tmp_path / name)
    assert layout.anchor != layout.folder
    assert layout.work.is_dir()
    assert (layout.folder / "work").is_dir()
    assert layout.work.resolve() == layout.folder / "work"


@pytest.mark.parametrize("name", ["dev-cluster", "x" * 200, "a b"])
@pytest.mark.parametrize("host", ["vm", "runner-x1y2z3-project-12345678-concurrent-0"])
def test_sockets_have_paths_that_the_kernel_takes(monkeypatch, name, host):
    monkeypatch.setattr(layout_module.socket, "gethostname", lambda: f"{host}.example.org")
    layout = Layout(Path("/home/ada") / name)
    step = layout.spool / f"{host}_1234567.4294967291"
    for path in (step, layout.munge_socket, layout.runner / "daemon" / "s.sock"):
        assert len(os.fsencode(path)) <= 107


def test_folders_of_two_clusters_differ(tmp_path):
    assert Layout(tmp_path / "a").runtime != Layout(tmp_path / "b").runtime


def test_munge_s_demands(tmp_path, runtime):
    """Others may pass through to the socket; the key is the owner's alone."""
    layout = created(tmp_path / "c")
    assert stat.S_IMODE(layout.runtime.stat().st_mode) == 0o711
    assert stat.S_IMODE(layout.munge.stat().st_mode) == 0o700
    assert stat.S_IMODE(layout.folder.stat().st_mode) == 0o700


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(CuprolithError, match="holds other files"):
        Layout.of(tmp_path).claim()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_for_sockets_that_somebody_else_laid_is_refused(tmp_path, runtime):
    layout = Layout.of(tmp_path / "c")
    (tmp_path / "trap").mkdir()
    layout.runtime.symlink_to(tmp_path / "trap")
    with pytest.raises(CuprolithError, match="another user"):
        layout.create()
    assert list((tmp_path / "trap").iterdir()) == []
