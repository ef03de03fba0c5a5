"""Resource classes of jobs; each class is a worker."""

from typing import Literal

ResourceClass = Literal["dft-small", "dft-large", "gpu", "cpu"]
RESOURCE_CLASSES: tuple[ResourceClass, ...] = ("dft-small", "dft-large", "gpu", "cpu")
