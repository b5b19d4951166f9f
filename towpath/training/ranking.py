"""Statistics of an order, for many resamples at once: sorted once, then sums along the order for each of them."""

import numpy as np

from towpath.core.stats import Statistic


def auc(scores: np.ndarray, positive: np.ndarray) -> Statistic:
    """The share of pairs of a positive and a negative row in the right order, ties half.  (Mann and Whitney, 1947)"""
    ups, downs = np.flatnonzero(positive), _ascending(scores, ~positive)
    below = np.searchsorted(scores[downs], scores[ups], side="left")
    up_to = np.searchsorted(scores[downs], scores[ups], side="right")

    def of(weights: np.ndarray) -> np.ndarray:
        negatives = _running(weights[:, downs])
        wins = weights[:, ups] * (negatives[:, below] + negatives[:, up_to])
        return np.asarray(wins.sum(axis=1) / 2.0 / (weights[:, ups].sum(axis=1) * negatives[:, -1]))

    return of


def average_precision(scores: np.ndarray, positive: np.ndarray) -> Statistic:
    """The precision at each positive row's score, averaged over the positive rows: the step-wise area."""
    ups, downs = _ascending(scores, positive), _ascending(scores, ~positive)
    above_ups = np.searchsorted(scores[ups], scores[ups], side="left")
    above_downs = np.searchsorted(scores[downs], scores[ups], side="left")

    def of(weights: np.ndarray) -> np.ndarray:
        positives, negatives = _running(weights[:, ups]), _running(weights[:, downs])
        hits = positives[:, -1:] - positives[:, above_ups]
        claimed = hits + negatives[:, -1:] - negatives[:, above_downs]
        precisions = np.divide(hits, claimed, out=np.zeros_like(hits), where=claimed > 0)
        return np.asarray((weights[:, ups] * precisions).sum(axis=1) / positives[:, -1])

    return of


def best_share(scores: np.ndarray, positive: np.ndarray, share: float, *, lift: bool) -> Statistic:
    """How often the class occurs among the share of rows with the highest scores; as lift, over its share in all.

    Of rows with one score, of which only a part fits, each counts by that part: no order among them is made up.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(scores[order]) < 0, True]) + 1  # where the rows of one score end
    ups, counted = order[positive[order]], np.cumsum(positive[order])[ends - 1]

    def of(weights: np.ndarray) -> np.ndarray:
        rows, hits = np.cumsum(weights[:, order], axis=1)[:, ends - 1], _running(weights[:, ups])
        room = share * rows[:, -1]
        last = (rows < room[:, None]).sum(axis=1)  # the score of which only a part fits
        each = np.arange(len(weights))
        rows_above = np.where(last > 0, rows[each, last - 1], 0.0)
        hits_above = np.where(last > 0, hits[each, counted[last - 1]], 0.0)
        part = (room - rows_above) / (rows[each, last] - rows_above)
        found = (hits_above + part * (hits[each, counted[last]] - hits_above)) / room
        return np.asarray(found / (hits[:, -1] / rows[:, -1]) if lift else found)

    return of


def median(rows: np.ndarray) -> Statistic:
    """The middle value; of an even number of rows, the mean of the two in the middle."""
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]

    def of(weights: np.ndarray) -> np.ndarray:
        running = np.cumsum(weights[:, order], axis=1)
        half = running[:, -1:] / 2.0
        lower, upper = (running >= half).argmax(axis=1), (running > half).argmax(axis=1)
        return np.asarray((ordered[lower] + ordered[upper]) / 2.0)

    return of


def _ascending(scores: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The positions of the chosen rows by their score."""
    found = np.flatnonzero(chosen)
    return found[np.argsort(scores[found], kind="stable")]


def _running(weights: np.ndarray) -> np.ndarray:
    """Sums of the first 0, 1, ... columns."""
    return np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)
