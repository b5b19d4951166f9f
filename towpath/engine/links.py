"""The link from raw scores to scores, on float64 arrays of shape (rows, outputs), and its slope."""

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


def exp(raw: np.ndarray) -> np.ndarray:
    """A value whose logarithm was learned; infinite beyond exp(709), which the engine refuses as no answer."""
    return _quiet(np.exp, raw)


def expm1(raw: np.ndarray) -> np.ndarray:
    """The inverse of log1p."""
    return _quiet(np.expm1, raw)


def power10(raw: np.ndarray) -> np.ndarray:
    """The inverse of log10."""
    return _quiet(lambda values: np.power(10.0, values), raw)


def exp2(raw: np.ndarray) -> np.ndarray:
    """The inverse of log2."""
    return _quiet(np.exp2, raw)


def square(raw: np.ndarray) -> np.ndarray:
    """The inverse of a square root."""
    return _quiet(np.square, raw)


def sqrt(raw: np.ndarray) -> np.ndarray:
    """The inverse of a square; NaN below 0."""
    return _quiet(np.sqrt, raw)


def _quiet(function: Callable[[np.ndarray], np.ndarray], raw: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return function(raw)


LINKS: dict[Link, Callable[[np.ndarray], np.ndarray]] = {
    "identity": identity,
    "logistic": logistic,
    "softmax": softmax,
    "exp": exp,
    "expm1": expm1,
    "power10": power10,
    "exp2": exp2,
    "square": square,
    "sqrt": sqrt,
}

# Of each link that works on every output by itself.
SLOPES: dict[Link, Callable[[np.ndarray], np.ndarray]] = {
    "identity": np.ones_like,
    "logistic": lambda raw: logistic(raw) * logistic(-raw),
    "exp": exp,
    "expm1": exp,
    "power10": lambda raw: power10(raw) * np.log(10.0),
    "exp2": lambda raw: exp2(raw) * np.log(2.0),
    "square": lambda raw: 2.0 * raw,
    "sqrt": lambda raw: 0.5 / np.sqrt(raw),
}
