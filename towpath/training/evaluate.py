"""Measure a fitted model on rows it has not seen: metrics, slices, gates, and whether contributions add up."""

import math

import numpy as np
import pandas as pd

from towpath.core.errors import VerificationRefused
from towpath.core.evaluation import Evaluation, ParityResult
from towpath.core.settings import Settings
from towpath.data.table import LabelledRows
from towpath.declare.service import Service
from towpath.engine.contributions import Contribution
from towpath.engine.engine import Engine
from towpath.training import gates, metrics, parity

ADDITIVE = 1e-9  # relative to the score, as parity


def evaluate(
    service: Service,
    rows: LabelledRows,
    test: np.ndarray,
    scores: np.ndarray,
    settings: Settings,
    proved: ParityResult,
    additivity: float,
    seed: int,
) -> Evaluation:
    seen = metrics.predicted(service.target.task, rows.targets[test], scores, settings.threshold)
    found = {metric.name: metrics.measure(metric, seen, seed=seed) for metric in service.metrics}
    measured = tuple(metric for metric in found.values() if metric)
    undefined = tuple(name for name, metric in found.items() if metric is None)
    context = pd.concat([rows.features.iloc[test], rows.others.iloc[test]], axis=1)
    sliced = gates.measure_slices(service.gates, service.metrics, seen, context, seed=seed)
    return Evaluation(
        rows=len(test),
        metrics=measured,
        parity=proved,
        gates=gates.pass_gates(service.gates, measured, sliced),
        slices=sliced,
        additivity=additivity,
        undefined=undefined,
    )


def additivity(engine: Engine, scores: np.ndarray, contributions: list[Contribution]) -> float:
    """How far base plus contributions is from the raw score at worst, measured on the score."""
    rebuilt = np.array(
        [[base + sum(part.values()) for base, part in zip(one.base, one.parts, strict=True)] for one in contributions]
    )
    worst = float(parity.relative_differences(scores[: len(rebuilt)], engine.finish(rebuilt)).max())
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
