"""Additive summaries of a column: counts and excess per bin, open at both ends; merging is adding.

A sketch of numbers has edges e_1 < ... < e_B-1 and B bins; excess is how far values lie beyond their bin's lower edge
(in the first bin: below its upper edge), so that distances stay exact. Categories have one bin each.
"""

from collections.abc import Sequence

import numpy as np

from towpath.core.reference import Reference as Reference
from towpath.core.reference import Sketch as Sketch

FEATURE_BINS = 32
SCORE_BINS = 50


def quantile_edges(values: np.ndarray, bins: int, also: Sequence[float] = ()) -> np.ndarray:
    """Inner edges at the quantiles; a column of few values gets one bin for each; `also` are edges in any case."""
    known = np.unique(values[np.isfinite(values)])
    if len(known) <= bins:
        edges = (known[:-1] + known[1:]) / 2.0
    else:
        edges = np.quantile(values[np.isfinite(values)], np.linspace(0, 1, bins + 1)[1:-1])
    return np.unique(np.concatenate([edges, np.asarray(also, dtype=np.float64)]))


def sketch_numbers(name: str, values: np.ndarray, edges: np.ndarray) -> Sketch:
    """Values, NaN where missing, into the bins of the edges."""
    present = values[np.isfinite(values)]
    bins = np.searchsorted(edges, present, side="right")
    counts = np.bincount(bins, minlength=len(edges) + 1)
    if len(edges):
        beyond = np.where(bins == 0, edges[0] - present, present - edges[np.maximum(bins - 1, 0)])
        excess: np.ndarray = np.bincount(bins, weights=beyond, minlength=len(edges) + 1)
    else:
        excess = np.zeros(1)
    return Sketch(
        name, tuple(counts.tolist()), tuple(edges.tolist()), tuple(excess.tolist()), missing=len(values) - len(present)
    )


def sketch_categories(name: str, values: Sequence[object], categories: Sequence[str | int]) -> Sketch:
    """Values, None or NaN where missing, counted by category."""
    tally = dict.fromkeys(categories, 0)
    missing = unseen = 0
    for value in values:
        if value is None or value != value:
            missing += 1
        elif value in tally:
            tally[value] += 1
        else:
            unseen += 1
    return Sketch(name, tuple(tally.values()), categories=tuple(categories), missing=missing, unseen=unseen)
