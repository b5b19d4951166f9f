"""Preprocessing is worked out value by value: every option of an encoder, an imputer, a scaler."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC

from tests.training.customers import (
    COLUMNS,
    NUMBERS,
    WORDS,
    columns_of,
    customers,
    leavers,
    plans,
    proved,
    scores,
    spending,
    summed,
    with_gaps,
)
from towpath.core.errors import VerificationRefused
from towpath.core.plan import Column
from towpath.training import parity
from towpath.training.compile.features import Number, Step, run_steps
from towpath.training.compile.fold import largest_at_most
from towpath.training.compile.model import compile_model
from towpath.training.fit import seeded

MODELS = {
    "line": Ridge(),
    "forest": RandomForestRegressor(10, max_depth=8, random_state=0),
    "boosting": HistGradientBoostingRegressor(max_iter=20, random_state=0),
}
NUMERIC = [*NUMBERS, "Products"]


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> object:
    return MODELS[request.param]


def dense(*parts: tuple[str, object, list[str]], remainder: str = "drop") -> ColumnTransformer:
    """Boosting takes no sparse matrix."""
    return ColumnTransformer(list(parts), remainder=remainder, sparse_threshold=0)


def words(encoder: object, model: object) -> Pipeline:
    return make_pipeline(dense(("words", encoder, WORDS)), model).fit(customers(), spending(customers()))


def everyone() -> pd.DataFrame:
    """Customers of every country, Malta too, where training had none, and of none at all."""
    frame = customers(rows=50, seed=2)
    return pd.concat([frame.assign(Country=value) for value in [*COLUMNS[1].categories, np.nan]], ignore_index=True)


def test_an_encoder_that_ignores_unknown_categories_is_followed(model: object) -> None:
    pipeline = words(OneHotEncoder(handle_unknown="ignore"), model)

    given = scores(compile_model(pipeline, COLUMNS), parity.to_rows(everyone(), COLUMNS))

    assert np.abs(given - parity.predictions(pipeline, everyone())).max() < 1e-11


@pytest.mark.parametrize("drop", ["first", "if_binary", None])
def test_dropped_categories_are_followed(model: object, drop: str | None) -> None:
    pipeline = words(OneHotEncoder(drop=drop, handle_unknown="ignore"), model)

    given = scores(compile_model(pipeline, COLUMNS), parity.to_rows(customers(), COLUMNS))

    assert np.abs(given - parity.predictions(pipeline, customers())).max() < 1e-11


@pytest.mark.parametrize("unknown", ["ignore", "infrequent_if_exist", "warn"])
@pytest.mark.filterwarnings("ignore:Found unknown categories")
def test_rare_categories_that_are_put_together_are_followed(model: object, unknown: str) -> None:
    pipeline = words(OneHotEncoder(min_frequency=0.3, drop="first", handle_unknown=unknown), model)

    given = scores(compile_model(pipeline, COLUMNS), parity.to_rows(everyone(), COLUMNS))

    assert np.abs(given - parity.predictions(pipeline, everyone())).max() < 1e-11


def test_missing_as_a_category_of_its_own_is_followed(model: object) -> None:
    frame = with_gaps(customers())
    encoded = dense(("words", OneHotEncoder(), WORDS), ("codes", OrdinalEncoder(encoded_missing_value=-7), WORDS))
    pipeline = make_pipeline(encoded, model).fit(frame, spending(customers()))

    given = scores(compile_model(pipeline, COLUMNS), parity.to_rows(frame, COLUMNS))

    assert np.abs(given - parity.predictions(pipeline, frame)).max() < 1e-11


def test_codes_for_unknown_categories_are_followed(model: object) -> None:
    pipeline = words(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=9), model)

    given = scores(compile_model(pipeline, COLUMNS), parity.to_rows(everyone(), COLUMNS))

    assert np.abs(given - parity.predictions(pipeline, everyone())).max() < 1e-11


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()])
def test_where_scikit_learn_raises_for_a_category_neither_score_nor_contributions_are_numbers(
    model: object, encoder: object
) -> None:
    pipeline = words(encoder, model)
    unseen = everyone()["Country"].isin(["Malta"]) | everyone()["Country"].isna()

    rows = parity.to_rows(everyone(), COLUMNS)
    compiled = compile_model(pipeline, COLUMNS, rows[~unseen])

    with pytest.raises(ValueError, match="unknown categories"):
        pipeline.predict(everyone())
    assert np.array_equal(np.isnan(scores(compiled, rows)[:, 0]), unseen)
    assert np.array_equal(np.isnan(summed(compiled, rows)[:, 0]), unseen)


def test_a_value_that_is_in_no_list_is_refused_where_its_number_would_be_needed(model: object) -> None:
    pipeline = make_pipeline(dense(("count", "passthrough", ["Products"])), model)
    pipeline.fit(customers(), spending(customers()))
    rows = parity.to_rows(customers().assign(Products=17), COLUMNS)

    assert np.isnan(scores(compile_model(pipeline, COLUMNS), rows)).all()


def test_encoded_numbers_are_followed_and_others_refused(model: object) -> None:
    numeric = (Column("Tenure", "Tenure"), Column("Age", "Age"))
    frame = customers()[["Age", "Tenure"]]
    tenure = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    pipeline = make_pipeline(dense(("tenure", tenure, ["Tenure"]), remainder="passthrough"), model)
    pipeline.fit(frame, spending(customers()))
    compiled = compile_model(pipeline, numeric)

    given = scores(compiled, parity.to_rows(frame, numeric))

    assert np.abs(given - parity.predictions(pipeline, frame)).max() < 1e-11
    assert np.isnan(scores(compiled, np.array([[7.5, 30.0]]))).all()


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
def test_imputed_numbers_are_followed(model: object, strategy: str) -> None:
    frame = with_gaps(customers())[NUMERIC]
    pipeline = make_pipeline(SimpleImputer(strategy=strategy, add_indicator=True), StandardScaler(), model)

    assert proved(pipeline.fit(frame, spending(customers())), frame, columns_of(frame)).outputs == 1


@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_a_column_without_any_value_is_left_out_as_the_imputer_leaves_it(model: object) -> None:
    frame = customers()[NUMERIC].assign(Tenure=np.nan)
    pipeline = make_pipeline(SimpleImputer(), StandardScaler(), model).fit(frame, spending(customers()))

    assert proved(pipeline, frame, columns_of(frame)).outputs == 1


@pytest.mark.parametrize("fill", ["most_frequent", "constant"])
def test_imputed_words_are_followed(model: object, fill: str) -> None:
    frame = with_gaps(customers())
    steps = make_pipeline(SimpleImputer(strategy=fill, fill_value="none"), OneHotEncoder(handle_unknown="ignore"))
    pipeline = make_pipeline(dense(("words", steps, WORDS)), model).fit(frame, spending(customers()))

    given = scores(compile_model(pipeline, COLUMNS), parity.to_rows(frame, COLUMNS))

    assert np.abs(given - parity.predictions(pipeline, frame)).max() < 1e-11


def test_encoded_categories_may_be_scaled(model: object) -> None:
    pipeline = words(make_pipeline(OrdinalEncoder(), StandardScaler()), model)

    given = scores(compile_model(pipeline, COLUMNS), parity.to_rows(customers(), COLUMNS))

    assert np.abs(given - parity.predictions(pipeline, customers())).max() < 1e-11


@given(
    mean=st.floats(-1e6, 1e6),
    scale=st.floats(1e-6, 1e6),
    limit=st.floats(-1e4, 1e4),
    single=st.booleans(),
)
def test_a_folded_limit_is_the_last_double_that_still_goes_left(
    mean: float, scale: float, limit: float, single: bool
) -> None:
    number = Number(0, (Step("subtract", mean), Step("divide", scale)))

    found = largest_at_most(np.array([limit]), number, single)[0]

    around = run_steps(number.steps, np.array([found, math.nextafter(found, math.inf)]))
    seen = around.astype(np.float32).astype(np.float64) if single else around
    assert seen[0] <= limit < seen[1]


REFUSED = {
    "its class": (make_pipeline(SVC()), r"pipeline\.svc is a SVC, which has no converter"),
    "a step's class": (
        make_pipeline(QuantileTransformer(n_quantiles=9), Ridge()),
        r"pipeline\.quantiletransformer is a Q",
    ),
    "a function": (make_pipeline(FunctionTransformer(np.sin), Ridge()), "FunctionTransformer of sin"),
    "a setting": (make_pipeline(SimpleImputer(missing_values=-1), Ridge()), "missing_values=-1"),
    "a link": (GradientBoostingRegressor(n_estimators=2, init=Ridge()), "the estimator, a Gr.* has init=Ridge"),
    "several targets": (make_pipeline(StandardScaler(), Ridge()), "2 targets"),
    "an order": (make_pipeline(StandardScaler(), OneHotEncoder(handle_unknown="ignore"), Ridge()), "after a scaler"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_converted_is_refused_by_name_and_place(case: str) -> None:
    estimator, message = REFUSED[case]
    frame, target = customers()[["Age", "Balance"]], spending(customers())
    if case == "its class":
        target = leavers(customers())
    if case == "several targets":
        target = np.column_stack([target, target])

    with pytest.raises(VerificationRefused, match=message):
        compile_model(estimator.fit(frame, target), COLUMNS)


def test_a_step_deep_inside_is_named_with_its_whole_path() -> None:
    inner = make_pipeline(SimpleImputer(), QuantileTransformer(n_quantiles=9))
    pipeline = Pipeline([("prepare", ColumnTransformer([("numbers", inner, NUMBERS)])), ("model", Ridge())])
    pipeline.fit(customers(), spending(customers()))

    with pytest.raises(
        VerificationRefused, match=r"pipeline\.prepare\.numbers\.quantiletransformer is a QuantileTransformer"
    ) as refused:
        compile_model(pipeline, COLUMNS)
    assert "PowerTransformer" in refused.value.hint


def test_an_estimator_fitted_on_an_array_is_refused() -> None:
    with pytest.raises(VerificationRefused, match="does not know the names of its columns"):
        compile_model(Ridge().fit([[1.0], [2.0]], [1.0, 2.0]), COLUMNS)


def test_a_column_that_the_record_lacks_is_named() -> None:
    frame = customers().rename(columns={"Age": "Years"})[["Years"]]

    with pytest.raises(VerificationRefused, match="columns the record does not have: Years"):
        compile_model(Ridge().fit(frame, spending(customers())), COLUMNS)


def test_text_that_reaches_a_model_is_refused_by_its_column() -> None:
    frame = customers()[["Age", "Country"]].assign(Country=0.0)
    model = LogisticRegression().fit(frame, leavers(customers()))

    with pytest.raises(VerificationRefused, match="the estimator gets the text of column Country"):
        compile_model(model, COLUMNS)


def test_a_number_that_trees_split_by_sets_is_refused_with_what_to_do() -> None:
    frame = customers()[["Tenure"]].fillna(3.0)
    model = HistGradientBoostingClassifier(categorical_features=[0], min_samples_leaf=2, random_state=0)
    model.fit(frame, frame["Tenure"].isin([1, 4, 8]))

    with pytest.raises(VerificationRefused, match="number column Tenure by a set") as refused:
        compile_model(model, COLUMNS)
    assert "Literal" in refused.value.hint


TARGETS = {"a number": spending, "two classes": leavers, "three classes": plans}


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("trees", [False, True])
def test_the_targets_mean_for_each_category_is_followed(kind: str, trees: bool) -> None:
    number = kind == "a number"
    line, forest = (
        (Ridge(), MODELS["forest"]) if number else (LogisticRegression(), RandomForestClassifier(8, max_depth=6))
    )
    encoded = dense(("means", TargetEncoder(), WORDS), remainder="passthrough")
    model = make_pipeline(encoded, SimpleImputer(), StandardScaler(), clone(forest if trees else line))
    pipeline = seeded(model, 1).fit(customers(), TARGETS[kind](customers()))

    given = scores(compile_model(pipeline, COLUMNS), parity.to_rows(everyone(), COLUMNS))

    assert np.abs(given - parity.predictions(pipeline, everyone())).max() < 1e-11


def test_the_targets_mean_for_a_missing_category_is_followed(model: object) -> None:
    frame = with_gaps(customers())
    encoded = dense(("means", TargetEncoder(), WORDS))
    pipeline = seeded(make_pipeline(encoded, model), 1).fit(frame, spending(customers()))

    given = scores(compile_model(pipeline, COLUMNS), parity.to_rows(everyone(), COLUMNS))

    assert np.abs(given - parity.predictions(pipeline, everyone())).max() < 1e-11


def test_a_word_that_stands_for_a_missing_one_is_imputed_and_a_missing_one_refused(model: object) -> None:
    frame = customers().replace({"Country": {"Italy": "unknown"}})
    columns = tuple(
        Column("Country", "Country", categories=("France", "Germany", "Spain", "unknown"))
        if one.name == "Country"
        else one
        for one in COLUMNS
    )
    imputer = SimpleImputer(missing_values="unknown", strategy="most_frequent")
    steps = make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore"))
    pipeline = make_pipeline(dense(("words", steps, ["Country"])), model).fit(frame, spending(frame))
    compiled = compile_model(pipeline, columns)

    given = scores(compiled, parity.to_rows(frame, columns))

    assert np.abs(given - parity.predictions(pipeline, frame)).max() < 1e-11
    assert np.isnan(scores(compiled, parity.to_rows(frame.assign(Country=np.nan), columns))).all()


@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_a_column_without_any_value_can_be_kept_as_the_imputer_keeps_it(model: object) -> None:
    frame = customers()[NUMERIC].assign(Tenure=np.nan)
    pipeline = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), model)

    assert proved(pipeline.fit(frame, spending(customers())), frame, columns_of(frame)).outputs == 1


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(max_categories=2, handle_unknown="infrequent_if_exist"),
        OneHotEncoder(drop=["Spain", "Male"]),
        OrdinalEncoder(min_frequency=50, handle_unknown="use_encoded_value", unknown_value=-5),
        OrdinalEncoder(max_categories=2, handle_unknown="use_encoded_value", unknown_value=np.nan),
    ],
    ids=["few categories", "dropped by name", "codes of frequent ones", "an unknown one is missing"],
)
def test_every_setting_of_an_encoder_is_followed(model: object, encoder: object) -> None:
    pipeline = words(make_pipeline(encoder, SimpleImputer()), model)

    given = scores(compile_model(pipeline, COLUMNS), parity.to_rows(customers(), COLUMNS))

    assert np.abs(given - parity.predictions(pipeline, customers())).max() < 1e-11


def test_transformers_inside_each_other_are_followed(model: object) -> None:
    inner = ColumnTransformer([("age", StandardScaler(), [0])], remainder=SimpleImputer(strategy="median"))
    outer = ColumnTransformer(
        [("numbers", make_pipeline(inner, StandardScaler()), ["Age", "Tenure"]), ("words", OneHotEncoder(), WORDS)],
        remainder="passthrough", sparse_threshold=0,
    )  # fmt: skip
    pipeline = make_pipeline(outer, model).fit(customers(), spending(customers()))

    assert proved(pipeline, customers(), COLUMNS).outputs == 1
