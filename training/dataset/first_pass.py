"""First pass over the labels: write frames to a temporary file, and index them in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cuprolith.staged_file import StagedFile
from training.dataset.card import DatasetError
from training.dataset.extxyz_format import format_frame
from training.dataset.frame_index import IndexedFrame, index_frame
from training.dataset.frames import Frame
from training.dataset.quarantine import quarantine_reasons
from training.dataset.thinning import thin_trajectory
from training.dataset.work_of_forces import WorkOfForces
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
    unspooled_reasons
        Reasons that are missing from the texts in the spool, by the texts' offsets.
    trajectory_ids
        Of all trajectories with frames.
    seen
        Frames given, thinned ones included.
    """

    settings: DatasetSettings
    spool: StagedFile
    sound: list[IndexedFrame] = field(default_factory=list)
    quarantined: list[IndexedFrame] = field(default_factory=list)
    unspooled_reasons: dict[int, str] = field(default_factory=dict)
    trajectory_ids: set[str] = field(default_factory=set)
    seen: int = 0
    _offset: int = 0

    def take(self, trajectory: Iterable[Frame]) -> None:
        """Read one trajectory; raises as :func:`training.dataset.builder.build_dataset`."""
        name = None
        work = WorkOfForces(self.settings.quarantine.max_work_mismatch)
        first = len(self.sound)
        watched = work.watched(self._counted(trajectory))
        for frame in thin_trajectory(watched, self.settings.thinning):
            if name is None:
                name = frame.trajectory_id
                if name in self.trajectory_ids:
                    raise DatasetError(
                        f"trajectory {name} of structure {frame.structure_id} is given twice: "
                        "each run must have its own trajectory_id"
                    )
                self.trajectory_ids.add(name)
            self._keep(frame)
        self._set_aside(self.sound[first:], work.reasons())

    def _set_aside(self, frames: Sequence[IndexedFrame], reasons: Mapping[int, str]) -> None:
        """Quarantine the last frames in `sound` that turned out wrong when their run had ended."""
        if not reasons:
            return
        del self.sound[len(self.sound) - len(frames) :]
        for frame in frames:
            reason = reasons.get(frame.step)
            if reason is None:
                self.sound.append(frame)
            else:
                self.quarantined.append(replace(frame, reasons=(reason,), signature=None))
                self.unspooled_reasons[frame.offset] = reason

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
