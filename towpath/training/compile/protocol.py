"""What a converted estimator must do, of whatever family it is."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from towpath.core.plan import Link
from towpath.training.compile.features import Feature
from towpath.training.compile.graph import GraphBuilder

EXACT = 1e-9  # of our own converters; they are at 1e-15 in practice, so this leaves room for another CPU only
NEAR = 1e-6  # where a part of the work is done in float32


class ScoresOnly:
    """What a model is that tells scores and nothing of how it came to them: no contributions, no splits."""

    def emit_contributions(self, graph: GraphBuilder, rows: str) -> None:
        return None

    def base(self) -> tuple[float, ...]:
        return ()

    def thresholds(self) -> list[tuple[int, float]]:
        return []

    def visits(self, rows: np.ndarray) -> list[tuple[int, int, float]]:
        return []


class Model(Protocol):
    """A converted estimator: emitted into a graph, by itself or as a part of another model.

    `rows` names the float64 (n, columns) matrix in the graph; columns are the record's. base + the sum of the
    contributions is raw, and link(raw) is the score. A model without contributions says why in `unexplained`: then
    emit_contributions gives None, and base is empty.
    """

    @property
    def features(self) -> Sequence[Feature]:
        """What it reads itself; the members of a composed model read for themselves."""

    @property
    def outputs(self) -> int: ...
    @property
    def link(self) -> Link: ...
    @property
    def tolerance(self) -> float:
        """How far from scikit-learn a score may be, in units of max(1, |score|)."""

    @property
    def unexplained(self) -> str: ...
    def emit(self, graph: GraphBuilder, rows: str) -> str:
        """The name of raw, float64 (n, outputs)."""

    def emit_contributions(self, graph: GraphBuilder, rows: str) -> str | None:
        """The name of the contributions, float64 (n, outputs, columns)."""

    def base(self) -> tuple[float, ...]: ...
    def thresholds(self) -> list[tuple[int, float]]:
        """Columns and the largest numbers that still go left at a split, each once."""

    def visits(self, rows: np.ndarray) -> list[tuple[int, int, float]]:
        """For each split of a number that some of the rows comes to: that row, the column and the limit."""
