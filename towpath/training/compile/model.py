"""A fitted scikit-learn estimator to what a bundle holds of it: graphs in double, and the link."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sklearn.pipeline import Pipeline

from towpath.core.errors import VerificationRefused
from towpath.core.plan import Column, Link
from towpath.training.compile.features import Feature, Inputs, Lookup, raw_features
from towpath.training.compile.linear import LINEAR
from towpath.training.compile.preprocess import not_supported, transform
from towpath.training.compile.trees import TREES


@dataclass(frozen=True)
class Compiled:
    """graph: X float64 (n, columns) to raw (n, outputs). explain: X to contributions (n, outputs, columns), or None.

    base + the sum of the contributions is raw.
    """

    graph: bytes
    outputs: int
    link: Link
    explain: bytes | None
    base: tuple[float, ...]


class Model(Protocol):
    """A converted estimator, of whatever family."""

    @property
    def features(self) -> Sequence[Feature]: ...
    @property
    def link(self) -> Link: ...
    @property
    def outputs(self) -> int: ...
    def graph(self) -> bytes: ...
    def explain(self) -> bytes | None: ...
    def base(self) -> tuple[float, ...]: ...
    def thresholds(self) -> list[tuple[int, float]]: ...
    def visits(self, rows: np.ndarray) -> list[tuple[int, int, float]]: ...


MODELS: dict[type, Callable[[Any, Inputs], Model]] = {**TREES, **LINEAR}


def compile_model(estimator: Any, columns: Sequence[Column], rows: np.ndarray | None = None) -> Compiled:
    """Compile an estimator that was fitted on a DataFrame with these columns, in any order.

    rows are training rows, float64 (n, columns) in the coding of Column: a linear model's contributions start from
    their means, so without rows it has no explain graph. Raises VerificationRefused naming what has no converter, and
    its place.
    """
    model = convert(estimator, columns, rows)
    return Compiled(model.graph(), model.outputs, model.link, model.explain(), model.base())


def convert(estimator: Any, columns: Sequence[Column], rows: np.ndarray | None = None) -> Model:
    """The model that compile_model writes out; it also knows where its trees split. Raises VerificationRefused."""
    steps, (name, last), place = _steps(estimator)
    features = _in_fitted_order(estimator, columns)
    for before, step in steps:
        features = transform(step, features, f"{place}.{before}")
    where = f"{place}.{name}" if name else place
    if type(last) not in MODELS:
        raise not_supported(last, where, MODELS)
    model = MODELS[type(last)](last, Inputs(features, columns, where, rows))
    _check_numeric(model.features, columns, where)
    return model


def _steps(estimator: Any) -> tuple[list[tuple[str, Any]], tuple[str, Any], str]:
    """The steps before the last one, the last one, and how the whole is called in messages."""
    if type(estimator) is not Pipeline:
        return [], ("", estimator), "the estimator"
    return estimator.steps[:-1], estimator.steps[-1], "pipeline"


def _in_fitted_order(estimator: Any, columns: Sequence[Column]) -> list[Feature]:
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        raise VerificationRefused(
            f"the {type(estimator).__name__} does not know the names of its columns",
            hint="fit it on a DataFrame, not on an array",
        )
    features = {column.name: feature for column, feature in zip(columns, raw_features(columns), strict=True)}
    if unknown := [str(name) for name in names if name not in features]:
        raise VerificationRefused(
            f"the {type(estimator).__name__} was fitted on columns the record does not have: {', '.join(unknown)}",
            hint=f"the record has {', '.join(features)}",
        )
    return [features[name] for name in names]


def _check_numeric(features: Sequence[Feature], columns: Sequence[Column], place: str) -> None:
    for feature in features:
        if isinstance(feature, Lookup) and any(isinstance(value, str) for value in feature.values):
            raise VerificationRefused(
                f"{place} gets the text of column {columns[feature.column].name}", hint="encode the column before it"
            )
