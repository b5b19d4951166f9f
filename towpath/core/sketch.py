"""Additive summaries of a column: counts and excess per bin, open at both ends; merging is adding.

A sketch of numbers has edges e_1 < ... < e_B-1 and B bins; excess is how far values lie beyond their bin's lower edge
(in the first bin: below its upper edge), so that distances stay exact. Categories have one bin each.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from towpath.core import formats

FEATURE_BINS = 32
SCORE_BINS = 50


class Sketch(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One column's reference; either edges or categories."""

    name: str
    counts: tuple[int, ...]
    edges: tuple[float, ...] = ()
    excess: tuple[float, ...] = ()
    categories: tuple[str | int, ...] = ()
    missing: int = 0
    unseen: int = 0


class Reference(Struct, frozen=True, tag_field="format", tag=formats.REFERENCE, forbid_unknown_fields=True):
    """reference.json: what the features and scores of the held-out rows look like, and how much each feature matters.

    importances are the mean absolute contributions to the raw score over the same rows.
    """

    rows: int
    features: tuple[Sketch, ...]
    scores: tuple[Sketch, ...]
    importances: dict[str, float]


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
