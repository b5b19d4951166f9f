"""What mixes columns is computed in the graph, before lines and before trees; its contributions are shared out."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor, VotingRegressor
from sklearn.feature_selection import (
    RFE,
    SelectFromModel,
    SelectKBest,
    SelectPercentile,
    VarianceThreshold,
    f_regression,
)
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)

from tests.training.customers import (
    COLUMNS,
    WORDS,
    additivity,
    columns_of,
    customers,
    proved,
    scores,
    spending,
)
from towpath.core.errors import VerificationRefused
from towpath.engine.graph import GraphModel
from towpath.training import parity
from towpath.training.compile.model import compile_model, convert

MODELS: dict[str, Any] = {
    "line": Ridge(),
    "forest": RandomForestRegressor(8, max_depth=7, random_state=0),
    "boosting": HistGradientBoostingRegressor(max_iter=15, random_state=0),
}
NUMBERS = ["Age", "Tenure", "Balance"]
STEPS = {
    "products": (StandardScaler(), PolynomialFeatures(2)),
    "products of three": (StandardScaler(), PolynomialFeatures(3, interaction_only=True, include_bias=False)),
    "components": (StandardScaler(), PCA(2)),
    "whitened components": (StandardScaler(), PCA(2, whiten=True)),
    "singular vectors": (TruncatedSVD(2, random_state=0),),
    "rows of length one": (Normalizer(),),
    "rows of sum one": (Normalizer("l1"),),
    "rows of maximum one": (Normalizer("max"),),
    "one behind the other": (
        PolynomialFeatures(2),
        SelectKBest(f_regression, k=5),
        StandardScaler(),
        PCA(3),
        MinMaxScaler(),
    ),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    return clone(MODELS[request.param])


def fitted(model: Any, *steps: Any) -> Any:
    made = make_pipeline(SimpleImputer(strategy="median"), *map(clone, steps), model)
    return made.fit(customers()[NUMBERS], spending(customers()))


@pytest.mark.parametrize("steps", STEPS)
def test_mixed_columns_are_followed_and_contributions_add_up(steps: str, model: Any) -> None:
    pipeline, frame = fitted(model, *STEPS[steps]), customers()[NUMBERS]

    compiled = proved(pipeline, frame, columns_of(frame))

    assert additivity(compiled, parity.to_rows(frame, columns_of(frame))) < 1e-11


def test_products_are_followed_to_the_last_bit() -> None:
    pipeline, frame = fitted(clone(MODELS["boosting"]), PolynomialFeatures(4)), customers()[NUMBERS]
    compiled = compile_model(pipeline, columns_of(frame))

    given = scores(compiled, parity.to_rows(frame, columns_of(frame)))

    assert np.array_equal(given, parity.predictions(pipeline, frame))


def test_a_product_is_shared_by_its_factors_equally() -> None:
    frame = customers()[["Age", "Balance"]]
    products = PolynomialFeatures(2, interaction_only=True, include_bias=False)
    pipeline = make_pipeline(products, Ridge()).fit(frame, frame["Age"] * frame["Balance"])
    pipeline[-1].coef_[:2] = 0.0
    rows = parity.to_rows(frame, columns_of(frame))
    compiled = compile_model(pipeline, columns_of(frame), rows)

    added = GraphModel(compiled.graph, compiled.explain).contributions(rows)

    assert np.abs(added).max() > 1.0
    assert np.array_equal(added[:, :, 0], added[:, :, 1])


def test_a_projection_of_products_loses_nothing_to_their_constant() -> None:
    pipeline = fitted(clone(MODELS["line"]), PolynomialFeatures(2))
    member = make_pipeline(StandardScaler(), PCA(4), Ridge())
    voting = VotingRegressor([("plain", Ridge()), ("projected", member)])
    pipeline = make_pipeline(*pipeline[:-1], voting).fit(customers()[NUMBERS], spending(customers()))

    compiled = proved(pipeline, customers()[NUMBERS], columns_of(customers()[NUMBERS]))

    assert additivity(compiled, parity.to_rows(customers()[NUMBERS], columns_of(customers()[NUMBERS]))) < 1e-11


def test_categories_can_be_projected(model: Any) -> None:
    words = make_pipeline(OneHotEncoder(handle_unknown="ignore", sparse_output=False), PCA(2))
    pipeline = make_pipeline(ColumnTransformer([("words", words, WORDS)]), model)
    pipeline.fit(customers(), spending(customers()))

    given = scores(compile_model(pipeline, COLUMNS), parity.to_rows(customers(), COLUMNS))

    assert np.abs(given - parity.predictions(pipeline, customers())).max() < 1e-9


@pytest.mark.filterwarnings("ignore:An ill-conditioned matrix")
def test_where_scikit_learn_raises_for_a_missing_factor_the_score_is_not_a_number(model: Any) -> None:
    frame = customers()[NUMBERS].fillna(3.0)
    pipeline = make_pipeline(PolynomialFeatures(2), model).fit(frame, spending(customers()))
    asked = customers()[NUMBERS]

    given = scores(compile_model(pipeline, columns_of(frame)), parity.to_rows(asked, columns_of(frame)))[:, 0]

    assert np.array_equal(np.isnan(given), asked["Tenure"].isna())


def test_an_unknown_category_stays_refused_behind_a_projection(model: Any) -> None:
    words = make_pipeline(OneHotEncoder(sparse_output=False), PCA(2))
    pipeline = make_pipeline(ColumnTransformer([("words", words, WORDS)]), model)
    pipeline.fit(customers(), spending(customers()))
    asked = parity.to_rows(customers(rows=5).assign(Country="Malta"), COLUMNS)

    assert np.isnan(scores(compile_model(pipeline, COLUMNS), asked)).all()


def test_only_splits_of_the_records_own_columns_are_told() -> None:
    frame = customers()[NUMBERS]
    pipeline = make_pipeline(
        ColumnTransformer(
            [("mixed", make_pipeline(SimpleImputer(), PCA(1)), ["Tenure", "Balance"])], remainder="passthrough"
        ),
        clone(MODELS["forest"]),
    ).fit(frame, spending(customers()))

    converted = convert(pipeline, columns_of(frame))

    assert {column for column, _ in converted.thresholds()} == {0}
    assert {column for _, column, _ in converted.visits(parity.to_rows(frame, columns_of(frame)))} == {0}


SELECTIONS = {
    "variance": VarianceThreshold(1.0),
    "best": SelectKBest(f_regression, k=2),
    "percentile": SelectPercentile(f_regression, percentile=60),
    "by a model": SelectFromModel(Ridge(), max_features=2),
    "recursive": RFE(Ridge(), n_features_to_select=2),
}


@pytest.mark.parametrize("selection", SELECTIONS)
def test_chosen_features_are_followed(selection: str, model: Any) -> None:
    pipeline, frame = fitted(model, StandardScaler(), SELECTIONS[selection]), customers()[NUMBERS]

    assert proved(pipeline, frame, columns_of(frame)).outputs == 1


def test_a_selection_that_takes_no_missing_value_refuses_one() -> None:
    frame = customers()[NUMBERS].fillna(3.0)
    pipeline = make_pipeline(SelectKBest(f_regression, k=3), clone(MODELS["forest"]))
    pipeline.fit(frame, spending(customers()))
    asked = customers()[NUMBERS]

    given = scores(compile_model(pipeline, columns_of(frame)), parity.to_rows(asked, columns_of(frame)))[:, 0]

    assert np.array_equal(np.isnan(given), asked["Tenure"].isna())


@pytest.mark.parametrize(
    ("step", "instead"),
    [
        (QuantileTransformer(n_quantiles=20), "PowerTransformer"),
        (SplineTransformer(), "KBinsDiscretizer"),
        (KNNImputer(), "SimpleImputer"),
    ],
)
def test_what_has_no_converter_is_refused_with_what_to_use_instead(step: Any, instead: str) -> None:
    frame = pd.DataFrame({"Age": np.arange(40.0)})
    pipeline = make_pipeline(step, Ridge()).fit(frame, frame["Age"])

    with pytest.raises(VerificationRefused, match=f"is a {type(step).__name__}, which has no converter") as refused:
        compile_model(pipeline, columns_of(frame))

    assert instead in refused.value.hint
