"""Estimators with a converter of the user's own: its nodes over our matrix of the features, proved as all others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.base import is_classifier

from towpath.core.plan import Link
from towpath.declare.converters import CONVERTERS, Converter
from towpath.training.compile.features import Feature, Inputs, refuse_missing
from towpath.training.compile.graph import GraphBuilder
from towpath.training.compile.matrix import emit_matrix, with_refusals
from towpath.training.compile.protocol import EXACT, ScoresOnly


@dataclass(frozen=True)
class Registered(ScoresOnly):
    """An estimator and how the user's converter emits it."""

    estimator: Any
    converter: Converter
    outputs: int
    features: Sequence[Feature]
    unexplained: str
    tolerance: float = EXACT

    @property
    def link(self) -> Link:
        return self.converter.link

    def emit(self, graph: GraphBuilder, rows: str) -> str:
        raw = self.converter.emit(self.estimator, graph, emit_matrix(graph, rows, self.features))
        return with_refusals(graph, rows, self.features, raw)


def registered(kind: type) -> Callable[[Any, Inputs], Registered] | None:
    """How to convert an estimator of this class, if the user said so."""
    return _convert if kind in CONVERTERS else None


def _convert(estimator: Any, inputs: Inputs) -> Registered:
    classes = len(estimator.classes_) if is_classifier(estimator) else 1
    return Registered(
        estimator,
        CONVERTERS[type(estimator)],
        1 if classes == 2 else classes,
        [refuse_missing(feature) for feature in inputs.features],
        f"the converter of {type(estimator).__name__} tells scores only",
    )
