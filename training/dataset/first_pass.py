"""First pass over the labels: write frames to a temporary file, and index them in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cuprolith.staged_file import StagedFile
from training.dataset.card import DatasetError
from training.dataset.extxyz_format import format_frame
from training.dataset.frame_index import IndexedFrame, index_frame
from training.dataset.frames import Frame
from training.dataset.quarantine import quarantine_reasons
from training.dataset.thinning import thin_trajectory
from training.dataset.work_of_forces import with_work_checked
from training.settings import DatasetSettings


@dataclass
class FirstPass:
    """Thins, checks and spools frames, one trajectory at a time.

    Attributes
    ----------
    settings
        Limits for thinning and quarantine.
    spool
        Gets the texts of all frames that are not thinned.
    sound, quarantined
        The frames in the spool, in the order they came.
    trajectory_ids
        Of all trajectories with frames.
    seen
        Frames given, thinned ones included.
    """

    settings: DatasetSettings
    spool: StagedFile
    sound: list[IndexedFrame] = field(default_factory=list)
    quarantined: list[IndexedFrame] = field(default_factory=list)
    trajectory_ids: set[str] = field(default_factory=set)
    seen: int = 0
    _offset: int = 0

    def take(self, trajectory: Iterable[Frame]) -> None:
        """Read one trajectory; raises as :func:`training.dataset.builder.build_dataset`."""
        name = None
        limit = self.settings.quarantine.max_work_mismatch
        checked = with_work_checked(self._counted(trajectory), limit)
        for frame in thin_trajectory(checked, self.settings.thinning):
            if name is None:
                name = frame.trajectory_id
                if name in self.trajectory_ids:
                    raise DatasetError(
                        f"trajectory {name} of structure {frame.structure_id} is given twice: "
                        "each run must have its own trajectory_id"
                    )
                self.trajectory_ids.add(name)
            self._keep(frame)

    def _counted(self, trajectory: Iterable[Frame]) -> Iterator[Frame]:
        for frame in trajectory:
            self.seen += 1
            yield frame

    def _keep(self, frame: Frame) -> None:
        reasons = quarantine_reasons(frame, self.settings.quarantine)
        notes = {"quarantine_reason": "; ".join(reasons)} if reasons else {}
        text = format_frame(frame, **notes)
        indexed = index_frame(frame, self._offset, len(text), reasons)
        self.spool.write(text)
        self._offset += len(text)
        (self.quarantined if reasons else self.sound).append(indexed)
