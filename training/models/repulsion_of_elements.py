"""The repulsion of the nuclei of elements, as NequIP's configuration names it.

Not in the file of the module itself: a packaged model would need ASE's tables.
"""

from __future__ import annotations

from typing import Any

from ase.data import atomic_numbers, covalent_radii

from training.models.core_repulsion import CoreRepulsion

REACH = 0.7
"""Where it ends, in sums of covalent radii: triple bonds are as short as 0.77 (nitrogen)."""


def repulsion_of_elements(
    type_names: list[str], r_max: float, irreps_in: dict[str, Any] | None = None
) -> CoreRepulsion:
    """Return the repulsion that ends at 0.7 times the sum of two covalent radii.

    Parameters
    ----------
    type_names
        Chemical symbols of the model; radii are those of Cordero et al., Dalton Trans. 2008, 2832.
    r_max, irreps_in
        As for `CoreRepulsion`.
    """
    radii = [REACH * float(covalent_radii[atomic_numbers[name]]) for name in type_names]
    return CoreRepulsion(type_names, radii, r_max, irreps_in)
