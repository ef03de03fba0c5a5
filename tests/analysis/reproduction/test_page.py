import json
import re

import numpy as np
import pytest

from analysis.reproduction.curves import bands
from analysis.reproduction.page import Reproduction, verdict, write_tables
from analysis.reproduction.tables import quantities

COMMAND = "cuprolith reproduce tables --seeds 2"


@pytest.fixture
def content(published, run_of):
    runs = [
        run_of("aspirin", "allegro", 0, [0.5, 0.011], epochs_of_paper=3000),
        run_of("aspirin", "allegro", 1, [0.5, 0.009], epochs_of_paper=3000),
        run_of("benzene", "allegro", 0),
        run_of("culi", "allegro", 0, problem="data/culi <missing>: collect it"),
    ]
    return Reproduction(published, runs, COMMAND, [f"cuprolith train {n}" for n in range(4)])


def test_the_page_is_complete_and_offline(content, tmp_path):
    path = write_tables(content, tmp_path / "out")
    page = path.read_text()
    for text in ("10.0 ± 1.4 (2) †", "9.8", "—", "Short runs", COMMAND, "cuprolith train 3"):
        assert text in page
    assert "data/culi &lt;missing&gt;: collect it" in page
    outside = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"""(src|href)=["']https?:""", outside)
    figures = re.findall(r'data-figure="([^"]+)">(.*?)</script>', page, flags=re.DOTALL)
    assert {name for name, _ in figures} == {"aspirin-force", "aspirin-energy"}
    for _, figure in figures:
        json.loads(figure)


def test_the_markdown_has_the_same_numbers(content, tmp_path):
    write_tables(content, tmp_path / "out")
    text = (tmp_path / "out" / "tables.md").read_text()
    for part in ("10.0 ± 1.4 (2) †", "| 9.8 |", "**Short runs", COMMAND, "![aspirin](aspirin.png)"):
        assert part in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.count(" | ") in {4, 9}
    assert (tmp_path / "out" / "aspirin.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "out" / "benzene.png").exists()


def test_the_verdict_comes_from_the_shortest_runs(published, run_of):
    def kind(*runs):
        return verdict(Reproduction(published, runs, COMMAND, [])).kind

    nothing = run_of("aspirin", "allegro", 0)
    full = run_of("aspirin", "allegro", 1, [0.1, 0.2])
    short = run_of("aspirin", "allegro", 2, [0.1, 0.2], epochs_of_paper=3)
    assert kind(nothing) == "open"
    assert kind(full) == "good"
    assert kind(full, nothing) == "open"
    assert kind(full, nothing, short) == "bad"


def test_bands_span_the_seeds_that_came_so_far(published, run_of):
    runs = [
        run_of("benzene", "allegro", 0, [0.5, 0.3]),
        run_of("benzene", "allegro", 1, [0.3], finished=False),
        run_of("benzene", "allegro-qdi", 0),
    ]
    found = bands(quantities(published)[0], "benzene", runs)
    assert list(found) == ["allegro"]
    band = found["allegro"]
    assert band.epochs.tolist() == [1, 2]
    np.testing.assert_allclose(
        [band.low, band.mean, band.high], [[300, 300], [400, 300], [500, 300]]
    )
