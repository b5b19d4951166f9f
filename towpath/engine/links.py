"""The link from raw scores to scores, on float64 arrays of shape (rows, outputs)."""

from collections.abc import Callable

import numpy as np

from towpath.core.plan import Link


def identity(raw: np.ndarray) -> np.ndarray:
    """Values, and probabilities that a forest has averaged already."""
    return raw


def logistic(raw: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-raw)); the exponent is never above 0, so nothing overflows."""
    small = np.exp(-np.abs(raw))
    scores: np.ndarray = np.where(raw >= 0, 1.0, small) / (1.0 + small)
    return scores


def softmax(raw: np.ndarray) -> np.ndarray:
    """exp(raw) over their sum, row by row, from the largest down."""
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    scores: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return scores


LINKS: dict[Link, Callable[[np.ndarray], np.ndarray]] = {"identity": identity, "logistic": logistic, "softmax": softmax}
