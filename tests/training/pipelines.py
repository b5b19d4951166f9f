"""Preprocessing before a model, in the two ways that most pipelines are written, and what a right model must hold."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.training.customers import COLUMNS, NUMBERS, WORDS, additivity, customers, proved
from towpath.training import parity
from towpath.training.compile.model import Compiled

NUMERIC = [*NUMBERS, "Products"]


def scaled(model: object) -> Pipeline:
    """Imputed, scaled, one-hot encoded: the churn pipeline of the reference."""
    numeric = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    words = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder(drop="first", handle_unknown="ignore")
    )
    return make_pipeline(ColumnTransformer([("numbers", numeric, NUMERIC), ("words", words, WORDS)]), model)


def coded(model: object) -> Pipeline:
    """Categories by position, all other columns as they are."""
    words = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return make_pipeline(ColumnTransformer([("words", words, WORDS)], remainder="passthrough"), model)


def hold(estimator: object, target: np.ndarray) -> Compiled:
    """Fit on the customers, compile, and prove on customers it has not seen and on thresholds; contributions add up."""
    estimator.fit(customers(), target)  # type: ignore[attr-defined]  # every estimator has it
    asked = customers(rows=400, seed=99)
    compiled = proved(estimator, asked, COLUMNS)
    if compiled.explain is not None:
        assert additivity(compiled, parity.to_rows(asked, COLUMNS)) < 1e-12
    return compiled
