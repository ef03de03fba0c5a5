"""The section ``structures`` of a campaign: one key for each family."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, create_model, model_validator

from cuprolith.settings import Listed, Settings
from generators.family import Family, ordered_families


class _Structures(Settings):
    """All structures of a campaign."""

    relaxed_parents: bool = Field(
        default=True,
        description="start vacancies, adatoms and interfaces from their slabs as relaxed by the "
        "engine; false: from ideal slabs",
    )

    def sections(self) -> Iterator[tuple[Family, str, Any]]:
        """Yield each section with its family and its path, such as ``structures.slabs[0]``."""
        for family in ordered_families():
            asked_for = getattr(self, family.name)
            where = f"structures.{family.name}"
            if family.several:
                for number, section in enumerate(asked_for):
                    yield family, f"{where}[{number}]", section
            elif asked_for is not None:
                yield family, where, asked_for

    @model_validator(mode="after")
    def _something(self) -> _Structures:
        if next(self.sections(), None) is None:
            names = ", ".join(family.name for family in ordered_families())
            raise ValueError(
                f"no structures are asked for: give one of {names}; "
                "`bulk: {}` is the crystals as they are"
            )
        return self


def _field(family: Family) -> Any:
    if family.several:
        return Annotated[tuple[family.settings, ...], Listed], ()  # type: ignore[name-defined]
    return family.settings | None, None


if TYPE_CHECKING:

    class StructuresSettings(_Structures):
        """All structures of a campaign."""

else:
    StructuresSettings = create_model(
        "StructuresSettings",
        __base__=_Structures,
        __module__=__name__,
        __doc__=_Structures.__doc__,
        **{family.name: _field(family) for family in ordered_families()},
    )
