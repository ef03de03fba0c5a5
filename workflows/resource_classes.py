"""The classes that jobs are sorted into: each is a worker of its own."""

from typing import Literal

ResourceClass = Literal["dft-small", "dft-large", "gpu", "cpu"]
RESOURCE_CLASSES: tuple[ResourceClass, ...] = ("dft-small", "dft-large", "gpu", "cpu")
