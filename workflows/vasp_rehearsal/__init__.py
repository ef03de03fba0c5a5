"""An executable that runs in place of VASP, so that a campaign can be rehearsed without it.

It reads VASP's input files, labels structures with an embedded potential, and writes what readers
of VASP's output files need. Whatever it writes names :data:`NAME` as its source.
"""

NAME = "cuprolith-rehearsal"
VERSION = "6.4.3"
"""Version of VASP whose file formats are followed."""
MARK = "PLACEHOLDER FOR REHEARSALS, NOT A PSEUDOPOTENTIAL"
"""Text in each placeholder of a POTCAR."""
BANNER = f"{NAME} following vasp.{VERSION} (not VASP: energies of an interatomic potential)"
