"""Regressors of a transformed target: the way back becomes the link, or a part of a straight line."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from towpath.core.errors import VerificationRefused
from towpath.core.plan import Link
from towpath.training.compile.compose import Weighted, scored
from towpath.training.compile.features import Inputs
from towpath.training.compile.protocol import Model
from towpath.training.compile.refusals import setting_not_supported

INVERSES: list[tuple[Any, Link]] = [
    (np.exp, "exp"),
    (np.expm1, "expm1"),
    (np.exp2, "exp2"),
    (special.exp10, "power10"),
    (np.square, "square"),
    (np.sqrt, "sqrt"),
    (special.expit, "logistic"),
]
SCALERS = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler)


def _transformed(estimator: Any, inputs: Inputs) -> Model:
    inner = scored(inputs.member(estimator.regressor_, "regressor"))
    transformer = estimator.transformer_
    if type(transformer) in SCALERS:
        return _scaled_back(inner, transformer, estimator, inputs)
    if type(transformer) is not FunctionTransformer:
        raise setting_not_supported(estimator, inputs.place, f"transformer={type(transformer).__name__}(...)")
    link = _link(transformer.inverse_func, inputs.place)
    # As an identity around a curve, the model's own link is what the engine does last.
    return inner if link == "identity" else Weighted((inner,), (np.eye(1),), np.zeros(1), link)


def _scaled_back(inner: Model, scaler: Any, estimator: Any, inputs: Inputs) -> Model:
    """Where 0 and 1 come from tells the whole line."""
    if getattr(scaler, "clip", False):
        raise setting_not_supported(estimator, inputs.place, "transformer=MinMaxScaler(clip=True)")
    start, end = scaler.inverse_transform(np.array([[0.0], [1.0]]))[:, 0]
    return Weighted((inner,), (np.eye(1) * (end - start),), np.array([start]))


def _link(inverse: Any, place: str) -> Link:
    if inverse is None:
        return "identity"
    if (
        isinstance(inverse, functools.partial)
        and inverse.func is np.power
        and inverse.args == (10,)
        and not inverse.keywords
    ):
        return "power10"
    for function, link in INVERSES:
        if inverse is function:
            return link
    name = getattr(inverse, "__name__", repr(inverse))
    known = "numpy's exp, expm1, exp2, square and sqrt, scipy.special's exp10 and expit"
    raise VerificationRefused(
        f"{place}, a TransformedTargetRegressor, has inverse_func={name}: a bundle runs no Python of yours",
        hint=f"functions with a way back that the engine knows: {known}",
    )


TARGETS: dict[type, Callable[[Any, Inputs], Model]] = {TransformedTargetRegressor: _transformed}
