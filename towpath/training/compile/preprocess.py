"""Fitted preprocessing to features: pipelines, column transformers, imputers, scalers and selections."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from sklearn import feature_selection as selection
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.utils import get_tags

from towpath.training.compile.bins import binarized, binned
from towpath.training.compile.elementwise import elementwise, function, powered
from towpath.training.compile.encoders import one_hot, ordinal, target
from towpath.training.compile.features import (
    Computed,
    Feature,
    Lookup,
    Mark,
    Step,
    add_fill,
    add_step,
    is_missing,
    is_refused,
    refuse_missing,
)
from towpath.training.compile.graph import GraphBuilder
from towpath.training.compile.projections import normalized, products, projected
from towpath.training.compile.refusals import not_supported, setting_not_supported

Transform: TypeAlias = Callable[[Any, list[Feature], str], list[Feature]]


def transform(transformer: Any, features: list[Feature], place: str) -> list[Feature]:
    """The features that a fitted transformer makes of these; place tells a person where in the pipeline it stands.

    Raises VerificationRefused for a transformer, or a setting of one, that has no converter.
    """
    if transformer is None or isinstance(transformer, str):
        return [] if transformer == "drop" else features
    convert = TRANSFORMERS.get(type(transformer))
    if convert is None:
        raise not_supported(transformer, place, TRANSFORMERS)
    return convert(transformer, features, place)


def _pipeline(pipeline: Pipeline, features: list[Feature], place: str) -> list[Feature]:
    for name, step in pipeline.steps:
        features = transform(step, features, f"{place}.{name}")
    return features


def _column_transformer(transformer: ColumnTransformer, features: list[Feature], place: str) -> list[Feature]:
    # scikit-learn resolves names, slices, masks and selectors at fit to these positions.
    positions = transformer._transformer_to_input_indices
    made: list[Feature] = []
    for name, part, _ in transformer.transformers_:
        if len(chosen := [features[i] for i in positions[name]]):
            made += _weighted(transform(part, chosen, f"{place}.{name}"), transformer, name, place)
    return made


def _union(union: FeatureUnion, features: list[Feature], place: str) -> list[Feature]:
    made: list[Feature] = []
    for name, part in union.transformer_list:
        made += _weighted(transform(part, features, f"{place}.{name}"), union, name, place)
    return made


def _weighted(features: list[Feature], owner: Any, name: str, place: str) -> list[Feature]:
    """The features times the weight that their part of the owner has."""
    weight = float((owner.transformer_weights or {}).get(name, 1.0))
    if weight <= 0.0:  # a step must grow with its number
        raise setting_not_supported(owner, place, f"transformer_weights with {weight:g} for {name}")
    return features if weight == 1.0 else [add_step(feature, Step("multiply", weight)) for feature in features]


def _imputer(imputer: SimpleImputer, features: list[Feature], place: str) -> list[Feature]:
    if not is_missing(imputer.missing_values):
        return _imputed_words(imputer, features, place)
    filled = [_filled(feature, fill) for feature, fill in zip(features, imputer.statistics_, strict=True)]
    return [feature for feature in filled if feature] + _indicators(imputer, features)


def _filled(feature: Feature, fill: Any) -> Feature | None:
    # scikit-learn leaves out a column that had no value at all in training.
    return None if is_missing(fill) else add_fill(feature, fill if isinstance(fill, str) else float(fill))


def _imputed_words(imputer: SimpleImputer, features: list[Feature], place: str) -> list[Feature]:
    """A word that stands for a missing value; a value that is really missing makes scikit-learn raise."""
    word = imputer.missing_values
    if imputer.add_indicator or not all(isinstance(feature, Lookup) for feature in features):
        raise setting_not_supported(imputer, place, f"missing_values={word!r}")
    replaced = []
    for feature, fill in zip(features, imputer.statistics_, strict=True):
        said = fill if isinstance(fill, str) else float(fill)
        strict = refuse_missing(feature)
        replaced.append(strict.map(lambda value, said=said: said if value == word else value))  # type: ignore[union-attr,misc]
    return replaced


def _indicators(imputer: SimpleImputer, features: Sequence[Feature]) -> list[Feature]:
    return _indicated(imputer.indicator_, list(features), "") if imputer.add_indicator else []


def _indicated(indicator: MissingIndicator, features: list[Feature], place: str) -> list[Feature]:
    if not is_missing(indicator.missing_values):
        raise setting_not_supported(indicator, place, f"missing_values={indicator.missing_values!r}")
    return [_indicator(features[i]) for i in indicator.features_]


def _indicator(feature: Feature) -> Feature:
    if isinstance(feature, Lookup):
        return feature.map(lambda value: value if is_refused(value) else float(is_missing(value)))
    if any(step.name == "fill" for step in feature.steps):
        return Lookup(feature.column, (), (), 0.0, 0.0, coded=False)
    if isinstance(feature, Computed):
        return elementwise([feature], lambda i, values: np.isnan(values).astype(np.float64), _emit_nan, strict=False)[0]
    return Lookup(feature.column, (), (), 0.0, Mark.REFUSED if feature.strict else 1.0, coded=False)


def _emit_nan(graph: GraphBuilder, values: str, which: list[int]) -> str:
    return graph.call("Cast", graph.call("IsNaN", values), to=graph.DOUBLE)


def _standard(scaler: StandardScaler, features: list[Feature], place: str) -> list[Feature]:
    if scaler.with_mean:
        features = _each(features, "subtract", scaler.mean_)
    return _each(features, "divide", scaler.scale_) if scaler.with_std else features


def _min_max(scaler: MinMaxScaler, features: list[Feature], place: str) -> list[Feature]:
    features = _each(_each(features, "multiply", scaler.scale_), "add", scaler.min_)
    return _clipped(features, *scaler.feature_range) if scaler.clip else features


def _max_abs(scaler: MaxAbsScaler, features: list[Feature], place: str) -> list[Feature]:
    features = _each(features, "divide", scaler.scale_)
    return _clipped(features, -1.0, 1.0) if getattr(scaler, "clip", False) else features


def _robust(scaler: RobustScaler, features: list[Feature], place: str) -> list[Feature]:
    if scaler.with_centering:
        features = _each(features, "subtract", scaler.center_)
    return _each(features, "divide", scaler.scale_) if scaler.with_scaling else features


def _each(features: Sequence[Feature], name: Any, operands: Any) -> list[Feature]:
    """One more step for each, with its own operand."""
    return [add_step(one, Step(name, float(operand))) for one, operand in zip(features, operands, strict=True)]


def _clipped(features: Sequence[Feature], low: float, high: float) -> list[Feature]:
    raised = [add_step(feature, Step("at_least", float(low))) for feature in features]
    return [add_step(feature, Step("at_most", float(high))) for feature in raised]


def _selection(selector: Any, features: list[Feature], place: str) -> list[Feature]:
    """Some of the features."""
    chosen = [feature for feature, kept in zip(features, selector.get_support(), strict=True) if kept]
    return chosen if get_tags(selector).input_tags.allow_nan else [refuse_missing(feature) for feature in chosen]


SELECTIONS = (
    selection.VarianceThreshold, selection.SelectKBest, selection.SelectPercentile, selection.SelectFpr,
    selection.SelectFdr, selection.SelectFwe, selection.GenericUnivariateSelect, selection.SelectFromModel,
    selection.RFE, selection.RFECV, selection.SequentialFeatureSelector,
)  # fmt: skip

TRANSFORMERS: dict[type, Transform] = {
    Pipeline: _pipeline,
    ColumnTransformer: _column_transformer,
    FeatureUnion: _union,
    SimpleImputer: _imputer,
    MissingIndicator: _indicated,
    StandardScaler: _standard,
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    RobustScaler: _robust,
    FunctionTransformer: function,
    PowerTransformer: powered,
    KBinsDiscretizer: binned,
    Binarizer: binarized,
    OneHotEncoder: one_hot,
    OrdinalEncoder: ordinal,
    TargetEncoder: target,
    PolynomialFeatures: products,
    PCA: projected,
    TruncatedSVD: projected,
    Normalizer: normalized,
    **dict.fromkeys(SELECTIONS, _selection),
}
