import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cuprolith.errors import CuprolithError
from cuprolith.lock import HOLDER_FILE, WorkdirBusyError, workdir_lock

HOLD = """
import sys, time
from pathlib import Path
from cuprolith.lock import workdir_lock
with workdir_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
TRY = """
import sys
from pathlib import Path
from cuprolith.lock import workdir_lock, WorkdirBusyError
try:
    with workdir_lock(Path(sys.argv[1])):
        print("got it")
except WorkdirBusyError as error:
    print(error)
    sys.exit(3)
"""


def python(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_second_process_is_refused_and_told_by_whom(tmp_path):
    with python(HOLD, tmp_path) as holder:
        assert holder.stdout.readline() == "held\n"
        with python(TRY, tmp_path) as second:
            message = second.stdout.read()
        assert second.returncode == 3
        assert f"process {holder.pid} on " in message
        assert f"kill {holder.pid}" in message
        assert str(tmp_path) in message
        with pytest.raises(WorkdirBusyError), workdir_lock(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        # what the killed process left behind says nothing any more
        assert json.loads((tmp_path / HOLDER_FILE).read_text())["pid"] == holder.pid
        with workdir_lock(tmp_path):
            assert json.loads((tmp_path / HOLDER_FILE).read_text())["pid"] == os.getpid()
    with python(TRY, tmp_path) as third:
        assert third.stdout.read() == "got it\n"


def test_lock_ends_with_its_block_and_with_errors(tmp_path):
    workdir = tmp_path / "not" / "there yet"
    with pytest.raises(RuntimeError), workdir_lock(workdir):
        raise RuntimeError
    with workdir_lock(workdir):
        wait = pytest.raises(WorkdirBusyError, match="wait until it has finished")
        with wait, workdir_lock(workdir):
            pass
        assert (workdir / HOLDER_FILE).exists()  # the refused one has not removed it
    assert not (workdir / HOLDER_FILE).exists()


@pytest.mark.parametrize("content", ["", "{torn", "[1]", "\udcff"])
def test_unreadable_note_of_the_holder_does_not_matter(tmp_path, content):
    with workdir_lock(tmp_path):
        (tmp_path / HOLDER_FILE).write_bytes(content.encode("utf-8", "surrogateescape"))
        with pytest.raises(WorkdirBusyError, match="another process works"), workdir_lock(tmp_path):
            pass


def test_folders_that_cannot_be_made_are_explained(tmp_path):
    (tmp_path / "file").write_text("")
    refused = pytest.raises(CuprolithError, match=r"file/workdir: cannot work in this folder")
    with refused, workdir_lock(tmp_path / "file" / "workdir"):
        pass
