"""The rows to run: ``inputs/molecules/reproduce.yaml``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from analysis.reproduction.molecules.results import Labels
from cuprolith.settings import Listed, Settings
from training.variant_settings import AnyTraining
from workflows.inputs.campaign_errors import explain
from workflows.inputs.names import Name
from workflows.inputs.yaml_file import FileKind, content_of, read_yaml

Positive = Annotated[int, Field(ge=1)]

_KIND = FileKind(
    "file of rows", "`systems`, `trainings`", "inputs/molecules/reproduce.yaml is the paper's"
)


class SystemSettings(Settings):
    """A molecule, its campaign, and how its frames are split."""

    name: Name
    label: str = Field(description="in tables and figures")
    campaign: str = Field(description="file of the campaign that labels it, beside this file")
    train: Positive = Field(description="frames to train on")
    val: Positive = Field(description="frames that choose the best epoch; they are not trained on")
    test: Positive = Field(description="frames that nothing is chosen by")
    order: Literal["even", "random"] = Field(
        default="random",
        description="random: drawn; even: along a cut, train evenly and with both ends",
    )
    cut: Annotated[tuple[int, int], Listed] | None = Field(
        default=None, description="atoms whose distance a cut changes; only the second moves"
    )

    @model_validator(mode="after")
    def _cut_for_even(self) -> SystemSettings:
        if self.order == "even" and self.cut is None:
            raise ValueError("`order: even` needs `cut`, the two atoms whose distance changes")
        return self


class TrainingRow(Settings):
    """A model that is trained on a system, once for each seed."""

    system: str
    model: str = Field(description="name in the tables")
    labels: Labels = Field(default="E", description="what is trained on")
    noise: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="standard deviation of what is added to energies of train and val"
    )
    training: AnyTraining = Field(description="as in a training file")

    @property
    def name(self) -> str:
        """Folder of its trainings."""
        words = [self.system, self.model, self.labels.replace("+", ""), self.training.optimizer]
        if self.noise:
            words.append(f"noise {self.noise:g}")
        return "_".join(re.sub(r"[^A-Za-z0-9.]+", "-", word).strip("-") for word in words)


class PolynomialRow(Settings):
    """A symmetric polynomial that is fitted to a system."""

    system: str
    degree: Annotated[int, Field(ge=1, le=12)]
    labels: Labels = "E"


class ShortForm(Settings):
    """What ``--short`` runs."""

    systems: Annotated[tuple[str, ...], Listed]
    seeds: Positive
    max_epochs: Positive


class MoleculeRows(Settings):
    """All rows of the tables."""

    seed: int = Field(default=0, description="of the splits, the noise, and the first training")
    systems: Annotated[tuple[SystemSettings, ...], Listed] = Field(min_length=1)
    trainings: Annotated[tuple[TrainingRow, ...], Listed] = ()
    polynomials: Annotated[tuple[PolynomialRow, ...], Listed] = ()
    short: ShortForm

    @model_validator(mode="after")
    def _known_systems(self) -> MoleculeRows:
        known = {system.name for system in self.systems}
        asked = [row.system for row in self.trainings]
        asked += [row.system for row in self.polynomials]
        for name in (*asked, *self.short.systems):
            if name not in known:
                raise ValueError(f"no system {name!r}; there are {', '.join(sorted(known))}")
        return self

    def only(self, names: tuple[str, ...]) -> MoleculeRows:
        """Return the rows of some systems; of all where none is named."""
        if not names:
            return self
        return self.model_copy(
            update={
                "systems": tuple(each for each in self.systems if each.name in names),
                "trainings": tuple(row for row in self.trainings if row.system in names),
                "polynomials": tuple(row for row in self.polynomials if row.system in names),
            }
        )


def load_rows(path: Path) -> MoleculeRows:
    """Read and validate a file of rows.

    Raises
    ------
    CampaignError
        With file, line, key and remedy for everything that is wrong.
    """
    from pydantic import ValidationError

    root = read_yaml(path, _KIND)
    try:
        return MoleculeRows.model_validate(content_of(root))
    except ValidationError as error:
        raise explain(error, MoleculeRows, path, root) from None
