"""Contributions in the space of the answer: as they are for scores, scaled for probabilities."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct

from towpath.core.answer import Space

NEAR_BASE = 1e-12  # closer than this a chord's slope is noise; the link's own slope is as exact
NEAR_ONE = 1e-6  # of log p - log q


class Contribution(Struct, frozen=True):
    """What each column, or token, adds to the raw score of each output: base + sum = raw."""

    base: tuple[float, ...]
    parts: tuple[dict[str, float], ...]


class Parts(Protocol):
    """The contributions of many records; a slice or a list of positions takes some of them."""

    @property
    def finite(self) -> bool: ...
    def __getitem__(self, which: slice | list[int]) -> "Parts": ...
    def each(self) -> Sequence[Contribution]: ...
    def spread(self, outputs: Sequence[int] | None, link: str, space: Space) -> list[dict[str, float]]:
        """For each record the parts of one output, None where there is only one, in the space of the answer."""


class ColumnParts:
    """What columns add: float64 (records, outputs, names)."""

    def __init__(self, base: tuple[float, ...], names: Sequence[str], values: np.ndarray):
        self._base, self._names, self._values = base, names, values

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self._values).all())

    def __getitem__(self, which: slice | list[int]) -> "ColumnParts":
        return ColumnParts(self._base, self._names, self._values[which])

    def each(self) -> list[Contribution]:
        return [
            Contribution(self._base, tuple(dict(zip(self._names, parts, strict=True)) for parts in row))
            for row in self._values.tolist()
        ]

    def spread(self, outputs: Sequence[int] | None, link: str, space: Space) -> list[dict[str, float]]:
        if link == "softmax" and space != "score":
            return [dict(spread(one, k, link, space)) for one, k in zip(self.each(), outputs or (), strict=True)]
        chosen = self._values[:, 0] if outputs is None else self._values[np.arange(len(outputs)), outputs]
        if space != "score" and link != "identity":
            base = self._base[0]  # a link other than softmax has one output
            scales = [_chord(link, base, math.fsum(parts)) for parts in chosen.tolist()]
            chosen = chosen * np.array(scales)[:, None]
        return [dict(zip(self._names, parts, strict=True)) for parts in chosen.tolist()]


class TermParts:
    """What terms of texts add; each text has other ones."""

    def __init__(self, given: Sequence[Contribution]):
        self._given = given

    @property
    def finite(self) -> bool:
        return all(math.isfinite(sum(part.values())) for one in self._given for part in one.parts)

    def __getitem__(self, which: slice | list[int]) -> "TermParts":
        return TermParts(self._given[which] if isinstance(which, slice) else [self._given[i] for i in which])

    def each(self) -> Sequence[Contribution]:
        return self._given

    def spread(self, outputs: Sequence[int] | None, link: str, space: Space) -> list[dict[str, float]]:
        chosen = outputs or [0] * len(self._given)
        return [dict(spread(one, k, link, space)) for one, k in zip(self._given, chosen, strict=True)]


def spread(given: Contribution, output: int, link: str, space: Space) -> Mapping[str, float]:
    """One output's parts; in the space of the answer they add up to the answer minus the base answer.

    Contributions are exact in score space. A link is not linear, so beyond it each part is scaled by the slope of the
    chord between base and score; of softmax by its derivative at the logarithmic means of the probabilities and the
    base probabilities, which adds up as well (towpath.training.compile.compose tells why).
    """
    parts = given.parts[output]
    if space == "score" or link == "identity":
        return parts
    if link == "softmax":
        return _of_softmax(given, output)
    scale = _chord(link, given.base[output], math.fsum(parts.values()))
    return {name: part * scale for name, part in parts.items()}


def logistic(raw: float) -> float:
    """1 / (1 + exp(-raw)), without overflow."""
    return 1.0 / (1.0 + math.exp(-raw)) if raw >= 0 else math.exp(raw) / (1.0 + math.exp(raw))


def slope(base: float, moved: float) -> float:
    """(p - base p) / (raw - base raw); at no distance, the slope of the link there."""
    start = logistic(base)
    if abs(moved) < NEAR_BASE:
        return start * (1.0 - start)
    return (logistic(base + moved) - start) / moved


def _chord(link: str, base: float, moved: float) -> float:
    if link == "logistic":
        return slope(base, moved)
    function, steep = FUNCTIONS[link]
    return steep(base) if abs(moved) < NEAR_BASE else (function(base + moved) - function(base)) / moved


def _of_softmax(given: Contribution, output: int) -> dict[str, float]:
    """Part k becomes L_k (c_k - sum_j L_j c_j / sum_j L_j), L being the logarithmic means."""
    starts = _log_softmax(given.base)
    ends = _log_softmax([base + math.fsum(part.values()) for base, part in zip(given.base, given.parts, strict=True)])
    means = [_logarithmic_mean(*pair) for pair in zip(starts, ends, strict=True)]
    total = math.fsum(means)
    common = {
        name: math.fsum(mean * part.get(name, 0.0) for mean, part in zip(means, given.parts, strict=True)) / total
        for name in given.parts[output]
    }
    return {name: means[output] * (part - common[name]) for name, part in given.parts[output].items()}


def _log_softmax(raw: Sequence[float]) -> list[float]:
    largest = max(raw)
    total = largest + math.log(math.fsum(math.exp(one - largest) for one in raw))
    return [one - total for one in raw]


def _logarithmic_mean(log_p: float, log_q: float) -> float:
    p, q = math.exp(log_p), math.exp(log_q)
    # So close the logarithmic mean is the plain one, off by a twelfth of the square.
    return (p + q) / 2.0 if abs(log_p - log_q) < NEAR_ONE else (p - q) / (log_p - log_q)


def _bounded(function: Callable[[float], float]) -> Callable[[float], float]:
    """Infinite in place of an error, as numpy has it."""

    def call(raw: float) -> float:
        try:
            return function(raw)
        except OverflowError:
            return math.inf

    return call


# Each link that works on every output by itself, and its slope.
FUNCTIONS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "exp": (_bounded(math.exp), _bounded(math.exp)),
    "expm1": (_bounded(math.expm1), _bounded(math.exp)),
    "power10": (_bounded(lambda raw: 10.0**raw), _bounded(lambda raw: math.log(10.0) * 10.0**raw)),
    "exp2": (_bounded(lambda raw: 2.0**raw), _bounded(lambda raw: math.log(2.0) * 2.0**raw)),
    "square": (lambda raw: raw * raw, lambda raw: 2.0 * raw),
    "sqrt": (
        lambda raw: math.sqrt(raw) if raw >= 0 else math.nan,
        lambda raw: 0.5 / math.sqrt(raw) if raw > 0 else math.nan,
    ),
}
