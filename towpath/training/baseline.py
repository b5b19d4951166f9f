"""A model without any features, to show what the features are worth."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from towpath.core.contract import Task
from towpath.core.evaluation import Baseline
from towpath.core.measures import Measure
from towpath.training import paired
from towpath.training.metrics import Predicted


def measure_baseline(wanted: Sequence[Measure], seen: Predicted, known: np.ndarray, *, seed: int) -> Baseline:
    """How far the model is from the baseline that training targets give; metrics it has no number for are left out.

    known: class positions int64, or values float64, of the training rows.
    """
    found = paired.deltas(wanted, seen, guess(seen, known), seed=seed)
    kind: Literal["prior", "median"] = "median" if seen.task.kind == "regression" else "prior"
    return Baseline(kind, tuple(delta for delta in found.values() if delta))


def guess(seen: Predicted, known: np.ndarray) -> Predicted:
    """The same score for every row: the training rows' median or class shares, deciding for the most frequent class."""
    rows, task = len(seen), seen.task
    if task.kind == "regression":
        scores = np.full((rows, 1), np.median(known))
        return Predicted(task, seen.truth, scores, scores[:, 0])
    shares = np.bincount(known, minlength=len(task.classes)) / len(known)
    scores = np.tile(_scores(task, shares), (rows, 1))
    return Predicted(task, seen.truth, scores, np.full(rows, shares.argmax()))


def _scores(task: Task, shares: np.ndarray) -> np.ndarray:
    return shares[1:] if task.kind == "binary" else shares
