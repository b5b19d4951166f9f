"""Fitted preprocessing to features: pipelines, column transformers, imputers and scalers."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from towpath.core.errors import VerificationRefused
from towpath.training.compile.encoders import one_hot, ordinal
from towpath.training.compile.features import Feature, Lookup, Step, Value, add_fill, add_step, is_missing

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


def not_supported(estimator: Any, place: str, table: Any) -> VerificationRefused:
    """The refusal that names the class, its place and what there is instead."""
    names = ", ".join(sorted(kind.__name__ for kind in table))
    return VerificationRefused(
        f"{place} is a {type(estimator).__name__}, which has no converter", hint=f"supported here: {names}"
    )


def setting_not_supported(estimator: Any, place: str, setting: str) -> VerificationRefused:
    """The refusal that names a setting of a class that is supported otherwise."""
    return VerificationRefused(
        f"{place}, a {type(estimator).__name__}, has {setting}, which has no converter",
        hint="leave the setting at its default",
    )


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
            made += transform(part, chosen, f"{place}.{name}")
    return made


def _imputer(imputer: SimpleImputer, features: list[Feature], place: str) -> list[Feature]:
    if not is_missing(imputer.missing_values):
        raise setting_not_supported(imputer, place, f"missing_values={imputer.missing_values!r}")
    filled = [_filled(feature, fill) for feature, fill in zip(features, imputer.statistics_, strict=True)]
    return [feature for feature in filled if feature] + _indicators(imputer, features)


def _filled(feature: Feature, fill: Any) -> Feature | None:
    # scikit-learn leaves out a column that had no value at all in training.
    return None if is_missing(fill) else add_fill(feature, fill if isinstance(fill, str) else float(fill))


def _indicators(imputer: SimpleImputer, features: Sequence[Feature]) -> list[Feature]:
    return [_indicator(features[i]) for i in imputer.indicator_.features_] if imputer.add_indicator else []


def _indicator(feature: Feature) -> Feature:
    if isinstance(feature, Lookup):
        return feature.map(_is_missing_number)
    return Lookup(feature.column, (), (), 0.0, 1.0, coded=False)


def _is_missing_number(value: Value) -> Value:
    return float(is_missing(value))


def _scaler(scaler: StandardScaler, features: list[Feature], place: str) -> list[Feature]:
    if scaler.with_mean:
        features = [
            add_step(feature, Step("subtract", float(mean)))
            for feature, mean in zip(features, scaler.mean_, strict=True)
        ]
    if scaler.with_std:
        features = [
            add_step(feature, Step("divide", float(scale)))
            for feature, scale in zip(features, scaler.scale_, strict=True)
        ]
    return features


def _function(transformer: FunctionTransformer, features: list[Feature], place: str) -> list[Feature]:
    # A fitted ColumnTransformer writes "passthrough" as a FunctionTransformer without a function.
    if transformer.func is not None:
        name = getattr(transformer.func, "__name__", repr(transformer.func))
        raise VerificationRefused(
            f"{place} is a FunctionTransformer of {name}: a bundle runs no Python of yours",
            hint="compute the column where the data is made, or use a step of scikit-learn that has a converter",
        )
    return features


TRANSFORMERS: dict[type, Transform] = {
    Pipeline: _pipeline,
    ColumnTransformer: _column_transformer,
    SimpleImputer: _imputer,
    StandardScaler: _scaler,
    FunctionTransformer: _function,
    OneHotEncoder: one_hot,
    OrdinalEncoder: ordinal,
}
