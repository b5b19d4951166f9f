"""Features that no single column tells, put into columns of their own behind the record's.

Trees and linear models read one column for each feature. What a projection, a product or a logarithm makes is computed
into the matrix first, and the model is converted over the wider matrix; what such a column adds to a score is shared
equally among the columns that it is made of.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from towpath.core.plan import Column, Link
from towpath.training.compile.features import Computed, Feature, Inputs, Number
from towpath.training.compile.graph import GraphBuilder
from towpath.training.compile.matrix import emit_matrix, matrix_of, with_refusals
from towpath.training.compile.protocol import Model


@dataclass(frozen=True)
class Widened:
    """A model over the columns and, behind them, the computed ones."""

    model: Model
    computed: Sequence[Computed]
    columns: int

    @property
    def features(self) -> Sequence[Feature]:
        return self.model.features

    @property
    def outputs(self) -> int:
        return self.model.outputs

    @property
    def link(self) -> Link:
        return self.model.link

    @property
    def tolerance(self) -> float:
        return self.model.tolerance

    @property
    def unexplained(self) -> str:
        return self.model.unexplained

    def emit(self, graph: GraphBuilder, rows: str) -> str:
        return with_refusals(graph, rows, self.computed, self.model.emit(graph, self._wide(graph, rows)))

    def emit_contributions(self, graph: GraphBuilder, rows: str) -> str | None:
        added = self.model.emit_contributions(graph, self._wide(graph, rows))
        return None if added is None else graph.call("MatMul", added, graph.constant(self._shares()))

    def base(self) -> tuple[float, ...]:
        return self.model.base()

    def thresholds(self) -> list[tuple[int, float]]:
        return [(column, limit) for column, limit in self.model.thresholds() if column < self.columns]

    def visits(self, rows: np.ndarray) -> list[tuple[int, int, float]]:
        found = self.model.visits(widened(rows, self.computed))
        return [(row, column, limit) for row, column, limit in found if column < self.columns]

    def _wide(self, graph: GraphBuilder, rows: str) -> str:
        return graph.call("Concat", rows, emit_matrix(graph, rows, self.computed), axis=1)

    def _shares(self) -> np.ndarray:
        """Of each column, computed ones too, what part goes to which of the record's columns."""
        shares = np.zeros((self.columns + len(self.computed), self.columns))
        shares[: self.columns] = np.eye(self.columns)
        for position, one in enumerate(self.computed):
            sources = sorted(sources_of(one))
            shares[self.columns + position, sources] = 1.0 / max(1, len(sources))
        return shares


def widen(inputs: Inputs, convert: Callable[[Inputs], Model]) -> Model:
    """The model over the inputs; where some of them are computed, over a matrix that has columns for these."""
    wanted = [feature for feature in inputs.features if isinstance(feature, Computed)]
    if not wanted:
        return convert(inputs)
    computed = list({(id(one.block), one.index): replace(one, steps=(), strict=False) for one in wanted}.values())
    place = {(id(one.block), one.index): len(inputs.columns) + i for i, one in enumerate(computed)}
    made = [Column(f"{inputs.place} computed {i}") for i in range(len(computed))]
    wider = replace(
        inputs,
        features=[_moved(feature, place) for feature in inputs.features],
        columns=[*inputs.columns, *made],
        rows=None if inputs.rows is None else widened(inputs.rows, computed),
    )
    return Widened(convert(wider), computed, len(inputs.columns))


def widened(rows: np.ndarray, computed: Sequence[Computed]) -> np.ndarray:
    """The rows with the computed columns behind."""
    return np.column_stack([rows, matrix_of(computed, rows)])


def sources_of(feature: Feature) -> set[int]:
    """The record's columns that a feature is made of."""
    if not isinstance(feature, Computed):
        return {feature.column}
    # A constant is made of nothing; what a projection shares out to it goes to all that it stands beside.
    made_of = feature.block.made_of[feature.index] or range(len(feature.block.inputs))
    return set().union(*(sources_of(feature.block.inputs[i]) for i in made_of))


def _moved(feature: Feature, place: dict[Any, int]) -> Feature:
    if not isinstance(feature, Computed):
        return feature
    return Number(place[id(feature.block), feature.index], feature.steps, feature.strict)
