"""Measure all cases of properties with a potential and its references; what is stored is kept."""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from analysis.validation.comparison import (
    MISSING,
    Outcome,
    compared_curves,
    compared_values,
    error_line,
    exact_reference,
)
from analysis.validation.forecast import Forecast
from analysis.validation.material import Material
from analysis.validation.property import Case, Property
from analysis.validation.results import CurvePair, Value
from analysis.validation.source import NotAvailableError, Source
from analysis.validation.stored_measurements import (
    MeasurementFolder,
    MeasurementKey,
    material_hash,
)
from cuprolith.progress import ProgressBar, progress_bar


@dataclass(frozen=True, eq=False)
class Measured:
    """Results of all cases, in the order of the properties.

    Attributes
    ----------
    seconds
        Time of all measurements, those that were stored earlier too.
    """

    values: list[Value]
    curves: list[CurvePair]
    seconds: float


def measure_all(
    properties: Iterable[Property],
    material: Material,
    potential: Source,
    references: Sequence[Source],
    folder: MeasurementFolder,
) -> Measured:
    """Measure every case that is not stored, and compare.

    Parameters
    ----------
    potential
        Is asked for its calculator before its first measurement: one that cannot be loaded ends
        the validation.
    references
        Are asked in this order, until one answers.
    folder
        Where measurements are stored. Those that failed are not: they are tried again.

    Raises
    ------
    Exception
        What the calculator of the potential raises when it is loaded.
    OSError
        If a measurement cannot be stored. Whatever a measurement raises becomes a value that has
        not passed.
    """
    bench = _Bench(potential, references, folder, material_hash(material))
    tasks: list[_Task] = []
    for entry in properties:
        tasks += _tasks(entry, material)
    for task in tasks:
        bench.look_up(task)
    bench.measure_missing(tasks)
    for task in tasks:
        bench.complete(task)
    return Measured(
        values=[value for task in tasks for value in task.values()],
        curves=[curve for task in tasks for curve in task.curves()],
        seconds=sum(task.seconds for task in tasks),
    )


@dataclass(eq=False)
class _Task:
    """A case, and what came of it so far."""

    entry: Property
    case: Case | None
    potential: Outcome | None = None
    reference: Outcome | None = None
    waiting: list[Source] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.case.name if self.case is not None else ""

    @property
    def both(self) -> tuple[Outcome, Outcome]:
        assert self.potential is not None
        assert self.reference is not None
        return self.potential, self.reference

    @property
    def seconds(self) -> float:
        return sum(outcome.seconds for outcome in self.both)

    def values(self) -> list[Value]:
        return compared_values(self.entry, self.name, *self.both)

    def curves(self) -> list[CurvePair]:
        return compared_curves(self.entry, self.name, *self.both)


def _tasks(entry: Property, material: Material) -> list[_Task]:
    """List the cases of a property; one without a name stands for a property with a problem."""
    if entry.requires is not None and importlib.util.find_spec(entry.requires[0]) is None:
        package, extra = entry.requires
        reason = f"needs {package}: pip install 'cuprolith[{extra}]'"
        return [_Task(entry, None, Outcome("potential", None, reason), Outcome(MISSING))]
    try:
        return [_Task(entry, case) for case in entry.cases(material)]
    except Exception as error:  # noqa: BLE001  (one property must not end the validation)
        failed = Outcome("potential", None, error_line(error), failed=True)
        return [_Task(entry, None, failed, Outcome(MISSING))]


@dataclass(eq=False)
class _Bench:
    """The sources, and the folder of what they have given."""

    potential: Source
    references: Sequence[Source]
    folder: MeasurementFolder
    material: str

    def look_up(self, task: _Task) -> None:
        """Find what is stored, and ask the sources that need not compute."""
        if task.case is None:
            return
        task.potential = self._stored(task, self.potential)
        if task.entry.exact is not None:
            return
        for place, source in enumerate(self.references):
            found = self._stored(task, source)
            if found is None and source.computes:
                task.waiting = list(self.references[place:])
                return
            if self._accepts(task, found or self._measured(task, source)):
                return

    def measure_missing(self, tasks: Sequence[_Task]) -> None:
        """Measure what is not stored, with the potential and the sources that compute."""
        pending = [task for task in tasks if task.potential is None or task.waiting]
        if not pending:
            return
        if any(task.potential is None for task in pending):
            self.potential.calculator()
        forecast = Forecast(self._left(pending))
        with progress_bar("validate", total=len(tasks)) as bar:
            bar.resume_at(len(tasks) - len(pending))
            for task in pending:
                self._measure_task(task, forecast, bar)
                bar.advance(1, str(forecast))

    def complete(self, task: _Task) -> None:
        """Give a task its reference if it has none yet: the exact one, or a missing one."""
        if task.reference is not None:
            return
        assert task.potential is not None
        given = task.potential.measurement
        if task.entry.exact is not None and given is not None:
            task.reference = exact_reference(task.entry, given)
        else:
            task.reference = Outcome(MISSING, None, "; ".join(task.reasons))

    def _measure_task(self, task: _Task, forecast: Forecast, bar: ProgressBar) -> None:
        assert task.case is not None
        title = f"{task.entry.title.lower()} {task.name}"
        if task.potential is None:
            bar.say(_line(title, self.potential.name, forecast))
            task.potential = self._measured(task, self.potential)
            steps = task.case.atom_steps
            forecast.finished(self.potential.name, steps, task.potential.seconds)
        for source in task.waiting:
            bar.say(_line(title, source.name, forecast))
            outcome = self._stored(task, source) or self._measured(task, source)
            if source is task.waiting[0]:
                forecast.finished(source.name, task.case.atom_steps, outcome.seconds)
            if self._accepts(task, outcome):
                return

    def _left(self, pending: Sequence[_Task]) -> dict[str, float]:
        left: dict[str, float] = {}
        for task in pending:
            assert task.case is not None
            sources = [self.potential] if task.potential is None else []
            for source in [*sources, *task.waiting[:1]]:
                left[source.name] = left.get(source.name, 0.0) + task.case.atom_steps
        return left

    def _accepts(self, task: _Task, outcome: Outcome) -> bool:
        """Take an outcome as the reference if it is a measurement; else note why it is none."""
        if outcome.measurement is not None:
            task.reference = outcome
            return True
        task.reasons.append(outcome.reason)
        return False

    def _stored(self, task: _Task, source: Source) -> Outcome | None:
        found = self.folder.read(self._key(task, source))
        return None if found is None else Outcome(source.name, found[0], seconds=found[1])

    def _measured(self, task: _Task, source: Source) -> Outcome:
        assert task.case is not None
        started = time.perf_counter()
        try:
            with warnings.catch_warnings(), source.measuring():
                warnings.simplefilter("ignore")  # overflow in a run that explodes
                measurement = task.case.measure(source)
        except NotAvailableError as error:
            return Outcome(source.name, None, error.message, seconds=_since(started))
        except Exception as error:  # noqa: BLE001  (whatever it is, the value has not passed)
            reason = f"{source.name}: {error_line(error)}"
            return Outcome(source.name, None, reason, failed=True, seconds=_since(started))
        seconds = _since(started)
        self.folder.write(self._key(task, source), measurement, seconds)
        return Outcome(source.name, measurement, seconds=seconds)

    def _key(self, task: _Task, source: Source) -> MeasurementKey:
        return MeasurementKey(
            property_name=task.entry.name,
            version=task.entry.version,
            case=task.name,
            source=source.name,
            identity=source.identity,
            material=self.material,
        )


def _line(title: str, source: str, forecast: Forecast) -> str:
    return ", ".join(filter(None, (f"{title}: {source}", str(forecast))))


def _since(started: float) -> float:
    return time.perf_counter() - started
