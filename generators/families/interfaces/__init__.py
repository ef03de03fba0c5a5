"""Coherent interfaces of two slabs."""

from generators.families.interfaces.section import section_interfaces
from generators.families.interfaces.settings import InterfaceSettings
from generators.family import Family, Kind

FAMILY = Family(
    name="interfaces",
    settings=InterfaceSettings,
    build=section_interfaces,
    kinds=(Kind("interface", "two crystals face to face", "#d55e00", melts=True),),
    order=50,
    several=True,
    overlap=(
        "gaps",
        "Raise `gaps` (and `vacuum`, if there is one), or leave `gaps` out: they then follow from "
        "the elements",
    ),
)
