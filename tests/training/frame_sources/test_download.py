import hashlib
import http.server
import tarfile
import threading

import numpy as np
import pytest

from tests.training.sources.public_files import write_rmd17
from training.frame_sources import download as downloads
from training.frame_sources.download import DownloadError, RemoteFile, download, download_dataset
from training.sources.qm9 import files as qm9_files
from training.sources.rmd17 import archive

CONTENT = np.random.default_rng(0).bytes(300_000)


class Server(http.server.ThreadingHTTPServer):
    """Serves one file, and breaks off as told."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.answers = []  # bytes to send before breaking off, one entry per request
        self.status = 200
        self.gives_parts = True
        self.starts = []  # first byte of each request

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/file"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        if server.status != 200:
            self.send_response(server.status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        if server.gives_parts and (wanted := self.headers["Range"]):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        server.starts.append(start)
        self.send_response(206 if start else 200)
        n = len(server.content)
        self.send_header("Content-Length", str(n - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{n - 1}/{n}")
        self.end_headers()
        end = start + server.answers.pop(0) if server.answers else n
        self.wfile.write(server.content[start:end])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(downloads, "_PAUSE", 0.0)


def remote(server, **fields):
    known = {
        "name": "file.bin",
        "url": server.url,
        "size": len(server.content),
        "md5": hashlib.md5(server.content).hexdigest(),
    }
    return RemoteFile(**known | fields)


def test_a_file_arrives_with_progress(server, tmp_path):
    seen = []
    path = download(remote(server), tmp_path, lambda *progress: seen.append(progress))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == ("file.bin", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    download(remote(server), tmp_path)
    download(remote(server), tmp_path)
    assert server.starts == [0]


def test_a_file_that_was_changed_is_fetched_again(server, tmp_path):
    (tmp_path / "file.bin").write_bytes(b"something else")
    assert download(remote(server), tmp_path).read_bytes() == CONTENT


def test_a_broken_connection_is_taken_up_where_it_ended(server, tmp_path):
    server.answers = [100_000, 50_000]
    assert download(remote(server), tmp_path).read_bytes() == CONTENT
    assert server.starts == [0, 100_000, 150_000]


def test_the_next_call_goes_on_where_an_earlier_one_gave_up(server, tmp_path):
    server.answers = [10_000] * downloads._TRIES
    with pytest.raises(DownloadError, match="Rerun the same command") as raised:
        download(remote(server), tmp_path)
    assert server.url in str(raised.value)
    assert str(tmp_path / "file.bin") in str(raised.value)
    assert not (tmp_path / "file.bin").exists()
    assert download(remote(server), tmp_path).read_bytes() == CONTENT
    assert server.starts[-1] == 10_000 * downloads._TRIES


def test_a_server_that_gives_no_parts_is_read_from_the_start(server, tmp_path):
    server.gives_parts = False
    (tmp_path / ".file.bin.partial").write_bytes(CONTENT[:1000])
    assert download(remote(server), tmp_path).read_bytes() == CONTENT
    assert server.starts == [0]


def test_a_kill_after_the_last_byte_costs_nothing(server, tmp_path):
    (tmp_path / ".file.bin.partial").write_bytes(CONTENT)
    assert download(remote(server), tmp_path).read_bytes() == CONTENT
    assert server.starts == []


@pytest.mark.parametrize("left_over", [b"", b"other bytes", CONTENT + b"more"])
def test_other_bytes_never_become_the_file(server, tmp_path, left_over):
    server.content = CONTENT[:-1] + b"!"
    (tmp_path / ".file.bin.partial").write_bytes(left_over)
    with pytest.raises(DownloadError, match="MD5 is"):
        download(remote(server, md5=hashlib.md5(CONTENT).hexdigest()), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [202, 403, 404, 500])
def test_a_server_that_refuses_is_quoted(server, tmp_path, status):
    server.status = status
    with pytest.raises(DownloadError, match=str(status)):
        download(remote(server), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_server_at_all(tmp_path):
    file = RemoteFile("file.bin", "http://127.0.0.1:9/file", 10, "0")
    with pytest.raises(DownloadError, match=r"could not be downloaded.*[Rr]efused"):
        download(file, tmp_path)


@pytest.fixture
def rmd17_archive(server, tmp_path, monkeypatch):
    """A small archive with the official names, served."""
    source = tmp_path / "made"
    write_rmd17(source)
    path = tmp_path / "rmd17.tar.bz2"
    with tarfile.open(path, "w:bz2") as packed:
        for member in archive.MEMBERS:
            kind = "npz_data/rmd17_benzene.npz" if "npz" in member else "splits/index_train_01.csv"
            packed.add(source / kind, f"rmd17/{member}")
        packed.add(source / "splits" / "index_train_01.csv", "../outside.txt")
        packed.add(source / "splits" / "index_train_01.csv", "rmd17/readme.txt")
    server.content = path.read_bytes()
    file = remote(server, name="rmd17.tar.bz2")
    monkeypatch.setattr(archive, "ARCHIVE", file)
    return source


def test_rmd17_is_unpacked_for_its_source(server, rmd17_archive, tmp_path):
    folder = tmp_path / "data"
    seen = []
    download_dataset("rmd17", folder, lambda *progress: seen.append(progress))
    size = len(server.content)
    assert seen[-1] == ("unpacking rmd17.tar.bz2", size, size)
    assert all(0 <= done <= total for _, done, total in seen)
    files = {str(path.relative_to(folder)) for path in (folder / "rmd17").rglob("*.*")}
    assert files == {f"rmd17/{member}" for member in archive.MEMBERS}
    assert not (tmp_path / "outside.txt").exists()
    for molecule in ("aspirin", "uracil"):
        made = (rmd17_archive / "npz_data" / "rmd17_benzene.npz").read_bytes()
        assert (folder / "rmd17" / "npz_data" / f"rmd17_{molecule}.npz").read_bytes() == made
    (folder / "rmd17.tar.bz2").unlink()
    download_dataset("rmd17", folder)
    assert len(server.starts) == 1


def test_an_unpacking_that_was_killed_is_finished(server, rmd17_archive, tmp_path):
    folder = tmp_path / "data"
    download_dataset("rmd17", folder)
    missing = folder / "rmd17" / "splits" / "index_test_05.csv"
    missing.unlink()
    download_dataset("rmd17", folder)
    assert missing.is_file()
    assert len(server.starts) == 1


def test_qm9_has_both_files(server, tmp_path, monkeypatch):
    files = tuple(remote(server, name=name) for name in ("uncharacterized.txt", "archive"))
    monkeypatch.setattr(qm9_files, "REMOTE_FILES", files)
    download_dataset("qm9", tmp_path / "new" / "folder")
    for file in files:
        assert (tmp_path / "new" / "folder" / file.name).read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["extxyz", "nothing"])
def test_what_cannot_be_downloaded_is_refused(name, tmp_path):
    with pytest.raises(
        DownloadError, match=f"{name}: nothing to download; choose one of qm9, rmd17"
    ):
        download_dataset(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()
