"""Scalers, bins, powers and functions of numpy are followed to the last bit that a tree could notice."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OrdinalEncoder,
    PowerTransformer,
    RobustScaler,
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
    with_gaps,
)
from towpath.core.errors import VerificationRefused
from towpath.engine.graph import GraphModel
from towpath.training import parity
from towpath.training.compile.features import Number, Step, run_steps
from towpath.training.compile.fold import largest_at_most
from towpath.training.compile.graph import ROWS, GraphBuilder
from towpath.training.compile.growing import GROWING
from towpath.training.compile.model import compile_model

MODELS: dict[str, Any] = {
    "line": Ridge(),
    "forest": RandomForestRegressor(8, max_depth=7, random_state=0),
    "boosting": HistGradientBoostingRegressor(max_iter=15, random_state=0),
}
NUMBERS = ["Age", "Tenure", "Balance"]


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    return clone(MODELS[request.param])


def follows(steps: Any, model: Any, frame: pd.DataFrame | None = None) -> bool:
    """Whether the compiled pipeline answers as the fitted one on its rows, on limits and on others, and adds up."""
    frame = customers()[NUMBERS] if frame is None else frame
    pipeline = make_pipeline(steps, model).fit(frame, spending(customers()))
    compiled = proved(pipeline, frame, columns_of(frame))
    other = customers(rows=200, seed=99)[NUMBERS].fillna(4.0)
    rows = parity.to_rows(other, columns_of(frame))
    parity.prove(parity.predictions(pipeline, other), scores(compiled, rows), 1e-11).require()
    return additivity(compiled, rows) < 1e-11


def filled(*steps: Any) -> Pipeline:
    return make_pipeline(SimpleImputer(strategy="median"), *steps)


SCALERS = {
    "minmax": MinMaxScaler(),
    "minmax clipped": MinMaxScaler((-1, 2), clip=True),
    "maxabs": MaxAbsScaler(),
    "maxabs clipped": MaxAbsScaler(clip=True),
    "robust": RobustScaler(),
    "robust to scale alone": RobustScaler(with_centering=False, unit_variance=True),
}


@pytest.mark.parametrize("scaler", SCALERS)
def test_a_scaler_is_followed_beyond_what_it_saw(scaler: str, model: Any) -> None:
    assert follows(filled(clone(SCALERS[scaler])), model)


def test_a_scaler_leaves_missing_values_to_the_trees_behind_it() -> None:
    assert follows(make_pipeline(RobustScaler(), MinMaxScaler(clip=True)), clone(MODELS["boosting"]))


@pytest.mark.parametrize("encode", ["ordinal", "onehot-dense"])
@pytest.mark.parametrize("strategy", ["quantile", "uniform", "kmeans"])
@pytest.mark.filterwarnings("ignore:Bins whose width are too small")
def test_bins_are_followed(encode: str, strategy: str, model: Any) -> None:
    bins = KBinsDiscretizer(4, encode=encode, strategy=strategy, quantile_method="averaged_inverted_cdf")

    assert follows(filled(bins), model)


def test_a_limit_between_bins_belongs_to_the_bin_above() -> None:
    frame = pd.DataFrame({"Age": np.arange(40.0)})
    pipeline = make_pipeline(KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"), LinearRegression())
    pipeline.fit(frame, np.arange(40.0) ** 2)
    edges = np.concatenate(pipeline[0].bin_edges_)
    asked = pd.DataFrame({"Age": np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)])})

    compiled = compile_model(pipeline, columns_of(frame))

    given = scores(compiled, parity.to_rows(asked, columns_of(frame)))
    assert np.abs(given - parity.predictions(pipeline, asked)).max() < 1e-9


def test_bins_behind_a_logarithm_are_cut_where_numpy_cuts_them(model: Any) -> None:
    bins = KBinsDiscretizer(6, encode="onehot-dense", strategy="quantile", quantile_method="linear")

    assert follows(filled(MinMaxScaler(), FunctionTransformer(np.log1p), bins), model)
    assert follows(filled(PowerTransformer(), bins), model)


@pytest.mark.parametrize("step", [Binarizer(threshold=5), KBinsDiscretizer(3, quantile_method="linear")])
def test_where_scikit_learn_raises_for_a_missing_number_the_score_is_not_a_number(step: Any, model: Any) -> None:
    frame = customers()[NUMBERS].fillna(3.0)
    dense = ColumnTransformer([("all", step, NUMBERS)], sparse_threshold=0)
    pipeline = make_pipeline(dense, model).fit(frame, spending(customers()))
    asked = customers()[NUMBERS]

    given = scores(compile_model(pipeline, columns_of(frame)), parity.to_rows(asked, columns_of(frame)))[:, 0]

    with pytest.raises(ValueError, match="NaN"):
        pipeline.predict(asked)
    assert np.array_equal(np.isnan(given), asked["Tenure"].isna())


def test_a_binarized_number_is_followed(model: Any) -> None:
    assert follows(filled(Binarizer(threshold=40)), model)


@pytest.mark.parametrize("standardize", [True, False])
def test_a_power_of_yeo_and_johnson_is_followed_above_and_below_zero(standardize: bool, model: Any) -> None:
    assert follows(filled(StandardScaler(), PowerTransformer(standardize=standardize)), model)


@pytest.mark.parametrize(
    "function", [np.log1p, np.sqrt, np.square, np.absolute, np.negative, np.expm1, np.exp, np.log, np.log2, np.log10]
)
def test_a_function_of_numpy_is_followed(function: Any, model: Any) -> None:
    into_reach = MinMaxScaler((0.1, 3.0), clip=True)

    assert follows(filled(into_reach, FunctionTransformer(function)), model)


def test_the_reciprocal_is_followed(model: Any) -> None:
    assert follows(filled(MinMaxScaler((0.5, 2.0), clip=True), FunctionTransformer(np.reciprocal)), model)


def test_the_logarithm_of_what_has_none_is_missing_behind_it() -> None:
    steps = make_pipeline(StandardScaler(), FunctionTransformer(np.log))

    with np.errstate(invalid="ignore"):
        assert follows(steps, clone(MODELS["boosting"]))


def test_a_missing_logarithm_can_be_imputed(model: Any) -> None:
    steps = make_pipeline(StandardScaler(), FunctionTransformer(np.log), SimpleImputer(add_indicator=True))

    with np.errstate(invalid="ignore"):
        assert follows(steps, model)


@pytest.mark.filterwarnings("ignore:Bins whose width are too small")
def test_functions_of_few_values_are_worked_out_value_by_value(model: Any) -> None:
    steps = make_pipeline(
        OrdinalEncoder(),
        FunctionTransformer(np.log1p),
        KBinsDiscretizer(2, encode="onehot-dense", quantile_method="linear"),
    )
    pipeline = make_pipeline(ColumnTransformer([("words", steps, WORDS)]), model).fit(
        customers(), spending(customers())
    )

    given = scores(compile_model(pipeline, COLUMNS), parity.to_rows(customers(), COLUMNS))

    assert np.abs(given - parity.predictions(pipeline, customers())).max() < 1e-11


def test_the_parts_of_a_union_stand_beside_each_other_each_with_its_weight(model: Any) -> None:
    parts = [
        ("scaled", filled(StandardScaler())),
        ("gaps", MissingIndicator()),
        ("gone", "drop"),
        ("bins", filled(Binarizer())),
    ]

    assert follows(FeatureUnion(parts, transformer_weights={"scaled": 2.5}), model)


def test_the_weights_of_a_column_transformer_are_followed(model: Any) -> None:
    parts = [("age", StandardScaler(), ["Age"]), ("rest", filled(), ["Tenure", "Balance"])]

    assert follows(ColumnTransformer(parts, transformer_weights={"age": 3.0, "rest": 0.1}), model)


def test_a_weight_that_turns_a_number_round_is_refused() -> None:
    frame = customers()[["Age"]]
    weighted = ColumnTransformer([("age", StandardScaler(), ["Age"])], transformer_weights={"age": -1.0})
    pipeline = make_pipeline(weighted, Ridge()).fit(frame, spending(customers()))

    with pytest.raises(VerificationRefused, match="transformer_weights with -1 for age"):
        compile_model(pipeline, COLUMNS)


def test_all_gaps_can_be_indicated(model: Any) -> None:
    frame = with_gaps(customers())[NUMBERS]
    both = FeatureUnion([("values", filled()), ("gaps", MissingIndicator(features="all"))])
    pipeline = make_pipeline(both, model).fit(frame, spending(customers()))

    assert proved(pipeline, frame, columns_of(frame)).outputs == 1


@given(
    name=st.sampled_from(sorted(GROWING)),
    power=st.floats(-3, 5),
    mean=st.floats(-100, 100),
    limit=st.floats(-50, 50),
    single=st.booleans(),
)
def test_a_limit_behind_a_growing_function_is_the_last_double_that_still_goes_left(
    name: Any, power: float, mean: float, limit: float, single: bool
) -> None:
    number = Number(0, (Step("subtract", mean), Step(name, power), Step("divide", 3.0)))

    found = largest_at_most(np.array([limit]), number, single)[0]

    if math.isfinite(found):
        with np.errstate(all="ignore"):
            around = run_steps(number.steps, np.array([found, math.nextafter(found, math.inf)]))
            seen = around.astype(np.float32).astype(np.float64) if single else around
        assert seen[0] <= limit < seen[1]


@given(value=st.one_of(st.floats(-1, 1), st.floats(-700, 700)), power=st.floats(-3, 5))
@pytest.mark.parametrize("name", sorted(GROWING))
def test_a_graph_works_a_growing_function_out_as_numpy_does(name: str, value: float, power: float) -> None:
    one = GROWING[name]
    value = max(value, one.floor if name != "log1p" else -0.999)
    with np.errstate(all="ignore"):
        expected = one.compute(np.array([value]), power)[0]
    graph = GraphBuilder(1)
    content = graph.finish("raw", [None, 1], one.emit(graph, ROWS, np.array([power])))

    given = GraphModel(content).raw(np.array([[value]]))[0, 0]

    assert given == pytest.approx(expected, rel=1e-12, abs=1e-300)


REFUSED = {
    "a function of one's own": (FunctionTransformer(lambda frame: frame), "FunctionTransformer of <lambda>"),
    "a function that no graph has": (FunctionTransformer(np.sin), "FunctionTransformer of sin"),
    "arguments": (FunctionTransformer(np.log1p, kw_args={"dtype": float}), "kw_args="),
    "a power of positive numbers": (PowerTransformer("box-cox"), "method='box-cox'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_followed_is_refused_by_name(case: str) -> None:
    step, message = REFUSED[case]
    frame = customers()[["Age"]].astype(float)
    pipeline = make_pipeline(step, Ridge()).fit(frame, spending(customers()))

    with pytest.raises(VerificationRefused, match=message) as refused:
        compile_model(pipeline, COLUMNS)

    assert refused.value.hint
