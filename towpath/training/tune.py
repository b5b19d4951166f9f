"""Search for better parameters, cross-validated on the training rows alone; test rows are never touched."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from towpath.core import formats
from towpath.core.errors import Conflict, Faulty, UsageError
from towpath.core.measures import Measure
from towpath.data.lock import only_one
from towpath.data.table import LabelledRows
from towpath.declare.service import Service, unknown_parameter
from towpath.declare.tuning import Search
from towpath.training.complaints import NotTaken
from towpath.training.crossval import cross_validate
from towpath.training.describe import describe
from towpath.training.fit import one_thread
from towpath.training.inputs import Inputs, readable_params, with_params
from towpath.training.split import split_rows
from towpath.training.trials import Trials, load_optuna

BEST = "best.json"


class Reached(Struct, frozen=True):
    """A metric over the folds: its mean, the standard deviation between them, and each fold's."""

    mean: float
    sd: float
    folds: tuple[float, ...]


class Tuned(Struct, frozen=True, tag_field="format", tag=formats.TUNED):
    """What a search found. params: the best; declared_params: what the declaration says of the same names.

    better: the mean over the folds of best less declared, in the direction in which more is better, with its standard
    deviation; the folds are the same rows for both.
    """

    service: str
    metric: str
    seed: int
    params: dict[str, Any]
    declared_params: dict[str, Any]
    best: Reached
    declared: Reached
    better: Reached
    trials: int
    pruned: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class Progress:
    """Told after every fold and trial: how many trials of how many are done, and the best mean so far."""

    done: int
    wanted: int
    best: float
    pruned: int


@dataclass(frozen=True)
class Budget:
    """How long to search: trials in all, those of an earlier session counted, and seconds of this one."""

    trials: int
    seconds: float | None = None


@dataclass
class Tuning:
    """One search. It goes on where an earlier one of the same data, declaration and seed stopped, unless `fresh`."""

    service: Service
    rows: LabelledRows
    inputs: Inputs
    folder: Path
    fresh: bool = False
    must_exist: bool = False
    tell: Callable[[Progress], None] = lambda progress: None
    say: Callable[[str], None] = lambda text: None
    _began: float = field(default_factory=time.monotonic)

    def run(self, budget: Budget) -> Tuned:
        """Raises UsageError where nothing is declared to be searched, Faulty naming unknown parameters."""
        load_optuna()
        search = searched(self.service)
        measure = objective(self.service, search)
        with one_at_a_time(self.folder), one_thread():
            trials = Trials(self._journal(search, measure), measure.sign, self.inputs.seed)
            declared = trials.declared or self._reach(measure, {})
            trials.declared = declared
            self._search(trials, search, measure, budget)
            tuned = self._told(trials, search, measure, declared)
            (self.folder / BEST).write_bytes(formats.canonical(tuned) + b"\n")
            return tuned

    def _journal(self, search: Search, measure: Measure) -> Path:
        """The file of this very search: another declaration, metric, seed or data set is another search."""
        made_of = [self.inputs.key("prepare"), self.inputs.key("fit"), describe(search), describe(measure)]
        key = formats.digest(formats.canonical(made_of))
        path = self.folder / f"{key[:12]}.journal"
        if self.must_exist and not path.is_file():
            raise UsageError(
                f"there is no search of {self.service.name} to go on with: none was begun, or data, declaration or "
                "seed changed since",
                hint=f"towpath candidate tune {self.service.name}",
            )
        if self.fresh:
            path.unlink(missing_ok=True)
        return path

    def _search(self, trials: Trials, search: Search, measure: Measure, budget: Budget) -> None:
        if trials.done:
            self.say(f"going on after {trials.done} trials")
        while trials.done < budget.trials and not self._is_over(budget):
            trial = trials.ask(search)
            try:
                trial.finish(self._reach(measure, trial.params, trial.should_stop))
            except (NotTaken, ValueError, TypeError) as error:  # parameters that do not go together
                trial.fail(str(error))
                self.say(f"trial {trials.done} fails with {trial.params}: {str(error).splitlines()[0]}")
                if trials.done == trials.failed >= 5:
                    raise UsageError(f"all {trials.failed} trials fail, the last with: {error}") from error
            self.tell(Progress(trials.done, budget.trials, trials.best_value, trials.pruned))

    def _is_over(self, budget: Budget) -> bool:
        return budget.seconds is not None and time.monotonic() - self._began >= budget.seconds

    def _reach(
        self, measure: Measure, params: Mapping[str, Any], stop: Callable[[int, float], bool] | None = None
    ) -> list[float]:
        """The metric of each fold; of the folds until it was stopped."""
        service = with_params(self.service, params)
        learn, _ = split_rows(service.split, self.rows.targets)
        frame, targets = self.rows.features.iloc[learn], self.rows.targets[learn]
        return cross_validate(service, frame, targets, measure, seed=self.inputs.seed, stop=stop)

    def _told(self, trials: Trials, search: Search, measure: Measure, declared: list[float]) -> Tuned:
        params, folds = trials.best() or ({}, declared)
        known = readable_params(self.service.estimator())
        gained = [measure.sign * (new - old) for new, old in zip(folds, declared, strict=True)]
        return Tuned(
            self.service.name,
            measure.name,
            self.inputs.seed,
            params,
            {name: known.get(name) for name in search.space},
            reached(folds),
            reached(declared),
            reached(gained),
            trials.done,
            trials.pruned,
            trials.failed,
            round(time.monotonic() - self._began, 1),
        )


def searched(service: Service) -> Search:
    """What the service declares to be searched, every name checked against the estimator."""
    if service.tune is None:
        params = readable_params(service.estimator()).items()
        example = next((name for name, value in params if type(value) is int and value > 1), "step__parameter")
        raise UsageError(
            f"{service.name} declares nothing to be tuned",
            hint=f'write in service.py: tune={{"{example}": whole(30, 200)}}, with whole(), real() or choice()',
        )
    known = service.estimator().get_params(deep=True)
    unknown = [(f"tune.{name}", unknown_parameter(name, known)) for name in service.tune.space if name not in known]
    if unknown:
        raise Faulty(f"the search space of {service.name}", unknown, hint="the names are those of set_params")
    return service.tune


def objective(service: Service, search: Search) -> Measure:
    """The metric to be best at: the named one, or the first that the service measures."""
    return next(metric for metric in service.metrics if search.metric in ("", metric.name))


def reached(folds: list[float]) -> Reached:
    """Mean and standard deviation over folds; of one fold the latter is 0."""
    return Reached(float(np.mean(folds)), float(np.std(folds, ddof=1)) if len(folds) > 1 else 0.0, tuple(folds))


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Two searches in one journal would try the same twice. Raises Conflict."""
    try:
        with only_one(folder / "lock", "tuning", patience=0.0):
            yield
    except Conflict as error:
        raise Conflict("this service is being tuned by another process", hint="wait, or stop it") from error


def chance_gain(gain: Reached, trials: int) -> float:
    """The mean gain over the folds that the best of so many worthless trials stays below, 95 times of 100.

    The one-sided paired t quantile of folds - 1 degrees of freedom (Student, 1908), at 0.05 / trials since the best of
    them is taken (Bonferroni's inequality; Dunn, 1961). Folds share training rows, so it is still a little too small
    (Nadeau and Bengio, 2003). Infinite for a single fold, which says nothing of how much folds differ.
    """
    from scipy.stats import t  # with scikit-learn; only a search that is over pays for it

    count = len(gain.folds)
    if count < 2:
        return float("inf")
    return float(t.ppf(1.0 - 0.05 / max(trials, 1), count - 1)) * gain.sd / float(np.sqrt(count))


def snippet(estimator: Any, params: Mapping[str, Any]) -> str:
    """The parameters as they are written in build(), one step a line: `LogisticRegression(C=0.5)`."""
    known = estimator.get_params(deep=True)
    by_step: dict[str, list[str]] = {}
    for name, value in params.items():
        step, _, own = name.rpartition("__")
        by_step.setdefault(step, []).append(f"{own}={value!r}")
    made = (
        (type(known[step]).__name__ if step else type(estimator).__name__, words) for step, words in by_step.items()
    )
    return "\n".join(f"{kind}({', '.join(words)})" for kind, words in made)
