"""reference.json as records: what workers read of it needs no numpy; core/sketch.py makes them."""

from msgspec import Struct

from towpath.core import formats


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


def shares(one: Sketch) -> list[float]:
    """The share of each bin in all values that have one; 0.0 each where there are none."""
    total = sum(one.counts) or 1
    return [count / total for count in one.counts]
