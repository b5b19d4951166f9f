"""Metrics, each for many resamples at once: weights (resamples, rows) in, values (resamples,) out."""

import math
from dataclasses import dataclass

import numpy as np

from towpath.core import stats
from towpath.core.contract import Task
from towpath.core.evaluation import Metric
from towpath.declare import metrics as declared


@dataclass(frozen=True)
class Predicted:
    """What was predicted for rows whose truth is known.

    truth: class positions int64 (rows,) or values float64 (rows,). scores: float64 (rows, outputs), as the engine gives
    them. decisions: class positions int64 (rows,); for a regression the values.
    """

    task: Task
    truth: np.ndarray
    scores: np.ndarray
    decisions: np.ndarray

    def __len__(self) -> int:
        return len(self.truth)

    def only(self, chosen: np.ndarray) -> "Predicted":
        return Predicted(self.task, self.truth[chosen], self.scores[chosen], self.decisions[chosen])


def predicted(task: Task, truth: np.ndarray, scores: np.ndarray, threshold: float) -> Predicted:
    """Decide: of two classes the positive from the threshold on, of more the most probable."""
    match task.kind:
        case "binary":
            decisions = (scores[:, 0] >= threshold).astype(np.int64)
        case "multiclass":
            decisions = scores.argmax(axis=1)
        case _:
            decisions = scores[:, 0]
    return Predicted(task, truth, scores, decisions)


def measure(metric: declared.Metric, seen: Predicted, *, seed: int) -> Metric | None:
    """The metric on the rows as they are, with its 95 % interval over resamples; None where it is not defined."""
    value = value_of(metric, seen)
    if math.isnan(value):
        return None
    if metric.kind == "accuracy":
        low, high = stats.wilson_interval(int((seen.decisions == seen.truth).sum()), len(seen))
    else:
        low, high = stats.bootstrap_interval(lambda weights: values(metric, seen, weights), len(seen), seed=seed)
    return Metric(metric.name, value, low, high, len(seen))


def value_of(metric: declared.Metric, seen: Predicted) -> float:
    return float(values(metric, seen, np.ones((1, len(seen))))[0])


def values(metric: declared.Metric, seen: Predicted, weights: np.ndarray) -> np.ndarray:
    """The metric under each row of weights; NaN where it is not defined, as recall without any row of the class."""
    with np.errstate(divide="ignore", invalid="ignore"):
        match metric.kind:
            case "auc":
                return _auc(seen.scores[:, 0], seen.truth == 1, weights)
            case "accuracy":
                return _mean(seen.decisions == seen.truth, weights)
            case "f1" | "precision" | "recall":
                return _class_metric(metric, seen, weights)
            case "brier":
                return _mean((seen.scores[:, 0] - seen.truth) ** 2, weights)
            case "log_loss":
                return _mean(_log_loss(seen), weights)
            case "rmse":
                return np.sqrt(_mean((seen.scores[:, 0] - seen.truth) ** 2, weights))
            case "r2":
                return _r2(seen, weights)


def _mean(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return weights @ rows.astype(np.float64) / weights.sum(axis=1)


def _auc(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The share of pairs in the right order, ties counting half.  (Mann and Whitney, 1947)"""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    ordered = weights[:, order]
    positives = np.add.reduceat(ordered * positive[order], starts, axis=1)
    negatives = np.add.reduceat(ordered * ~positive[order], starts, axis=1)
    below = np.cumsum(negatives, axis=1) - negatives
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    return (positives * (below + 0.5 * negatives)).sum(axis=1) / pairs


def _class_metric(metric: declared.Metric, seen: Predicted, weights: np.ndarray) -> np.ndarray:
    """Precision, recall or F1 of one class of interest."""
    position = seen.task.classes.index(metric.of or seen.task.positive)
    said, true = seen.decisions == position, seen.truth == position
    hits = weights @ (said & true).astype(np.float64)
    claimed, wanted = weights @ said.astype(np.float64), weights @ true.astype(np.float64)
    match metric.kind:
        case "precision":
            return hits / claimed
        case "recall":
            return hits / wanted
    return 2.0 * hits / (claimed + wanted)


def _log_loss(seen: Predicted) -> np.ndarray:
    chosen = seen.scores[np.arange(len(seen)), seen.truth] if seen.scores.shape[1] > 1 else None
    if chosen is None:
        chosen = np.where(seen.truth == 1, seen.scores[:, 0], 1.0 - seen.scores[:, 0])
    return -np.log(np.clip(chosen, np.finfo(np.float64).eps, 1.0))


def _r2(seen: Predicted, weights: np.ndarray) -> np.ndarray:
    truth = seen.truth.astype(np.float64)
    errors = weights @ (truth - seen.scores[:, 0]) ** 2
    mean = _mean(truth, weights)
    spread = weights @ truth**2 - weights.sum(axis=1) * mean**2
    return 1.0 - errors / spread
