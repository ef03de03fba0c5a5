"""The executable ``cuprolith-vasp-rehearsal``, called in a run's directory as ``vasp_std`` is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cuprolith.errors import CuprolithError
from workflows.vasp_rehearsal.potentials import rehearsal_calculator, reproducible
from workflows.vasp_rehearsal.run import RunAbortedError, run


def main() -> int:
    """Run the input files of the current directory; return the exit status.

    ``CUPROLITH_REHEARSAL`` names the potential (default ``diep-r2scan``; ``emt-like`` is fast).
    """
    name = os.environ.get("CUPROLITH_REHEARSAL", "diep-r2scan")
    try:
        calculator = rehearsal_calculator(name)
        with reproducible(name):
            run(Path.cwd(), calculator, sys.stdout)
    except CuprolithError as error:
        print(error, file=sys.stderr)
        return 1
    except RunAbortedError:
        return 1
    except OSError as error:
        print(f"forrtl: severe (38): error during write\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
