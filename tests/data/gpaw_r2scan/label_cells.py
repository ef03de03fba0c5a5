"""Label the reference cells with GPAW r2SCAN, through the `gpaw` engine.

``python label_cells.py "/opt/gpaw/bin/gpaw python" SCRATCH [KPOINT_LENGTH]``, with the repository
on PYTHONPATH. Cells labelled already (their logs are in SCRATCH) are not computed again.
"""

import json
import os
import sys
import time
from pathlib import Path

from pymatgen.core import Structure
from reference_cells import reference_cells

from cuprolith.errors import CuprolithError
from generators.candidate import Candidate
from training.dataset.extxyz import write_frames
from workflows.engines.gpaw.installation import usable_installation
from workflows.engines.gpaw.makers import GpawStaticMaker
from workflows.engines.gpaw.settings import GpawSettings
from workflows.labelling.document import Provenance, frames_of

KPOINT_LENGTH = 20.0  # Å, against the paper's 32 Å: a quarter of the time
HERE = Path(__file__).parent.resolve()


def main(command: str, scratch: Path, kpoint_length: float = KPOINT_LENGTH) -> None:
    settings = GpawSettings(
        command=command, kpoint_length=kpoint_length, smearing="gaussian", smearing_width=0.1
    )
    found = usable_installation(settings)
    maker = GpawStaticMaker(
        functional=settings.functional_label,
        config_hash=found.config_hash(settings),
        gpaw=settings,
    )
    scratch.mkdir(parents=True, exist_ok=True)
    os.chdir(scratch)
    frames = []
    cells = reference_cells()
    names = {candidate.structure_id: name for name, candidate in cells}
    for name, candidate in cells:
        started = time.perf_counter()
        provenance = Provenance(
            candidate.structure_id, candidate.family, candidate.miller_text, candidate.parent_id
        )
        try:
            document = maker.label(_structure(candidate), provenance)
        except CuprolithError as error:
            print(f"{name}: FAILED {error}", flush=True)
            continue
        frames += frames_of(document.as_dict())
        seconds = time.perf_counter() - started
        print(f"{name}: {len(candidate.structure)} atoms, {seconds:.1f} s", flush=True)
        write_frames(HERE / "cells.extxyz", frames)
        card = {
            "engine": f"GPAW {found.gpaw}, libxc {found.libxc}, setups {found.setups}",
            "settings": settings.identity(),
            "config_hash": maker.config_hash,
            "cells": {frame.structure_id: names[frame.structure_id] for frame in frames},
        }
        (HERE / "cells.json").write_text(json.dumps(card, indent=1) + "\n")


def _structure(candidate: Candidate) -> Structure:
    return candidate.structure.copy(site_properties={})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *map(float, sys.argv[3:]))
