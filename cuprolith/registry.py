"""Registries: one per kind of thing, filled by this project and by other packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from typing import Annotated, Any, Generic, Protocol, TypeVar, Union

from pydantic import Discriminator, Tag

from cuprolith.errors import CuprolithError


class Entry(Protocol):
    """One thing of a kind: an engine, a family, a variant, a source."""

    @property
    def name(self) -> str:
        """Name in settings files."""


E = TypeVar("E", bound=Entry)


class RegistryError(CuprolithError):
    """An entry is missing, broken, or defined twice."""


class Registry(Generic[E]):
    """All entries of one kind, by name.

    The project's own entries are the modules and packages directly inside `package`: each holds
    one entry in the attribute ``<KIND>``. Entries of other packages are what the entry points of
    the group ``cuprolith.<package>`` name. Nothing else lists names.

    Modules of entries are imported whenever settings are read, so they import nothing slow (torch,
    NequIP, atomate2) before it is needed.

    Parameters
    ----------
    kind
        What an entry is called, such as "engine".
    package
        Dotted name of the package with the project's own entries, such as "workflows.engines".
    """

    def __init__(self, kind: str, entry_type: type[E], package: str) -> None:
        self.kind = kind
        self.group = f"cuprolith.{package.rpartition('.')[2]}"
        self._entry_type = entry_type
        self._package = package

    @cached_property
    def entries(self) -> Mapping[str, E]:
        """All entries by name, sorted by name.

        Raises
        ------
        RegistryError
            If an entry cannot be loaded, or two have the same name.
        """
        found: dict[str, E] = {}
        origins: dict[str, str] = {}
        for entry, origin in self._all():
            if (name := entry.name) in found:
                raise RegistryError(
                    f"{self.kind} {name!r} is defined twice: by {origins[name]} and by {origin}",
                    remedy="uninstall one of the two packages",
                )
            found[name], origins[name] = entry, origin
        return dict(sorted(found.items()))

    def __getitem__(self, name: str) -> E:
        """Return an entry by its name.

        Raises
        ------
        RegistryError
            If there is none.
        """
        try:
            return self.entries[name]
        except KeyError:
            raise RegistryError(
                f"no {self.kind} {name!r}",
                remedy=f"choose one of {', '.join(self.entries)}, or install the package that "
                "defines it",
            ) from None

    def __iter__(self) -> Iterator[E]:
        """Iterate over the entries, sorted by name."""
        return iter(self.entries.values())

    def __contains__(self, name: object) -> bool:
        """Whether there is an entry of this name."""
        return name in self.entries

    def _all(self) -> Iterator[tuple[E, str]]:
        """Yield all entries and where they come from, this project's first."""
        package = import_module(self._package)
        for module in iter_modules(package.__path__, f"{self._package}."):
            found = getattr(import_module(module.name), self.kind.upper(), None)
            yield self._checked(found, module.name), module.name
        for point in entry_points(group=self.group):
            yield self._checked(_loaded(point), point.value), _package_of(point)

    def _checked(self, entry: object, origin: str) -> E:
        if not isinstance(entry, self._entry_type):
            raise RegistryError(
                f"{origin} is no {self.kind}: {entry!r} is not a {self._entry_type.__name__}",
                remedy=f"define {self.kind.upper()} = {self._entry_type.__name__}(...) there",
            )
        return entry


def union_of(models: Mapping[str, type], discriminator: str, default: str | None = None) -> Any:
    """Return the discriminated union of pydantic models, as an annotation.

    Parameters
    ----------
    models
        Model by the value of the discriminator.
    discriminator
        Field that all models share and that names one of them.
    default
        Value that counts where a settings file leaves the field out.
    """

    def tag(value: Any) -> Any:
        if isinstance(value, dict):
            return value.get(discriminator, default)
        return getattr(value, discriminator, None)

    members = [Annotated[model, Tag(name)] for name, model in models.items()]
    return Annotated[
        Union[tuple(members)],  # noqa: UP007  (made of a list)
        Discriminator(
            tag,
            custom_error_type="unknown_name",
            custom_error_message=f"`{discriminator}` must be one of {', '.join(models)}",
            custom_error_context={"key": discriminator, "names": ", ".join(models)},
        ),
    ]


def _loaded(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as error:
        raise RegistryError(
            f"{point.group} {point.name!r} of package {_package_of(point)} cannot be loaded: "
            f"{type(error).__name__}: {error}",
            remedy="update or uninstall that package",
        ) from error


def _package_of(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
