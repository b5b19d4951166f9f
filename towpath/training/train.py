"""Train a service in four stages: prepare the rows, fit and prove, evaluate, and lay out everything a bundle holds."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from msgspec import structs

from towpath.core.evaluation import Evaluation
from towpath.core.lineage import DataLineage
from towpath.core.settings import Settings
from towpath.data.table import LabelledRows
from towpath.declare.service import Service
from towpath.training import evaluate, intervals, reference
from towpath.training.fit import is_text, one_thread
from towpath.training.inputs import Inputs, Stage
from towpath.training.layout import Evaluated, LaidOut, lay_out
from towpath.training.leakage import seen_in_training, with_seen
from towpath.training.learn import Fitted, Say, learn_and_prove
from towpath.training.split import split_rows
from towpath.training.stages import Ran, Result, Stages, towpath_code

T = TypeVar("T")

ReadRows = Callable[[], LabelledRows]


@dataclass(frozen=True)
class Prepared:
    """The stage `prepare`: checked rows, and which of them are learnt from and which are held out."""

    rows: LabelledRows
    learn: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Trained:
    """What one training leaves: a bundle's files, the split's positions, the held-out sample, what was measured.

    beside: files that stay with the candidate and are in no bundle, by name.
    """

    files: dict[str, bytes]
    train: np.ndarray
    test: np.ndarray
    holdout: bytes
    evaluation: Evaluation
    settings: Settings
    data: DataLineage
    beside: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Staged:
    """The four stages' results, each read from where it is kept when it is asked for."""

    prepared: Result[Prepared]
    fitted: Result[Fitted]
    measured: Result[Evaluated]
    laid: Result[LaidOut]
    key: str
    ran: tuple[Ran, ...]

    @property
    def all_cached(self) -> bool:
        return all(stage.cached for stage in self.ran)

    def trained(self) -> Trained:
        prepared, laid = self.prepared.value, self.laid.value
        return Trained(
            laid.files,
            prepared.learn,
            prepared.test,
            laid.holdout,
            self.measured.value.evaluation,
            self.fitted.value.settings,
            laid.data,
            laid.beside,
        )


def train(service: Service, rows: LabelledRows, *, seed: int, say: Say) -> Trained:
    """Everything from labelled rows to a proved model, nothing of it kept. Test rows are looked at once, to measure.

    Raises VerificationRefused where the estimator cannot be compiled or is not proved.
    """
    return run_stages(service, lambda: rows, None, Stages(say=say), seed=seed).trained()


def run_stages(service: Service, read: ReadRows, inputs: Inputs | None, stages: Stages, *, seed: int) -> Staged:
    """The same, each stage only where its inputs, or what the stages before it gave, are not those of a kept result.

    Without inputs nothing is known by what it depends on, and nothing is kept.
    """
    keys = []

    def run(stage: Stage, kind: type[T], work: Callable[[], T], *before: Result[Any]) -> Result[T]:
        digests = [result.digest for result in before]
        keys.append(inputs.key(stage, towpath_code(), *digests) if inputs else "")
        why_not = inputs.why_not(stage) if inputs else "nothing is kept"
        why_not = why_not or next((result.uncached for result in before if result.uncached), "")
        return stages.run(stage, keys[-1], kind, work, why_not)

    with one_thread():
        ready = run("prepare", Prepared, lambda: prepare(service, read()))
        fitted = run("fit", Fitted, lambda: fit_stage(service, ready.value, seed, stages.say), ready)
        measured = run(
            "evaluate", Evaluated, lambda: evaluate_stage(service, ready.value, fitted.value, seed, stages.say),
            ready, fitted,
        )  # fmt: skip
        laid = run(
            "lay out", LaidOut, lambda: lay_out(service, *parts_of(ready.value), fitted.value, measured.value),
            ready, fitted, measured,
        )  # fmt: skip
        return Staged(ready, fitted, measured, laid, keys[-1], tuple(stages.ran))


def prepare(service: Service, rows: LabelledRows) -> Prepared:
    learn, test = split_rows(service.split, rows.targets)
    quality = with_seen(rows.quality, seen_in_training(rows, learn, test))
    return Prepared(replace(rows, quality=quality), learn, test)


def fit_stage(service: Service, ready: Prepared, seed: int, say: Say) -> Fitted:
    return learn_and_prove(service, ready.rows, ready.learn, ready.test, seed=seed, say=say)


def evaluate_stage(service: Service, ready: Prepared, fitted: Fitted, seed: int, say: Say) -> Evaluated:
    say(f"measuring on {len(ready.test)} rows it has not seen")
    evaluation = evaluate.evaluate(
        service, ready.rows, ready.test, fitted.scores, fitted.settings, fitted.parity, fitted.additivity, seed,
        learn=ready.learn, out_of_fold=fitted.out_of_fold,
    )  # fmt: skip
    if fitted.intervals:
        covered = intervals.measure(fitted.intervals, ready.rows.targets[ready.test], fitted.scores[:, 0])
        evaluation = structs.replace(evaluation, intervals=covered)
    importances = {} if is_text(service) else reference.mean_importances(fitted.contributions)
    unseen = ready.rows.features.iloc[ready.test]
    kept = reference.make_reference(service.columns, unseen, fitted.scores, fitted.settings.threshold, importances)
    return Evaluated(evaluation, kept)


def parts_of(ready: Prepared) -> tuple[LabelledRows, np.ndarray, np.ndarray]:
    return ready.rows, ready.learn, ready.test
