"""A fitted scikit-learn estimator to what a bundle holds of it: graphs in double, and the link."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier, StackingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RANSACRegressor
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

from towpath.core.errors import VerificationRefused
from towpath.core.plan import Column, Link
from towpath.declare.resample import Resampled
from towpath.training.compile.bayes import BAYES
from towpath.training.compile.boosted import BOOSTED
from towpath.training.compile.boosters import booster
from towpath.training.compile.calibrated import CALIBRATED
from towpath.training.compile.fallback import foreign
from towpath.training.compile.features import Feature, Inputs, Lookup, raw_features
from towpath.training.compile.graph import ROWS, GraphBuilder
from towpath.training.compile.lines import LINEAR, PLANES
from towpath.training.compile.outermost import refuse_own_threshold
from towpath.training.compile.preprocess import transform
from towpath.training.compile.protocol import EXACT, Model
from towpath.training.compile.refusals import not_supported
from towpath.training.compile.registered import registered
from towpath.training.compile.sparse import gives_sparse
from towpath.training.compile.stacking import STACKING
from towpath.training.compile.target import TARGETS
from towpath.training.compile.trees import TREES
from towpath.training.compile.voting import VOTING
from towpath.training.compile.widen import widen


@dataclass(frozen=True)
class Compiled:
    """graph: X float64 (n, columns) to raw (n, outputs). explain: X to contributions (n, outputs, columns), or None.

    base + the sum of the contributions is raw; where there are none, unexplained says why. tolerance is what the
    parity gate has to hold it to.
    """

    graph: bytes
    outputs: int
    link: Link
    explain: bytes | None
    base: tuple[float, ...]
    tolerance: float = EXACT
    unexplained: str = ""


def _resampled(estimator: Resampled, inputs: Inputs) -> Model:
    """Only fitting was changed by it."""
    return inputs.last(estimator.estimator_, "estimator", inputs.features)


MODELS: dict[type, Callable[[Any, Inputs], Model]] = {
    Resampled: _resampled,
    **TREES,
    **BOOSTED,
    **LINEAR,
    **BAYES,
    **VOTING,
    **STACKING,
    **CALIBRATED,
    **TARGETS,
}

# Whose decision function is the raw score of its model.
DECISIONS: dict[type, Callable[[Any, Inputs], Model]] = {
    **{kind: MODELS[kind] for kind in (*BOOSTED, HistGradientBoostingClassifier, StackingClassifier)},
    **{kind: MODELS[kind] for kind in (BaggingClassifier, OneVsRestClassifier)},
    **PLANES,
}

# Estimators that only choose or keep another one, and where it is.
WRAPPERS: dict[type, str] = {
    FrozenEstimator: "estimator",
    GridSearchCV: "best_estimator_",
    RandomizedSearchCV: "best_estimator_",
    RANSACRegressor: "estimator_",
    FixedThresholdClassifier: "estimator_",
    TunedThresholdClassifierCV: "estimator_",
}


def compile_model(estimator: Any, columns: Sequence[Column], rows: np.ndarray | None = None) -> Compiled:
    """Compile an estimator that was fitted on a DataFrame with these columns, in any order.

    rows are training rows, float64 (n, columns) in the coding of Column: a linear model's contributions start from
    their means, so without rows it has no explain graph. Raises VerificationRefused naming what has no converter, and
    its place.
    """
    model = convert(estimator, columns, rows)
    explain = _explain(model, len(columns))
    base = model.base() if explain else ()
    return Compiled(
        _graph(model, len(columns)), model.outputs, model.link, explain, base, model.tolerance, model.unexplained
    )


def convert(estimator: Any, columns: Sequence[Column], rows: np.ndarray | None = None) -> Model:
    """The model that compile_model writes out; it also knows where its trees split. Raises VerificationRefused."""
    refuse_own_threshold(estimator)
    place = "pipeline" if type(estimator) is Pipeline else "the estimator"
    features = _in_fitted_order(estimator, columns)
    return convert_part(estimator, Inputs(features, columns, place, rows, convert_part))


def convert_part(estimator: Any, inputs: Inputs) -> Model:
    """The model of an estimator, or of a pipeline that ends in one, over the features that it was fitted on."""
    if type(estimator) is Pipeline:
        return _pipeline(estimator, inputs)
    if type(estimator) in WRAPPERS:
        inner = WRAPPERS[type(estimator)]
        return inputs.last(getattr(estimator, inner), inner, inputs.features)
    return widen(inputs, lambda wider: _convert(estimator, wider))


def _convert(estimator: Any, inputs: Inputs) -> Model:
    known = DECISIONS if inputs.decision else MODELS
    converter = registered(type(estimator)) or known.get(type(estimator)) or booster(type(estimator)) or _other
    model = converter(estimator, inputs)
    _check_numeric(model.features, inputs)
    return model


def _other(estimator: Any, inputs: Inputs) -> Model:
    if inputs.decision:
        raise not_supported(estimator, inputs.place, DECISIONS)
    if type(estimator) in PLANES:
        raise VerificationRefused(
            f"{inputs.place} is a {type(estimator).__name__}, which has no probabilities",
            hint=f"CalibratedClassifierCV({type(estimator).__name__}(...))",
        )
    return foreign(estimator, inputs, MODELS)


def _graph(model: Model, columns: int) -> bytes:
    graph = GraphBuilder(columns)
    return graph.finish("raw", [None, model.outputs], model.emit(graph, ROWS))


def _explain(model: Model, columns: int) -> bytes | None:
    graph = GraphBuilder(columns)
    contributions = model.emit_contributions(graph, ROWS)
    if contributions is None:
        return None
    return graph.finish("contributions", [None, model.outputs, columns], contributions)


def _pipeline(pipeline: Pipeline, inputs: Inputs) -> Model:
    features, sparse = list(inputs.features), inputs.sparse
    for name, step in pipeline.steps[:-1]:
        features = transform(step, features, f"{inputs.place}.{name}")
        sparse = gives_sparse(step, sparse)
    name, last = pipeline.steps[-1]
    return replace(inputs, sparse=sparse).last(last, name, features)


def _in_fitted_order(estimator: Any, columns: Sequence[Column]) -> list[Feature]:
    names = _fitted_names(estimator)
    if names is None:
        raise VerificationRefused(
            f"the {type(estimator).__name__} does not know the names of its columns",
            hint="fit it on a DataFrame, not on an array",
        )
    features = {column.name: feature for column, feature in zip(columns, raw_features(columns), strict=True)}
    spelled = {name.replace(" ", "_"): feature for name, feature in features.items()} | features  # as LightGBM does
    if unknown := [str(name) for name in names if name not in spelled]:
        raise VerificationRefused(
            f"the {type(estimator).__name__} was fitted on columns the record does not have: {', '.join(unknown)}",
            hint=f"the record has {', '.join(features)}",
        )
    return [spelled[name] for name in names]


def _fitted_names(estimator: Any) -> Any:
    """The columns an estimator was fitted on; where it keeps none, one of its parts may."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        return names
    for inner in ("estimators_", "calibrated_classifiers_", "estimator", "regressor_", "best_estimator_", "estimator_"):
        part = getattr(estimator, inner, None)
        part = part[0] if isinstance(part, list) and part else part
        if part is not None and (names := _fitted_names(part)) is not None:
            return names
    return None


def _check_numeric(features: Sequence[Feature], inputs: Inputs) -> None:
    for feature in features:
        if isinstance(feature, Lookup) and any(isinstance(value, str) for value in feature.values):
            raise VerificationRefused(
                f"{inputs.place} gets the text of column {inputs.columns[feature.column].name}",
                hint="encode the column before it",
            )
