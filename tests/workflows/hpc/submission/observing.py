"""A job that tells where it runs."""

import json
import os
import time
from pathlib import Path

import numpy as np
from jobflow import job


@job
def observe(does: str = "") -> None:
    print("said by the job", flush=True)
    drawn = float(np.random.random())  # noqa: NPY002
    known = {"pid": os.getpid(), "parent": os.getppid(), "drawn": drawn, "cwd": os.getcwd()}  # noqa: PTH109
    Path("observed.json").write_text(json.dumps({**known, "given": os.environ.get("GIVEN", "")}))
    if does == "dies":
        os._exit(3)
    if does == "waits":
        time.sleep(120)
