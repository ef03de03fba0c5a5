"""The section ``structures`` of a campaign: one key for each family."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

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

    @property
    def files(self) -> dict[tuple[str, ...], Path]:
        """Files that sections name, by the path of their key below ``structures``."""
        return {
            (*place, key): value
            for place, section in self._places()
            for key in type(section).model_fields
            if isinstance(value := getattr(section, key), Path)
        }

    def with_files(self, files: Mapping[tuple[str, ...], Path]) -> Self:
        """Return a copy with other paths, by key."""

        def section_at(place: tuple[str, ...], section: Any) -> Any:
            own = {key[-1]: path for key, path in files.items() if key[:-1] == place}
            return section.model_copy(update=own) if own else section

        updated: dict[str, Any] = {}
        for place, section in self._places():
            if len(place) > 1:
                updated[place[0]] = (*updated.get(place[0], ()), section_at(place, section))
            else:
                updated[place[0]] = section_at(place, section)
        return self.model_copy(update=updated)

    def _places(self) -> Iterator[tuple[tuple[str, ...], Any]]:
        """Yield each section with the path of its key below ``structures``."""
        for family in ordered_families():
            asked_for = getattr(self, family.name)
            if family.several:
                for number, section in enumerate(asked_for):
                    yield (family.name, str(number)), section
            elif asked_for is not None:
                yield (family.name,), asked_for

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
