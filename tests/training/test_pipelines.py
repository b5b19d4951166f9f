"""Pipelines made up at random answer as scikit-learn does on rows they never saw, or are refused by name."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from sklearn import ensemble as ens
from sklearn import linear_model as lin
from sklearn import preprocessing as pre
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

from tests.training.customers import additivity, scores
from towpath.core.errors import VerificationRefused
from towpath.core.plan import Column
from towpath.training import parity
from towpath.training.compile.model import compile_model
from towpath.training.fit import one_thread

ROWS = 90
ADDITIVE = 1e-9
SCALERS = [pre.StandardScaler, pre.MinMaxScaler, pre.MaxAbsScaler, pre.RobustScaler]
NUMBERS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "bell": lambda random, rows: random.normal(3.0, 2.0, rows),
    "ties": lambda random, rows: random.integers(0, 6, rows).astype(float),
    "halves": lambda random, rows: random.integers(-9, 9, rows) / 2,
    "huge": lambda random, rows: random.normal(0.0, 1e9, rows),
    "tiny": lambda random, rows: random.normal(0.0, 1e-9, rows),
    "skewed": lambda random, rows: random.gamma(0.5, 1000.0, rows),
    "flag": lambda random, rows: (random.random(rows) < 0.3).astype(float),
    "near float32": lambda random, rows: 16_777_216.0 + random.integers(0, 9, rows) / 4,
    "constant": lambda random, rows: np.full(rows, 7.0),
}


class Case(NamedTuple):
    """What is fitted to what; words and numbers name the columns."""

    known: pd.DataFrame
    unseen: pd.DataFrame
    targets: np.ndarray
    columns: tuple[Column, ...]
    estimator: Any


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(["two", "three", "value"]))
    kinds = draw(st.lists(st.sampled_from(sorted(NUMBERS)), min_size=1, max_size=4))
    words = draw(st.integers(0, 2))
    gaps = draw(st.sampled_from([(), ("number",), ("word",), ("number", "word")]))
    seed = draw(st.integers(0, 2**32 - 1))
    frame = frame_of(np.random.default_rng(seed), kinds, words, gaps)
    numbers = [name for name in frame if name.startswith("n")]
    columns = tuple(Column(name, name, categories=() if name in numbers else tuple("abcde")) for name in frame)
    model = draw(models(kind))
    prepared = make_pipeline(draw(preparation(numbers, list(frame), "number" in gaps)), model)
    bare = not words and draw(st.booleans())
    estimator = model if bare else prepared
    known = frame[:ROWS]
    return Case(known, frame[ROWS:].reset_index(drop=True), targets_of(known, kind, seed), columns, estimator)


def frame_of(random: np.random.Generator, kinds: list[str], words: int, gaps: tuple[str, ...]) -> pd.DataFrame:
    """Twice as many rows as are learnt from; the second half has a category that the first has not."""
    columns = {f"n{i}": NUMBERS[kind](random, 2 * ROWS) for i, kind in enumerate(kinds)}
    for i in range(words):
        drawn = random.choice(list("abcd"), 2 * ROWS, p=[0.5, 0.3, 0.17, 0.03]).astype(object)
        drawn[ROWS:][random.random(ROWS) < 0.05] = "e"
        columns[f"w{i}"] = drawn
    for name, values in columns.items():
        if ("number" if name.startswith("n") else "word") in gaps:
            values[random.random(2 * ROWS) < 0.15] = np.nan
    return pd.DataFrame(columns)


def targets_of(frame: pd.DataFrame, kind: str, seed: int) -> np.ndarray:
    """Something to learn from every column, and noise."""
    parts = [pd.factorize(frame[name], sort=True)[0] if name.startswith("w") else frame[name].rank() for name in frame]
    pull = sum(np.nan_to_num(np.asarray(part, dtype=float)) / (1.0 + np.nanmax(part)) for part in parts)
    pull = np.asarray(pull) + np.random.default_rng(seed).normal(0.0, 0.3, len(frame))
    if kind == "value":
        return np.exp(pull)
    cuts = [0.6] if kind == "two" else [0.35, 0.7]
    return np.digitize(pull, np.quantile(pull, cuts))


@st.composite
def preparation(draw: st.DrawFn, numbers: list[str], names: list[str], gaps: bool) -> Any:
    words = [name for name in names if name not in numbers]
    return ColumnTransformer(
        [("numbers", draw(for_numbers(gaps)), numbers), ("words", draw(for_words()), words)],
        remainder="drop",
        sparse_threshold=0.0,
    )


def for_numbers(gaps: bool) -> st.SearchStrategy[Any]:
    scaler = st.sampled_from(SCALERS).map(lambda kind: kind())
    imputer = st.builds(
        SimpleImputer,
        strategy=st.sampled_from(["mean", "median", "most_frequent"]),
        add_indicator=st.booleans(),
        keep_empty_features=st.booleans(),
    )
    shapes = st.sampled_from(
        [
            pre.KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"),
            pre.KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform"),
            pre.Binarizer(threshold=0.5),
            pre.PolynomialFeatures(2, include_bias=False),
            pre.PowerTransformer(),
            PCA(1),
            VarianceThreshold(1e-12),
            SelectKBest(k=1),
            pre.SplineTransformer(3),
            "passthrough",
        ]
    )
    shaped = st.tuples(imputer, scaler, shapes).map(lambda steps: make_pipeline(*steps))
    filled = st.tuples(imputer, scaler).map(lambda steps: make_pipeline(*steps))
    # Few models take a missing value as it is.
    return st.one_of(shaped, shaped, filled, st.just("passthrough")) if gaps else st.one_of(shaped, filled, scaler)


def for_words() -> st.SearchStrategy[Any]:
    flags = st.builds(
        pre.OneHotEncoder,
        drop=st.sampled_from([None, "first", "if_binary"]),
        min_frequency=st.sampled_from([None, 8]),
        handle_unknown=st.sampled_from(["ignore", "infrequent_if_exist"]),
        sparse_output=st.just(False),
    )
    codes = st.builds(
        pre.OrdinalEncoder,
        handle_unknown=st.just("use_encoded_value"),
        unknown_value=st.just(-1),
        encoded_missing_value=st.sampled_from([-2, np.nan]),
        dtype=st.just(float),
    )
    by_target = st.just(pre.TargetEncoder(cv=2, random_state=0))
    encoder = st.one_of(flags, codes, by_target)
    filled = encoder.map(lambda step: make_pipeline(SimpleImputer(strategy="most_frequent"), step))
    return st.one_of(encoder, filled)


CLASSIFIERS = [
    lin.LogisticRegression(max_iter=50),
    lin.LogisticRegression(C=0.1, class_weight="balanced", fit_intercept=False, max_iter=50),
    lin.SGDClassifier(loss="log_loss", random_state=0),
    LinearDiscriminantAnalysis(),
    GaussianNB(var_smoothing=1e-4),  # by default a constant flag makes scores of 1e9, whose last bits the gate refuses
    DummyClassifier(),
    DecisionTreeClassifier(max_depth=4, random_state=0),
    ExtraTreeClassifier(max_depth=4, random_state=0),
    ens.RandomForestClassifier(4, max_depth=4, random_state=0),
    ens.ExtraTreesClassifier(3, max_depth=4, random_state=0),
    ens.GradientBoostingClassifier(n_estimators=4, max_depth=2, random_state=0),
    ens.HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=5, random_state=0),
    ens.AdaBoostClassifier(n_estimators=3, random_state=0),
]
REGRESSORS = [
    lin.LinearRegression(),
    lin.Ridge(),
    lin.Lasso(alpha=0.01),
    lin.ElasticNet(alpha=0.01),
    lin.HuberRegressor(max_iter=50),
    lin.PoissonRegressor(max_iter=50),
    lin.GammaRegressor(max_iter=50),
    LinearSVR(random_state=0, max_iter=50),
    DummyRegressor(strategy="median"),
    DecisionTreeRegressor(max_depth=4, random_state=0),
    ens.RandomForestRegressor(4, max_depth=4, random_state=0),
    ens.ExtraTreesRegressor(3, max_depth=4, random_state=0),
    ens.GradientBoostingRegressor(n_estimators=4, max_depth=2, loss="huber", random_state=0),
    ens.HistGradientBoostingRegressor(max_iter=4, min_samples_leaf=5, random_state=0),
    ens.HistGradientBoostingRegressor(max_iter=4, min_samples_leaf=5, loss="poisson", random_state=0),
    ens.AdaBoostRegressor(n_estimators=3, random_state=0),
]
WITHOUT_CONVERTER = [KNeighborsClassifier(), SVC(probability=False)]


def models(kind: str) -> st.SearchStrategy[Any]:
    plain = st.sampled_from(REGRESSORS if kind == "value" else CLASSIFIERS)
    composed = regressors_of if kind == "value" else classifiers_of
    once = st.one_of(plain, composed(plain))
    nested = st.one_of(plain, once, composed(once))
    return nested if kind == "value" else st.one_of(nested, nested, nested, st.sampled_from(WITHOUT_CONVERTER))


def classifiers_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    scaled = st.one_of(inner, inner.map(lambda model: make_pipeline(pre.StandardScaler(), model)))
    pair = st.tuples(scaled, scaled).map(lambda two: list(zip("xy", two, strict=True)))
    weights = st.sampled_from([None, [1, 3]])
    return st.one_of(
        st.builds(ens.VotingClassifier, pair, voting=st.just("soft"), weights=weights),
        st.builds(
            ens.StackingClassifier, pair, st.just(lin.LogisticRegression()), cv=st.just(2), passthrough=st.booleans()
        ),
        st.builds(
            CalibratedClassifierCV,
            st.one_of(scaled, st.just(LinearSVC(max_iter=50))),
            method=st.sampled_from(["sigmoid", "isotonic"]),
            cv=st.just(2),
            ensemble=st.booleans(),
        ),
        st.builds(
            ens.BaggingClassifier, scaled, st.just(2), max_features=st.sampled_from([0.6, 1.0]), random_state=st.just(0)
        ),
        st.builds(OneVsRestClassifier, scaled),
    )


def regressors_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    scaled = st.one_of(inner, inner.map(lambda model: make_pipeline(pre.StandardScaler(), model)))
    pair = st.tuples(scaled, scaled).map(lambda two: list(zip("xy", two, strict=True)))
    undone = st.sampled_from([(np.log, np.exp), (np.log1p, np.expm1), (np.sqrt, np.square)])
    return st.one_of(
        st.builds(ens.VotingRegressor, pair, weights=st.sampled_from([None, [1, 3]])),
        st.builds(ens.StackingRegressor, pair, st.just(lin.Ridge()), cv=st.just(2), passthrough=st.booleans()),
        st.builds(
            ens.BaggingRegressor, scaled, st.just(2), max_features=st.sampled_from([0.6, 1.0]), random_state=st.just(0)
        ),
        st.tuples(scaled, undone).map(
            lambda of: TransformedTargetRegressor(of[0], func=of[1][0], inverse_func=of[1][1], check_inverse=False)
        ),
        st.builds(TransformedTargetRegressor, scaled, transformer=st.just(pre.StandardScaler())),
    )


def prove_or_refuse(case: Case) -> None:
    """Passes where the compiled model answers alike or is refused by name; all else fails."""
    with one_thread(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            estimator = case.estimator.fit(case.known, case.targets)
            parity.predictions(estimator, case.unseen)
        except Exception:
            reject()  # scikit-learn itself does not fit this to that, or gives no probabilities
        try:
            compiled = compile_model(estimator, case.columns, parity.to_rows(case.known, case.columns))
        except VerificationRefused as refused:
            named = [type(part).__name__ for part in parts_of(estimator)]
            assert any(name in str(refused) for name in [*named, *case.known]), refused
            assert refused.hint
            return
        on_splits = parity.threshold_rows(estimator, case.columns, case.unseen, most=300, seed=0)
        asked = pd.concat([case.unseen, on_splits], ignore_index=True).astype(case.unseen.dtypes.to_dict())
        rows = parity.to_rows(asked, case.columns)
        expected = parity.predictions(estimator, asked)
        if not np.isfinite(expected).all():
            reject()  # a variance of zero, say: scikit-learn has no answer to compare with
        apart = max(compiled.tolerance, rounding(case.unseen))
        parity.prove(expected, scores(compiled, rows), apart, [0.5]).require()
        assert not compiled.explain or additivity(compiled, rows) < max(ADDITIVE, rounding(case.unseen))


def rounding(frame: pd.DataFrame) -> float:
    """How far sums in another order may be apart where large numbers nearly cancel, as in a line through 1e9."""
    largest = max(float(np.nanmax(np.abs(frame[name]))) for name in frame if name.startswith("n"))
    return 64 * np.finfo(np.float64).eps * largest


def parts_of(estimator: Any) -> list[Any]:
    return [estimator, *(part for part in estimator.get_params(deep=True).values() if hasattr(part, "get_params"))]


ODDLY_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@given(cases())
@settings(max_examples=15, deadline=None, suppress_health_check=ODDLY_SLOW)
def test_a_pipeline_made_up_answers_as_scikit_learn_or_is_refused_by_name(case: Case) -> None:
    prove_or_refuse(case)


@pytest.mark.slow
@given(cases())
@settings(max_examples=300, deadline=None, suppress_health_check=ODDLY_SLOW)
def test_hundreds_of_pipelines_answer_as_scikit_learn_or_are_refused_by_name(case: Case) -> None:
    prove_or_refuse(case)
