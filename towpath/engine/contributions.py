"""Contributions in the space of the answer: as they are for scores, scaled for probabilities."""

import math
from collections.abc import Mapping

from msgspec import Struct

from towpath.core.answer import Space


class Contribution(Struct, frozen=True):
    """What each column, or token, adds to the raw score of each output: base + sum = raw."""

    base: tuple[float, ...]
    parts: tuple[dict[str, float], ...]


def spread(given: Contribution, output: int, link: str, space: Space) -> Mapping[str, float]:
    """One output's parts; in probability space they add up to the probability minus the base probability.

    Path contributions are exact in score space. The logistic link is not linear, so there the probability's whole
    difference is shared out in proportion to the parts.
    """
    parts = given.parts[output]
    if space != "probability" or link != "logistic":
        return parts
    scale = _scale(given.base[output], math.fsum(parts.values()))
    return {name: part * scale for name, part in parts.items()}


def logistic(raw: float) -> float:
    """1 / (1 + exp(-raw)), without overflow."""
    return 1.0 / (1.0 + math.exp(-raw)) if raw >= 0 else math.exp(raw) / (1.0 + math.exp(raw))


def _scale(base: float, moved: float) -> float:
    """(p - base p) / (raw - base raw); at no distance, the slope of the link there."""
    start = logistic(base)
    if abs(moved) < 1e-12:
        return start * (1.0 - start)
    return (logistic(base + moved) - start) / moved
