"""Compiled models answer as scikit-learn does, bit by bit or nearly, and their contributions add up."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.training.customers import (
    COLUMNS,
    additivity,
    columns_of,
    customers,
    leavers,
    plans,
    proved,
    scores,
    spending,
)
from tests.training.pipelines import coded, scaled
from towpath.core.plan import Column
from towpath.engine.graph import GraphModel
from towpath.training import parity
from towpath.training.compile.model import compile_model

CASES = {
    "logistic": (scaled(LogisticRegression()), leavers),
    "liblinear": (scaled(LogisticRegression(solver="liblinear", C=0.1, class_weight="balanced")), leavers),
    "softmax": (scaled(LogisticRegression(max_iter=500)), plans),
    "line": (scaled(LinearRegression()), spending),
    "ridge": (scaled(Ridge(alpha=2.0)), spending),
    "tree": (scaled(DecisionTreeClassifier(max_depth=6, random_state=0)), leavers),
    "tree of three": (coded(DecisionTreeClassifier(max_depth=6, random_state=0)), plans),
    "regression tree": (coded(DecisionTreeRegressor(max_depth=6, random_state=0)), spending),
    "forest": (scaled(RandomForestClassifier(20, class_weight="balanced_subsample", random_state=0)), leavers),
    "forest of three": (scaled(RandomForestClassifier(20, max_depth=8, random_state=0)), plans),
    "regression forest": (scaled(RandomForestRegressor(20, max_depth=8, random_state=0)), spending),
    "extra trees": (coded(ExtraTreesClassifier(20, max_depth=8, random_state=0)), leavers),
    "extra regression": (scaled(ExtraTreesRegressor(20, max_depth=8, random_state=0)), spending),
    "boosting": (coded(HistGradientBoostingClassifier(max_iter=40, random_state=0)), leavers),
    "boosting sets": (
        coded(HistGradientBoostingClassifier(categorical_features=[0, 1], max_iter=40, random_state=0)),
        leavers,
    ),
    "boosting of three": (scaled(HistGradientBoostingClassifier(max_iter=15, random_state=0)), plans),
    "boosting regression": (coded(HistGradientBoostingRegressor(max_iter=40, random_state=0)), spending),
    "boosting quantile": (
        coded(HistGradientBoostingRegressor(loss="quantile", quantile=0.9, max_iter=20, random_state=0)),
        spending,
    ),
}


@pytest.fixture(scope="module", params=CASES)
def fitted(request: pytest.FixtureRequest) -> Pipeline:
    model, target = CASES[request.param]
    return model.fit(customers(), target(customers()))


def test_a_compiled_model_answers_as_scikit_learn_on_its_rows_and_on_its_thresholds(fitted: Pipeline) -> None:
    compiled = proved(fitted, customers(rows=1000, seed=99), COLUMNS)

    assert scores(compiled, parity.to_rows(customers(), COLUMNS)).shape == (400, compiled.outputs)


def test_base_and_contributions_add_up_to_the_raw_score(fitted: Pipeline) -> None:
    rows = parity.to_rows(customers(rows=500, seed=5), COLUMNS)

    assert additivity(compile_model(fitted, COLUMNS, rows), rows) < 1e-12


def test_a_row_alone_gets_the_same_score_as_among_others(fitted: Pipeline) -> None:
    rows = parity.to_rows(customers(rows=200, seed=6), COLUMNS)
    model = GraphModel(compile_model(fitted, COLUMNS).graph)

    assert np.abs(np.concatenate([model.raw(row[None]) for row in rows]) - model.raw(rows)).max() < 1e-10


def test_the_same_model_compiles_to_the_same_bytes(fitted: Pipeline) -> None:
    rows = parity.to_rows(customers(), COLUMNS)

    assert compile_model(fitted, COLUMNS, rows) == compile_model(fitted, COLUMNS, rows)


def test_trees_come_out_bit_for_bit() -> None:
    forest = CASES["forest"][0].fit(customers(), leavers(customers()))
    asked = customers(rows=2000, seed=12)

    compiled = compile_model(forest, COLUMNS)

    given = scores(compiled, parity.to_rows(asked, COLUMNS))
    assert np.array_equal(given, parity.predictions(forest, asked))


def test_boosting_that_reads_categories_by_their_type_sends_every_category_its_way() -> None:
    frame = customers().astype({"Country": "category", "Gender": "category"})
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=40, random_state=0)
    model.fit(frame, leavers(customers()))
    country = customers()["Country"].mask(frame.index % 7 == 0).mask(frame.index % 5 == 0, "Malta")
    asked = frame.assign(Country=country.astype("category"))

    proved(model, frame, COLUMNS)
    given = scores(compile_model(model, COLUMNS), parity.to_rows(asked, COLUMNS))

    assert np.abs(given - parity.predictions(model, asked)).max() < 1e-15


def test_boosting_with_many_categories_keeps_its_sets_apart() -> None:
    random = np.random.default_rng(4)
    names = tuple(f"city {i:02d}" for i in range(60))
    frame = pd.DataFrame({"city": random.choice(names, 6000), "size": random.normal(size=6000)})
    height = dict(zip(names, random.normal(size=60), strict=True))
    model = make_pipeline(
        ColumnTransformer([("city", OrdinalEncoder(), ["city"])], remainder="passthrough"),
        HistGradientBoostingRegressor(categorical_features=[0], max_iter=20, random_state=0),
    ).fit(frame, frame["city"].map(height) + frame["size"])
    columns = (Column("size", "size"), Column("city", "city", categories=tuple(reversed(names))))

    compiled = compile_model(model, columns)

    given = GraphModel(compiled.graph).raw(parity.to_rows(frame, columns))
    assert np.array_equal(given, parity.predictions(model, frame))


def test_iris_compiles_without_any_preprocessing() -> None:
    iris = load_iris(as_frame=True)
    columns = tuple(Column(name, "features", position) for position, name in enumerate(iris.data.columns))
    forest = RandomForestClassifier(100, random_state=42).fit(iris.data, iris.target)

    compiled = proved(forest, iris.data, columns)

    assert (compiled.outputs, compiled.link) == (3, "identity")
    assert np.array_equal(scores(compiled, iris.data.to_numpy()), forest.predict_proba(iris.data))


def test_a_model_that_is_one_leaf_gives_its_value() -> None:
    stump = coded(DecisionTreeRegressor(max_depth=1, min_samples_leaf=400)).fit(customers(), spending(customers()))

    compiled = compile_model(stump, COLUMNS)

    given = GraphModel(compiled.graph).raw(parity.to_rows(customers(), COLUMNS))
    assert np.array_equal(given, parity.predictions(stump, customers()))


def test_the_contributions_of_one_split_go_to_its_column() -> None:
    frame = customers()
    tree = coded(DecisionTreeRegressor(max_depth=1, random_state=0)).fit(frame, (frame["Age"] > 40) * 10.0)
    compiled = compile_model(tree, COLUMNS)
    old = parity.to_rows(frame[frame["Age"] > 40], COLUMNS)

    added = GraphModel(compiled.graph, compiled.explain).contributions(old[:1])[0, 0]

    share_old = float((frame["Age"] > 40).mean())
    assert compiled.base[0] == pytest.approx(10.0 * share_old)
    assert added == pytest.approx([10.0 * (1.0 - share_old), 0, 0, 0, 0, 0])


def test_linear_contributions_are_the_weight_times_the_distance_from_the_mean() -> None:
    frame = customers()[["Age", "Balance"]]
    line = LinearRegression().fit(frame, 2.0 * frame["Age"] - 0.001 * frame["Balance"] + 5.0)
    columns = (Column("Age", "Age"), Column("Balance", "Balance"))
    rows = parity.to_rows(frame, columns)
    compiled = compile_model(line, columns, rows)

    added = GraphModel(compiled.graph, compiled.explain).contributions(rows[:3])[:, 0]

    assert added == pytest.approx((rows[:3] - rows.mean(axis=0)) * [2.0, -0.001], rel=1e-6)


def test_a_linear_model_without_training_rows_has_no_contributions() -> None:
    line = CASES["line"][0].fit(customers(), spending(customers()))

    compiled = compile_model(line, COLUMNS)

    assert (compiled.explain, compiled.base) == (None, ())


def test_columns_may_be_chosen_by_type_mask_slice_or_position() -> None:
    frame = customers()[["Age", "Balance", "Country", "Tenure"]]
    chosen = ColumnTransformer(
        [
            ("words", OneHotEncoder(), make_column_selector(dtype_exclude=np.number)),
            ("first", StandardScaler(), slice(0, 1)),
            ("second", "passthrough", [False, True, False, False]),
        ],
        remainder="drop",
    )
    line = make_pipeline(chosen, Ridge()).fit(frame, spending(customers()))

    compiled = proved(line, frame, columns_of(frame))

    used = GraphModel(compiled.graph, compiled.explain).contributions(parity.to_rows(frame, columns_of(frame)))
    assert np.abs(used[:, 0]).max(axis=0).astype(bool).tolist() == [True, True, False, True]


def test_a_single_scaled_number_keeps_all_its_digits() -> None:
    """onnxruntime's optimiser would fold the scale into the product in float32."""
    frame = customers()[["Age"]]
    line = make_pipeline(StandardScaler(), Ridge()).fit(frame, spending(customers()))

    assert proved(line, frame, columns_of(frame)).outputs == 1


def test_a_tree_of_one_leaf_behind_a_scaler_of_tiny_numbers_has_no_threshold() -> None:
    frame = customers()[["Age"]] * 1e-12
    estimator = make_pipeline(StandardScaler(), DecisionTreeRegressor()).fit(frame, np.ones(len(frame)))

    assert parity.thresholds(estimator, columns_of(frame)) == []
