"""An executable that stands where VASP would, so that a campaign can be rehearsed without it.

It reads VASP's input files, labels structures with an embedded potential, and writes the files
VASP writes. Whatever it writes names :data:`PROGRAM` as its source.
"""

PROGRAM = "cuprolith-rehearsal"
VERSION = "6.4.3"
"""Version of VASP whose file formats are followed."""
BANNER = f"{PROGRAM} following vasp.{VERSION} (not VASP: energies of an interatomic potential)"
