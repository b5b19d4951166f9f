"""Measure a fitted model on rows it has not seen: metrics, groups, gates, and whether contributions add up.

Nothing here needs the estimator: arrays of scores and records go in, so that a cached stage can be measured again.
Only a declared backtest fits, on rows of its own choosing.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from towpath.core import stats
from towpath.core.errors import VerificationRefused
from towpath.core.evaluation import Backtest, CalibrationBin, Evaluation, ParityResult, Spread
from towpath.core.settings import Settings
from towpath.data.table import LabelledRows
from towpath.declare.gates import Fair
from towpath.declare.service import Service
from towpath.engine.contributions import Contribution
from towpath.engine.engine import Engine
from towpath.training import backtest, gates, metrics, parity
from towpath.training.baseline import measure_baseline
from towpath.training.fairness import measure_fairness
from towpath.training.fit import folds_of
from towpath.training.metrics import Predicted, settle
from towpath.training.segments import measure_segments

ADDITIVE = 1e-9  # relative to the score, as parity
CALIBRATION_BINS = 10


def evaluate(
    service: Service,
    rows: LabelledRows,
    test: np.ndarray,
    scores: np.ndarray,
    settings: Settings,
    proved: ParityResult,
    additivity: float | None,
    seed: int,
    *,
    learn: np.ndarray,
    out_of_fold: np.ndarray | None = None,
) -> Evaluation:
    """Everything measured about one model.

    scores: the engine's of the test rows, float64 (test rows, outputs). learn, test: positions of the training and the
    test rows, int64. out_of_fold: cross-validated scores of the training rows, float64 (training rows, outputs); none,
    or (0, 0), where nothing asked for them.
    """
    task = service.target.task
    seen = metrics.predicted(task, rows.targets[test], scores, settings.threshold)
    found = metrics.measure_all(service.metrics, seen, seed=seed)
    measured = tuple(metric for metric in found.values() if metric)
    context = pd.concat([rows.features.iloc[test], rows.others.iloc[test]], axis=1)
    sliced = gates.measure_slices(service.gates, service.metrics, seen, context, seed=seed)
    fairness = measure_fairness(fairness_fields(service), seen, context, seed=seed)
    return Evaluation(
        rows=len(test),
        metrics=measured,
        parity=proved,
        gates=gates.pass_gates(service.gates, measured, sliced, fairness),
        slices=sliced,
        additivity=additivity,
        undefined=tuple(name for name, metric in found.items() if metric is None),
        measures=service.metrics,
        baseline=measure_baseline(service.metrics, seen, rows.targets[learn], seed=seed),
        confusion=confusion(seen),
        calibration=calibration(seen),
        fairness=fairness,
        segments=measure_segments(service.fields, seen, context),
        cross_validation=cross_validation(service, rows.targets[learn], out_of_fold, settings, seed=seed),
        backtest=run_backtest(service, rows, settings, seed=seed),
        data_quality=rows.quality,
    )


def run_backtest(service: Service, rows: LabelledRows, settings: Settings, *, seed: int) -> Backtest | None:
    """The declared backtest, if any; the only thing here that fits."""
    if service.backtest is None:
        return None
    return backtest.run_backtest(service, service.backtest, rows, settings.threshold, seed=seed)


def fairness_fields(service: Service) -> list[str]:
    """The fields that are declared, and those that gates ask about, each once."""
    return list(dict.fromkeys([*service.fairness, *(gate.field for gate in service.gates if isinstance(gate, Fair))]))


def confusion(seen: Predicted) -> tuple[tuple[int, ...], ...]:
    """Counts of rows by true class, then by decided class; of a regression nothing."""
    count = len(seen.task.classes)
    if not count:
        return ()
    cells = np.bincount(seen.truth * count + seen.decisions, minlength=count * count).reshape(count, count)
    return tuple(tuple(row) for row in cells.tolist())


def calibration(seen: Predicted) -> tuple[CalibrationBin, ...]:
    """Rows in ten parts by what was said, each with how often it happened; of a regression nothing."""
    if seen.task.kind == "regression":
        return ()
    said, happened = metrics.confidence(seen)
    edges = np.unique(np.quantile(said, np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]))
    place = np.searchsorted(edges, said, side="left")
    parts = [np.flatnonzero(place == part) for part in range(len(edges) + 1)]
    return tuple(_bin(said[part], happened[part]) for part in parts if len(part))


def _bin(said: np.ndarray, happened: np.ndarray) -> CalibrationBin:
    low, high = stats.wilson_interval(int(happened.sum()), len(happened))
    return CalibrationBin(len(said), *map(settle, (float(said.mean()), float(happened.mean()), low, high)))


def cross_validation(
    service: Service, known: np.ndarray, out_of_fold: np.ndarray | None, settings: Settings, *, seed: int
) -> tuple[Spread, ...]:
    """Each metric over the folds of the training rows, where cross-validated scores are there already."""
    if out_of_fold is None or len(out_of_fold) != len(known):
        return ()
    task, threshold = service.target.task, settings.threshold
    folds = [part for _, part in folds_of(service, known, seed=seed)]
    seen = [metrics.predicted(task, known[part], out_of_fold[part], threshold) for part in folds]
    return tuple(_spreads(service, seen))


def _spreads(service: Service, folds: Sequence[Predicted]) -> list[Spread]:
    found = {metric.name: [metrics.value_of(metric, fold) for fold in folds] for metric in service.metrics}
    return [backtest.spread(name, values) for name, values in found.items() if np.isfinite(values).all()]


def additivity(engine: Engine, scores: np.ndarray, contributions: list[Contribution]) -> float:
    """How far base plus contributions is from the raw score at worst, measured on the score."""
    rebuilt = np.array(
        [[base + sum(part.values()) for base, part in zip(one.base, one.parts, strict=True)] for one in contributions]
    )
    worst = float(parity.relative_differences(scores[: len(rebuilt)], engine.finish(rebuilt)).max())
    if not np.isfinite(worst):
        raise VerificationRefused(
            "contributions or scores overflow: they are beyond 1.8e308, the largest number that double holds",
            hint="numbers around 1e308 overflow when they are added up: scale the numbers first, or limit the field",
        )
    if worst > ADDITIVE:
        raise VerificationRefused(
            f"contributions miss the score by up to {worst:.1e}; allowed is {ADDITIVE:.0e}",
            hint="report this estimator",
        )
    return bound(worst)


def bound(difference: float) -> float:
    """The power of ten above a difference: its last bits are the machine's, and a bundle's id must not be.

    >>> bound(2.2e-16), bound(0.0)
    (1e-15, 1e-15)
    """
    return 10.0 ** max(-15, math.ceil(math.log10(difference))) if difference > 0 else 1e-15
