"""Metrics, each for many resamples at once: weights (resamples, rows) in, values (resamples,) out."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from towpath.core import stats
from towpath.core.contract import Task
from towpath.core.evaluation import Metric
from towpath.core.measures import Measure
from towpath.training import ranking

K = TypeVar("K", bound=Hashable)

BINS = 10  # of the calibration error, of equal width; the usual choice
DIGITS = 10  # a bundle's numbers: the last bits are the machine's, and its id must not be


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

    def position(self, of: str | None) -> int:
        """The class of interest: the one that is named, or the positive one."""
        return self.task.classes.index(of or self.task.positive)

    def score_of(self, of: str | None) -> np.ndarray:
        """The probability of a class, (rows,); of two classes the engine gives that of the positive one alone."""
        position = self.position(of)
        if self.scores.shape[1] > 1:
            return np.asarray(self.scores[:, position])
        return np.asarray(self.scores[:, 0] if position == 1 else 1.0 - self.scores[:, 0])


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


def measure(metric: Measure, seen: Predicted, *, seed: int) -> Metric | None:
    """The metric on the rows as they are, with its 95 % interval over resamples; None where it is not defined."""
    return measure_all([metric], seen, seed=seed)[metric.name]


def measure_all(wanted: Sequence[Measure], seen: Predicted, *, seed: int) -> dict[str, Metric | None]:
    """Every metric by its name, all on the same resamples."""
    drawn = resampled({metric.name: statistic(metric, seen) for metric in wanted}, len(seen), seed=seed)
    return {metric.name: interval(metric, seen, drawn[metric.name]) for metric in wanted}


def resampled(
    statistics: Mapping[K, stats.Statistic], rows: int, *, seed: int, count: int = stats.RESAMPLES
) -> dict[K, np.ndarray]:
    """Each statistic in each of the same resamples, so that their differences are paired.  float64 (resamples, ...)"""
    parts: dict[K, list[np.ndarray]] = {name: [] for name in statistics}
    with np.errstate(divide="ignore", invalid="ignore"):
        for weights in stats.resamples(rows, seed, count):
            for name, one in statistics.items():
                parts[name].append(one(weights))
    return {name: np.concatenate(part) for name, part in parts.items()}


def interval(metric: Measure, seen: Predicted, drawn: np.ndarray) -> Metric | None:
    """The metric on the rows as they are, with the interval that the resampled values give."""
    value = value_of(metric, seen)
    if not math.isfinite(value):
        return None
    if metric.kind == "accuracy":
        low, high = stats.wilson_interval(int((seen.decisions == seen.truth).sum()), len(seen))
    elif metric.kind == "ece":
        low, high = stats.reflected_interval(value, drawn)
    else:
        low, high = stats.interval(drawn)
    return Metric(metric.name, settle(value), settle(low), settle(high), len(seen), metric.unit)


def settle(value: float) -> float:
    """Ten significant digits: sums end in other last bits on other machines.

    >>> settle(0.1 + 0.2)
    0.3
    """
    return float(f"{value:.{DIGITS}g}")


def value_of(metric: Measure, seen: Predicted) -> float:
    """The metric on the rows as they are; NaN where it is not defined."""
    return float(values(metric, seen, np.ones((1, len(seen))))[0])


def values(metric: Measure, seen: Predicted, weights: np.ndarray) -> np.ndarray:
    """The metric under each row of weights; NaN where it is not defined, as recall without any row of the class."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return statistic(metric, seen)(weights)


def statistic(metric: Measure, seen: Predicted) -> stats.Statistic:
    """The metric as a function of weights; what does not depend on them, such as sorting, is done here once."""
    return _OF_KIND[metric.kind](metric, seen)


def _mean(rows: np.ndarray) -> stats.Statistic:
    """rows float64 (rows,)."""
    return _of_sums([rows, np.ones(len(rows))], lambda total, count: total / count)


def _of_sums(columns: Sequence[np.ndarray], formula: Callable[..., np.ndarray]) -> stats.Statistic:
    """A formula of weighted sums; one matrix product gives them for all resamples."""
    stacked = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
    return lambda weights: formula(*(weights @ stacked).T)


def _accuracy(metric: Measure, seen: Predicted) -> stats.Statistic:
    return _mean(seen.decisions == seen.truth)


def _balanced_accuracy(metric: Measure, seen: Predicted) -> stats.Statistic:
    """Over the classes that occur: one that the rows do not have has no recall."""
    classes = [position for position in range(len(seen.task.classes)) if (seen.truth == position).any()]
    true = [seen.truth == position for position in classes]
    hits = [some & (seen.decisions == position) for some, position in zip(true, classes, strict=True)]
    return _of_sums(
        [*hits, *true], lambda *sums: np.nanmean(np.array(sums[: len(hits)]) / np.array(sums[len(hits) :]), axis=0)
    )


def _of_a_class(metric: Measure, seen: Predicted) -> stats.Statistic:
    """Metrics of the four outcomes of deciding for one class: tp, fp, fn, tn."""
    position = seen.position(metric.of)
    said, true = seen.decisions == position, seen.truth == position
    return _of_sums([said & true, said & ~true, ~said & true, ~said & ~true], _FORMULAS[metric.kind])


def _value(metric: Measure, seen: Predicted) -> stats.Statistic:
    worth = metric.payoffs
    if worth is None:
        raise ValueError("a value needs payoffs; value_of() gives them")
    table = np.array([[worth.tn, worth.fp], [worth.fn, worth.tp]])
    return _mean(table[seen.truth, seen.decisions])


def _ranking(metric: Measure, seen: Predicted) -> stats.Statistic:
    true, scores = seen.truth == seen.position(metric.of), seen.score_of(metric.of)
    match metric.kind:
        case "auc":
            return ranking.auc(scores, true)
        case "average_precision":
            return ranking.average_precision(scores, true)
    return ranking.best_share(scores, true, metric.share or 0.1, lift=metric.kind == "lift_at")


def _brier(metric: Measure, seen: Predicted) -> stats.Statistic:
    return _mean((seen.scores[:, 0] - seen.truth) ** 2)


def _log_loss(metric: Measure, seen: Predicted) -> stats.Statistic:
    if seen.scores.shape[1] > 1:
        chosen = seen.scores[np.arange(len(seen)), seen.truth]
    else:
        chosen = np.where(seen.truth == 1, seen.scores[:, 0], 1.0 - seen.scores[:, 0])
    return _mean(-np.log(np.clip(chosen, np.finfo(np.float64).eps, 1.0)))


def _ece(metric: Measure, seen: Predicted) -> stats.Statistic:
    """The mean gap between said and happened over bins of equal width, each by its rows.  (Naeini et al., 2015)"""
    said, happened = confidence(seen)
    gaps = np.zeros((len(seen), BINS))
    gaps[np.arange(len(seen)), bin_of(said)] = happened - said
    return lambda weights: np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1)


def confidence(seen: Predicted) -> tuple[np.ndarray, np.ndarray]:
    """What was said and whether it happened: the positive class's probability, or of several classes the largest."""
    if seen.scores.shape[1] == 1:
        return seen.scores[:, 0], seen.truth.astype(np.float64)
    return seen.scores.max(axis=1), (seen.scores.argmax(axis=1) == seen.truth).astype(np.float64)


def bin_of(probabilities: np.ndarray) -> np.ndarray:
    """The position of each probability among the bins, int64."""
    return np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)


def _mape(metric: Measure, seen: Predicted) -> stats.Statistic:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _mean(errors(seen) / np.abs(seen.truth))


def _median_ae(metric: Measure, seen: Predicted) -> stats.Statistic:
    return ranking.median(errors(seen))


def errors(seen: Predicted) -> np.ndarray:
    """Absolute errors of a regression, (rows,)."""
    return np.abs(seen.scores[:, 0] - seen.truth)


def _rmse(metric: Measure, seen: Predicted) -> stats.Statistic:
    return _of_sums([errors(seen) ** 2, np.ones(len(seen))], lambda total, count: np.sqrt(total / count))


def _r2(metric: Measure, seen: Predicted) -> stats.Statistic:
    """About the rows' own mean; taken off first, since squares of large values lose the digits that matter."""
    truth = seen.truth - seen.truth.mean()
    return _of_sums(
        [errors(seen) ** 2, truth, truth**2, np.ones(len(seen))],
        lambda error, total, squares, count: 1.0 - error / (squares - total**2 / count),
    )


def _mcc(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
    spread = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return np.where(spread > 0, (tp * tn - fp * fn) / np.sqrt(spread), 0.0)


_FORMULAS: dict[str, Callable[..., np.ndarray]] = {
    "precision": lambda tp, fp, fn, tn: tp / (tp + fp),
    "recall": lambda tp, fp, fn, tn: tp / (tp + fn),
    "specificity": lambda tp, fp, fn, tn: tn / (tn + fp),
    "f1": lambda tp, fp, fn, tn: 2.0 * tp / (2.0 * tp + fp + fn),
    "mcc": _mcc,
}

_OF_KIND: dict[str, Callable[[Measure, Predicted], stats.Statistic]] = {
    **dict.fromkeys(("auc", "average_precision", "lift_at", "precision_at"), _ranking),
    **dict.fromkeys(_FORMULAS, _of_a_class),
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "value": _value,
    "brier": _brier,
    "log_loss": _log_loss,
    "ece": _ece,
    "r2": _r2,
    "rmse": _rmse,
    "mae": lambda metric, seen: _mean(errors(seen)),
    "mape": _mape,
    "median_ae": _median_ae,
}
