"""Fitted transformers that work number by number: powers, and functions of numpy.

Of a category, or of whatever has few values, each value is worked out by scikit-learn's own arithmetic. A number gets a
step where the function grows, and goes through a block of the graph where it does not.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.preprocessing import FunctionTransformer, PowerTransformer

from towpath.core.errors import VerificationRefused
from towpath.core.plan import MISSING
from towpath.training.compile.features import (
    Block,
    Feature,
    Lookup,
    Number,
    Step,
    Value,
    add_step,
    as_number,
    computed,
    is_refused,
    refuse_missing,
)
from towpath.training.compile.graph import GraphBuilder
from towpath.training.compile.growing import GROWING
from towpath.training.compile.refusals import setting_not_supported

Compute = Callable[[int, np.ndarray], np.ndarray]
"""A feature's position and values to its new values."""
Emit = Callable[[GraphBuilder, str, list[int]], str]
"""The same for the values (n, k) of the features at k positions."""


def elementwise(features: Sequence[Feature], compute: Compute, emit: Emit, *, strict: bool) -> list[Feature]:
    """One feature for each; where strict, scikit-learn raises for a missing value."""
    features = [refuse_missing(feature) for feature in features] if strict else list(features)
    which = [i for i, feature in enumerate(features) if isinstance(feature, Number)]
    block = Block(
        inputs=tuple(features[i] for i in which),
        made_of=tuple((k,) for k in range(len(which))),
        emit=lambda graph, values: emit(graph, values, which),
        values=lambda values: np.column_stack([compute(i, values[:, k]) for k, i in enumerate(which)]),
        strict=strict,
    )
    numbers = dict(zip(which, computed(block), strict=True))
    return [numbers.get(i) or mapped(feature, compute, i) for i, feature in enumerate(features)]


def mapped(feature: Feature, compute: Callable[[Any, np.ndarray], np.ndarray], what: Any) -> Feature:
    """A lookup's values worked out one by one; what is refused stays so."""

    def change(value: Value) -> Value:
        return value if is_refused(value) else float(compute(what, np.array([as_number(value)]))[0])

    return feature.map(change) if isinstance(feature, Lookup) else feature


def grown(features: Sequence[Feature], name: Any, operands: Sequence[float]) -> list[Feature]:
    """A growing function of each; what is below where the function begins is missing behind it, as numpy gives NaN."""
    floor = GROWING[name].floor
    if floor > -np.inf:
        features = elementwise(features, lambda i, values: _from(floor, values), _emit_from(floor), strict=False)
    steps = [Step(name, float(operand)) for operand in operands]
    return [add_step(feature, step) for feature, step in zip(features, steps, strict=True)]


def _from(floor: float, values: np.ndarray) -> np.ndarray:
    return np.where(values < floor, MISSING, values)


def _emit_from(floor: float) -> Emit:
    def emit(graph: GraphBuilder, values: str, which: list[int]) -> str:
        below = graph.call("Less", values, graph.constant(floor))
        return graph.call("Where", below, graph.constant(MISSING), values)

    return emit


def powered(transformer: PowerTransformer, features: list[Feature], place: str) -> list[Feature]:
    """Yeo and Johnson's power of each number (Biometrika 87, 2000), as scipy computes it."""
    if transformer.method != "yeo-johnson":
        raise VerificationRefused(
            f"{place}, a PowerTransformer, has method={transformer.method!r}, which has no converter",
            hint='use method="yeo-johnson", or FunctionTransformer(np.log1p)',
        )
    features = grown(features, "yeo_johnson", transformer.lambdas_)
    if not transformer.standardize:
        return features
    scaler = transformer._scaler
    for name, operands in (("subtract", scaler.mean_), ("divide", scaler.scale_)):
        steps = [Step(name, float(operand)) for operand in operands]  # type: ignore[arg-type]  # one of the names
        features = [add_step(feature, step) for feature, step in zip(features, steps, strict=True)]
    return features


CURVES: dict[np.ufunc, str] = {
    np.log: "log",
    np.log2: "log2",
    np.log10: "log10",
    np.log1p: "log1p",
    np.sqrt: "sqrt",
    np.exp: "exp",
    np.expm1: "expm1",
}
BENDS: dict[np.ufunc, Callable[[GraphBuilder, str], str]] = {
    np.square: lambda graph, values: graph.call("Mul", values, values),
    np.absolute: lambda graph, values: graph.call("Abs", values),
    np.negative: lambda graph, values: graph.call("Neg", values),
    np.reciprocal: lambda graph, values: graph.call("Reciprocal", values),
}
"""The functions of numpy that a FunctionTransformer may have: those that grow, and others that are exact in a graph."""


def function(transformer: FunctionTransformer, features: list[Feature], place: str) -> list[Feature]:
    """A function of numpy on each number, or nothing where there is none."""
    # A fitted ColumnTransformer writes "passthrough" as a FunctionTransformer without a function.
    if (func := transformer.func) is None:
        return features
    if not isinstance(func, np.ufunc) or not (func in CURVES or func in BENDS):
        known = ", ".join(f"np.{one.__name__}" for one in (*CURVES, *BENDS))
        raise VerificationRefused(
            f"{place} is a FunctionTransformer of {_name(func)}: a bundle runs no Python of yours",
            hint=f"use {known}, or derive the column in the declaration: Service(features={{...}})",
        )
    if transformer.kw_args:
        raise setting_not_supported(transformer, place, f"kw_args={transformer.kw_args!r}")
    if transformer.validate:
        features = [refuse_missing(feature) for feature in features]
    if func in CURVES:
        return grown(features, CURVES[func], [0.0] * len(features))
    emit = BENDS[func]
    return elementwise(
        features, lambda i, values: func(values), lambda graph, values, which: emit(graph, values), strict=False
    )


def _name(given: Any) -> str:
    return str(getattr(given, "__name__", repr(given)))
