"""The working directory of a campaign: the paths of all files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from cuprolith.hashes import file_sha256, sha256, short_hash
from cuprolith.json_files import read_json_if_whole, write_atomically, write_json
from cuprolith.progress import announce
from workflows.environment import describe_environment

if TYPE_CHECKING:
    from workflows.inputs.campaign import Campaign

_SEAL_HEAD = "# As frozen. To change it, change your own file and give that with --update."
_SEAL = "# sha256: "


@dataclass(frozen=True)
class Workdir:
    """Paths of a campaign's files, one property per thing."""

    root: Path

    @property
    def campaign_yaml(self) -> Path:
        """Frozen campaign, defaults written out."""
        return self.root / "campaign.yaml"

    @property
    def environment_json(self) -> Path:
        """Versions and machine of the first run."""
        return self.root / "environment.json"

    @property
    def crystals(self) -> Path:
        """Copies of the files that the campaign names: crystals, the engine's model, own frames."""
        return self.root / "crystals"

    @property
    def structures_xyz(self) -> Path:
        """Candidates, extended XYZ."""
        return self.root / "structures" / "structures.extxyz"

    @property
    def structures_json(self) -> Path:
        """Candidates' provenance."""
        return self.root / "structures" / "structures.json"

    @property
    def overview_json(self) -> Path:
        """Counts and costs of the candidates."""
        return self.root / "structures" / "overview.json"

    @property
    def lattice_constants_json(self) -> Path:
        """Crystals relaxed with the engine."""
        return self.root / "structures" / "lattice_constants.json"

    @property
    def runs(self) -> Path:
        """Folder where engines that write files run; each run has a folder of its own in it."""
        return self.root / "labels" / "runs"

    @property
    def labels(self) -> Path:
        """Folder of the files of jobs that label, at home and in a queue."""
        return self.root / "labels"

    @property
    def label_results(self) -> Path:
        """What the jobs that label gave."""
        return self.labels / "results"

    @property
    def label_log(self) -> Path:
        """One line per job event."""
        return self.root / "labels" / "log.jsonl"

    @property
    def labels_json(self) -> Path:
        """Summary of all label runs."""
        return self.root / "labels" / "labels.json"

    @property
    def dataset(self) -> Path:
        """Folder of the dataset."""
        return self.root / "dataset"

    @property
    def dataset_card(self) -> Path:
        """Card of the dataset."""
        return self.dataset / "dataset.json"

    def training(self, variant: str) -> Path:
        """Folder of one variant's training."""
        return self.root / "training" / variant

    def validation(self, variant: str) -> Path:
        """Return the file of the validation of the trained potential."""
        return self.training(variant) / "validation.json"

    @property
    def validations(self) -> Path:
        """Folder of other validations: of other potentials, references or properties."""
        return self.root / "validations"

    @property
    def measurements(self) -> Path:
        """Folder of all measurements that validations are made of."""
        return self.validations / "measurements"

    @property
    def kernel_baseline_json(self) -> Path:
        """Errors of the kernel model that judges all trainings on the dataset."""
        return self.root / "training" / "kernel_baseline.json"

    def study(self, variant: str) -> Path:
        """Folder of the study of one variant."""
        return self.root / "tuning" / variant

    @property
    def report_html(self) -> Path:
        """The report."""
        return self.root / "report" / "index.html"

    @property
    def timings_json(self) -> Path:
        """Seconds of each stage."""
        return self.root / "timings.json"

    def campaign(self) -> Campaign:
        """Load the frozen campaign.

        Raises
        ------
        CuprolithError
            If the workdir holds none, or it is not what was frozen.
        """
        if not self.campaign_yaml.is_file():
            raise CuprolithError(
                "no campaign here",
                where=str(self.root),
                remedy="give the campaign file: cuprolith generate CAMPAIGN.yaml --workdir "
                f"{self.root}",
            )
        from workflows.inputs.campaign_errors import CampaignError

        try:
            _require_sealed(self.campaign_yaml)
            campaign = self._parsed()
            self._require_copies(campaign)
        except CampaignError as error:
            raise DamagedCampaignError(
                error.message,
                where=error.where,
                remedy=f"run again with your campaign file and --workdir {self.root}: what is "
                "damaged is restored, and all that is finished is kept",
            ) from error
        return campaign

    def _parsed(self) -> Campaign:
        """Parse the frozen campaign, once as long as the file stays the same."""
        from workflows.inputs.campaign import load_campaign

        digest = file_sha256(self.campaign_yaml)
        known: tuple[str, Campaign] | None = self.__dict__.get("_known")
        if known is None or known[0] != digest:
            known = digest, load_campaign(self.campaign_yaml)
            self.__dict__["_known"] = known
        return known[1]

    def _require_copies(self, campaign: Campaign) -> None:
        from workflows.inputs.campaign_errors import CampaignError

        crystals = [crystal.file for crystal in campaign.crystals.values()]
        appended = [each.path for each in campaign.append]
        others = [*campaign.structures.files.values(), *campaign.engine.files.values()]
        for file in [*crystals, *others, *appended]:
            if file is None or not file.is_relative_to(self.crystals.resolve()):
                continue
            if short_hash(file.read_bytes()) != file.parent.name.rpartition("-")[2]:
                raise CampaignError("damaged: not the file it was copied from", str(file))

    def freeze(self, campaign: Campaign, *, update: bool = False) -> Campaign:
        """Write the campaign and its environment, or check that they are the same as here.

        A campaign that made nothing yet, because `generate` failed, is replaced.

        Parameters
        ----------
        update
            Accept a campaign that differs from the frozen one. Finished labels that it still
            asks for are kept.

        Raises
        ------
        CuprolithError
            If another campaign is frozen here and `update` is False.
        """
        campaign = self._with_copies(campaign)
        differences = self._differences(campaign.with_absolute_files(self.root))
        if differences and not update and not self._nothing_made:
            raise CuprolithError(
                "the workdir holds another campaign; it differs in\n    "
                + "\n    ".join(differences),
                where=str(self.campaign_yaml),
                remedy="use another --workdir, or --update to continue here with the new "
                "settings (finished labels that still fit are kept)",
            )
        if differences is None or differences:
            self.root.mkdir(parents=True, exist_ok=True)
            write_atomically(self.campaign_yaml, [sealed(campaign.to_yaml())])
        frozen = self.campaign()
        if self._frozen_hash() != frozen.campaign_hash:
            write_json(self.environment_json, describe_environment(frozen.campaign_hash))
        return frozen

    def _differences(self, campaign: Campaign) -> list[str] | None:
        """Return how a campaign differs from the frozen one; None if that must be written."""
        from workflows.inputs.campaign import campaign_differences

        reason = "is missing"
        if self.campaign_yaml.is_file():
            try:
                return campaign_differences(self.campaign(), campaign)
            except DamagedCampaignError as error:
                reason = "is damaged"
                if self._frozen_hash() == campaign.campaign_hash:
                    announce(f"warning: {error.where}: {error.message}; it is put back")
        known = self._frozen_hash()
        if self._nothing_made or known == campaign.campaign_hash:
            return None
        return [
            f"something: {self.campaign_yaml.name} {reason}, and the one given is not known to be "
            "the same"
        ]

    @property
    def _nothing_made(self) -> bool:
        """Whether no stage has made anything in this workdir."""
        made = (self.structures_json, self.structures_xyz, self.labels_json, self.dataset_card)
        if any(path.exists() for path in made) or (self.root / "training").exists():
            return False
        return self.environment_json.exists() or not self.campaign_yaml.exists()

    def _frozen_hash(self) -> str | None:
        """Return the hash of the frozen campaign as its environment has it; None if unknown."""
        content = read_json_if_whole(self.environment_json)
        found = content.get("campaign_hash") if isinstance(content, dict) else None
        return found if isinstance(found, str) else None

    def _with_copies(self, campaign: Campaign) -> Campaign:
        """Copy the files that the campaign names in, so that the workdir needs no others."""
        from workflows.inputs.campaign import with_paths

        crystals = {
            name: crystal
            if crystal.file is None
            else crystal.model_copy(update={"file": self._copy_of(crystal.file, name)})
            for name, crystal in campaign.crystals.items()
        }
        structures = campaign.structures.with_files(
            {
                place: self._copy_of(file, place[0])
                for place, file in campaign.structures.files.items()
            }
        )
        files = {
            key: self._copy_of(file, f"engine-{key}") for key, file in campaign.engine.files.items()
        }
        engine = campaign.engine.with_files(files)
        copies = [self._copy_of(each.path, "append") for each in campaign.append]
        append = with_paths(campaign.append, copies)
        return campaign.model_copy(
            update={
                "crystals": crystals,
                "structures": structures,
                "engine": engine,
                "append": append,
            }
        )

    def _copy_of(self, file: Path, name: str) -> Path:
        """Copy a file to the workdir and return the path of the copy, relative to the workdir."""
        # Named by content, so that a changed file is another campaign, not a silent old copy.
        content = file.read_bytes()
        copy = self.crystals / f"{name}-{short_hash(content)}" / file.name
        if not copy.is_file() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(copy, [content])
        return copy.relative_to(self.root)

    def require(self, path: Path, verb: str) -> Path:
        """Return `path` if it exists; the error names the command that makes it.

        Raises
        ------
        CuprolithError
            If it does not exist.
        """
        if not path.exists():
            raise CuprolithError(
                f"{path.relative_to(self.root)} is missing",
                where=str(self.root),
                remedy=f"run `cuprolith {verb} --workdir {self.root}` first",
            )
        return path

    def record_seconds(self, stage: str, seconds: float) -> None:
        """Record how long a stage took."""
        timings = read_json_if_whole(self.timings_json)
        stages = timings.get("stages") if isinstance(timings, dict) else None
        stages = stages if isinstance(stages, dict) else {}
        write_json(self.timings_json, {"stages": {**stages, stage: round(seconds, 3)}})


class DamagedCampaignError(CuprolithError):
    """The frozen campaign was changed."""


def sealed(text: str) -> str:
    """Return the text of a YAML file whose last line shows whether it is whole."""
    return f"{_SEAL_HEAD}\n{text}{_SEAL}{sha256(text)}\n"


def _require_sealed(path: Path) -> None:
    """Check the last line of a sealed file; files of earlier versions have none.

    Raises
    ------
    CampaignError
        If the file was cut or changed.
    """
    from workflows.inputs.campaign_errors import CampaignError

    text = path.read_text(encoding="utf-8", errors="replace")
    if _SEAL_HEAD not in text and _SEAL not in text:
        return
    content = text.removeprefix(f"{_SEAL_HEAD}\n").rpartition(_SEAL)[0]
    if sealed(content) != text:
        raise CampaignError("damaged: it was cut or changed since it was written", str(path))
