"""XGBoost and LightGBM answer as their own libraries do: the same splits to the bit, and contributions that add up."""

import subprocess
import sys

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.training.customers import (
    COLUMNS,
    WORDS,
    additivity,
    customers,
    leavers,
    plans,
    proved,
    scores,
    spending,
    with_gaps,
)
from towpath.core.errors import VerificationRefused
from towpath.core.plan import Column
from towpath.engine.graph import GraphModel
from towpath.training import parity
from towpath.training.compile.model import compile_model
from towpath.training.compile.protocol import EXACT, NEAR
from towpath.training.fit import seeded

FRAME = with_gaps(customers())
WHOLE = customers().fillna({"Tenure": 0.0})
LEFT = (leavers(customers()) == "leaves").astype(int)
PLANS = plans(customers())
SPENT = spending(customers()) + 500.0
CODED = ["c", "c", "q", "q", "q", "q"]
LINE = make_pipeline(StandardScaler(), LogisticRegression())
MALTA = pd.DataFrame([{"Gender": "Male", "Balance": 1e5, "Tenure": 3.0, "Country": "Malta", "Products": 2, "Age": 40}])


def by_flags(model: object) -> Pipeline:
    flags = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_pipeline(make_column_transformer((flags, WORDS), remainder="passthrough"), model)


def by_codes(model: object) -> Pipeline:
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=np.nan)
    return make_pipeline(make_column_transformer((codes, WORDS), remainder="passthrough"), model)


def xgb(kind: str, trees: int = 12, **settings: object) -> object:
    return getattr(xgboost, kind)(n_estimators=trees, max_depth=4, n_jobs=1, random_state=0, **settings)


def lgbm(kind: str, trees: int = 12, **settings: object) -> object:
    return seeded(getattr(lightgbm, kind)(n_estimators=trees, num_leaves=15, **settings), 0)


XGBOOST = {
    "two classes": (xgb("XGBClassifier"), LEFT),
    "three classes": (xgb("XGBClassifier"), PLANS),
    "value": (xgb("XGBRegressor", trees=200), SPENT),
    "two classes by softmax": (xgb("XGBClassifier", objective="multi:softprob", num_class=2), LEFT),
    "own base score": (xgb("XGBClassifier", base_score=0.2), LEFT),
    "absolute error": (xgb("XGBRegressor", objective="reg:absoluteerror"), SPENT),
    "quantile": (xgb("XGBRegressor", objective="reg:quantileerror", quantile_alpha=0.3), SPENT),
    "poisson": (xgb("XGBRegressor", objective="count:poisson"), SPENT),
    "gamma": (xgb("XGBRegressor", objective="reg:gamma"), SPENT),
    "tweedie": (xgb("XGBRegressor", objective="reg:tweedie"), SPENT),
    "dart": (xgb("XGBClassifier", booster="dart", rate_drop=0.5), LEFT),
    "pruned": (xgb("XGBClassifier", gamma=3.0, tree_method="exact"), LEFT),
    "forest": (xgb("XGBRFClassifier"), LEFT),
    "forest of three classes": (xgb("XGBRFClassifier"), PLANS),
    "forest of values": (xgb("XGBRFRegressor"), SPENT),
    "stumps": (xgb("XGBRegressor", trees=3, gamma=1e9), SPENT),
}
LIGHTGBM = {
    "two classes": (lgbm("LGBMClassifier"), leavers(customers())),
    "three classes": (lgbm("LGBMClassifier"), PLANS),
    "value": (lgbm("LGBMRegressor", trees=100), SPENT),
    "two classes by softmax": (lgbm("LGBMClassifier", objective="multiclass", num_class=2), LEFT),
    "steep": (lgbm("LGBMClassifier", sigmoid=2.0), LEFT),
    "absolute error": (lgbm("LGBMRegressor", objective="l1"), SPENT),
    "quantile": (lgbm("LGBMRegressor", objective="quantile", alpha=0.3), SPENT),
    "poisson": (lgbm("LGBMRegressor", objective="poisson"), SPENT),
    "gamma": (lgbm("LGBMRegressor", objective="gamma"), SPENT),
    "tweedie": (lgbm("LGBMRegressor", objective="tweedie"), SPENT),
    "forest": (lgbm("LGBMClassifier", boosting_type="rf", subsample_freq=1, subsample=0.5), LEFT),
    "dart": (lgbm("LGBMClassifier", boosting_type="dart"), LEFT),
    "goss": (lgbm("LGBMClassifier", data_sample_strategy="goss"), LEFT),
    "missing is zero": (lgbm("LGBMClassifier", use_missing=False), LEFT),
    "constant": (lgbm("LGBMRegressor", trees=2, min_child_samples=1000), SPENT),
}
SETS = {
    "xgboost sets": xgb("XGBClassifier", enable_categorical=True, feature_types=CODED, max_cat_to_onehot=1),
    "xgboost one against the rest": xgb("XGBClassifier", enable_categorical=True, feature_types=CODED),
    "lightgbm sets": lgbm("LGBMClassifier", categorical_feature=[0, 1], min_data_per_group=5, cat_smooth=1.0),
}


@pytest.mark.parametrize("name", XGBOOST)
def test_xgboost_answers_as_itself_with_missing_values_and_on_thresholds(name: str) -> None:
    model, targets = XGBOOST[name]
    compiled = proved(by_flags(clone(model)).fit(FRAME, targets), FRAME, COLUMNS, NEAR)

    assert additivity(compiled, parity.to_rows(FRAME, COLUMNS)) < 1e-12


@pytest.mark.parametrize("name", LIGHTGBM)
def test_lightgbm_answers_as_itself_to_the_last_bits(name: str) -> None:
    model, targets = LIGHTGBM[name]
    compiled = proved(by_codes(clone(model)).fit(FRAME, targets), FRAME, COLUMNS)

    assert compiled.tolerance == EXACT
    assert additivity(compiled, parity.to_rows(FRAME, COLUMNS)) < 1e-12


@pytest.mark.parametrize("name", SETS)
@pytest.mark.filterwarnings("ignore:categorical_feature keyword")
def test_splits_by_sets_of_categories_answer_alike_for_unknown_and_missing_ones(name: str) -> None:
    estimator = by_codes(clone(SETS[name])).fit(FRAME, LEFT)
    frame = pd.concat([FRAME, MALTA, MALTA.assign(Country=np.nan)], ignore_index=True)

    compiled = proved(estimator, frame, COLUMNS, NEAR)

    assert b"membership_values" in compiled.graph or "rest" in name
    assert additivity(compiled, parity.to_rows(frame, COLUMNS)) < 1e-12


def test_the_raw_score_is_the_very_float32_sum_that_xgboost_makes() -> None:
    estimator = by_flags(xgb("XGBRegressor", trees=300)).fit(FRAME, SPENT)
    compiled = compile_model(estimator, COLUMNS)

    expected = estimator.predict(FRAME)

    assert np.array_equal(scores(compiled, parity.to_rows(FRAME, COLUMNS))[:, 0], expected.astype(np.float64))


def test_where_training_stopped_early_the_best_round_answers() -> None:
    numbers = FRAME[["Age", "Balance"]]
    model = xgb("XGBClassifier", trees=200, early_stopping_rounds=3)
    model.fit(numbers[:300], LEFT[:300], eval_set=[(numbers[300:], LEFT[300:])], verbose=False)
    columns = tuple(column for column in COLUMNS if column.name in numbers)

    assert model.best_iteration + 3 < len(model.get_booster().get_dump()) + 1
    proved(model, numbers, columns, NEAR)


@pytest.mark.parametrize("kind", [xgb("XGBClassifier"), lgbm("LGBMClassifier")], ids=["xgboost", "lightgbm"])
@pytest.mark.parametrize(
    "around",
    [
        lambda model: VotingClassifier([("a", model), ("b", LINE)], voting="soft"),
        lambda model: StackingClassifier([("a", model)], LogisticRegression(), cv=2),
        lambda model: CalibratedClassifierCV(model, cv=2),
    ],
    ids=["voting", "stacking", "sigmoid"],
)
def test_a_booster_inside_another_estimator_answers_alike_and_adds_up(kind: object, around: object) -> None:
    estimator = by_flags(around(clone(kind))).fit(WHOLE, LEFT)
    compiled = proved(estimator, WHOLE, COLUMNS, NEAR)

    assert additivity(compiled, parity.to_rows(WHOLE, COLUMNS)) < 1e-9


@pytest.mark.parametrize(
    "around",
    [
        lambda model: model,
        lambda model: make_pipeline(MaxAbsScaler(), model),
        lambda model: StackingClassifier([("a", LINE[-1])], model, cv=2, passthrough=True),
        lambda model: VotingClassifier([("a", model), ("b", LINE[-1])], voting="soft"),
    ],
    ids=["alone", "scaled", "final", "voting"],
)
def test_xgboost_is_refused_a_sparse_matrix_in_which_it_takes_each_zero_for_missing(around: object) -> None:
    flags = ColumnTransformer([("flags", OneHotEncoder(), WORDS)], remainder="passthrough", sparse_threshold=1.0)
    estimator = make_pipeline(flags, around(xgb("XGBClassifier"))).fit(WHOLE, LEFT)

    with pytest.raises(VerificationRefused, match="XGBClassifier, gets a sparse matrix") as refused:
        compile_model(estimator, COLUMNS)
    assert "sparse_output=False" in refused.value.hint


def test_lightgbm_sees_the_zeros_of_a_sparse_matrix() -> None:
    flags = ColumnTransformer([("flags", OneHotEncoder(), WORDS)], remainder="passthrough", sparse_threshold=1.0)

    proved(make_pipeline(flags, lgbm("LGBMClassifier")).fit(WHOLE, LEFT), WHOLE.assign(Balance=0.0), COLUMNS)


def test_an_isotonic_calibration_of_lightgbm_answers_alike() -> None:
    proved(
        by_flags(CalibratedClassifierCV(lgbm("LGBMClassifier"), cv=2, method="isotonic")).fit(WHOLE, LEFT),
        WHOLE,
        COLUMNS,
    )


@pytest.mark.parametrize(
    ("model", "targets", "message"),
    [
        (xgb("XGBClassifier", booster="gblinear"), LEFT, "booster='gblinear'"),
        (xgb("XGBClassifier", objective="binary:hinge"), LEFT, "objective='binary:hinge'"),
        (xgb("XGBRegressor", missing=-1.0), SPENT, r"missing=-1\.0"),
        (xgb("XGBRegressor"), np.column_stack([SPENT, SPENT]), "2 targets"),
        (lgbm("LGBMClassifier", objective="multiclassova", num_class=3), PLANS, "multiclassova"),
        (lgbm("LGBMRegressor", objective="cross_entropy"), LEFT, "cross_entropy"),
        (lgbm("LGBMRegressor", reg_sqrt=True), SPENT, "regression sqrt"),
        (lgbm("LGBMRegressor", linear_tree=True), SPENT, "linear_tree=True"),
        (lgbm("LGBMClassifier", zero_as_missing=True), LEFT, "zero_as_missing=True"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_has_no_converter_is_refused_by_name(model: object, targets: np.ndarray, message: str) -> None:
    estimator = by_flags(clone(model)).fit(FRAME, targets)

    with pytest.raises(VerificationRefused, match=message) as refused:
        compile_model(estimator, COLUMNS)

    assert refused.value.hint


def test_a_ranker_is_refused_as_its_scores_mean_nothing_alone() -> None:
    numbers = FRAME[["Age", "Balance"]]
    ranker = xgboost.XGBRanker(n_estimators=2, n_jobs=1).fit(numbers, LEFT, qid=np.zeros(len(LEFT), dtype=int))

    with pytest.raises(VerificationRefused, match="XGBRanker, whose scores only order rows"):
        compile_model(ranker, tuple(column for column in COLUMNS if column.name in numbers))


@pytest.mark.parametrize("model", [xgboost.XGBClassifier(subsample=0.7), lightgbm.LGBMClassifier(bagging_fraction=0.7)])
def test_a_seeded_booster_gives_the_same_bytes_twice_on_one_thread(model: object) -> None:
    made = [
        compile_model(by_flags(seeded(clone(model), 3).set_params(n_estimators=5)).fit(FRAME, LEFT), COLUMNS)
        for _ in range(2)
    ]

    assert made[0] == made[1]


def test_lightgbm_is_seeded_wherever_it_stands_and_says_nothing_on_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    voting = VotingClassifier([("a", lightgbm.LGBMClassifier(n_estimators=2)), ("b", LINE)])
    estimator = seeded(by_flags(voting), 5)
    settings = estimator.get_params()
    estimator.fit(WHOLE, LEFT)

    asked = ("random_state", "n_jobs", "deterministic", "force_row_wise")
    assert [settings[f"votingclassifier__a__{name}"] for name in asked] == [5, 1, True, True]
    assert capfd.readouterr().out == ""


def test_another_way_of_counting_that_somebody_asked_for_is_kept() -> None:
    model = seeded(lightgbm.LGBMClassifier(force_col_wise=True, verbosity=1), 5)

    assert "force_row_wise" not in model.get_params()
    assert model.get_params()["verbosity"] == 1


@pytest.mark.integration
def test_to_compile_no_booster_is_imported_unless_the_model_is_one() -> None:
    script = "import sys, towpath.training.compile.model; print(sorted({'xgboost', 'lightgbm'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout == "[]\n"


def test_contributions_of_a_large_float32_sum_add_up_exactly() -> None:
    estimator = by_flags(xgb("XGBRegressor", trees=300)).fit(FRAME, SPENT * 1000)
    compiled = compile_model(estimator, COLUMNS, rows := parity.to_rows(FRAME, COLUMNS))
    model = GraphModel(compiled.graph, compiled.explain)

    rebuilt = compiled.base + model.contributions(rows).sum(axis=2)

    assert np.abs(rebuilt - model.raw(rows)).max() / np.abs(SPENT * 1000).max() < 1e-14


def test_lightgbm_alone_knows_columns_with_a_space_by_its_own_spelling() -> None:
    frame = WHOLE[["Age", "Balance"]].rename(columns={"Age": "years of age"})
    columns = (Column("years of age", "years of age"), Column("Balance", "Balance"))

    proved(lgbm("LGBMClassifier").fit(frame, LEFT), frame, columns)


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (xgb("XGBClassifier"), np.zeros(len(WHOLE), dtype=int)),
        (xgb("XGBRegressor", objective="count:poisson"), np.zeros(len(WHOLE))),
    ],
)
def test_xgboost_that_learnt_from_one_class_alone_is_refused_with_the_reason(model: object, target: np.ndarray) -> None:
    fitted = by_flags(clone(model)).fit(WHOLE, target)

    with pytest.raises(VerificationRefused, match="starts from a score of -inf: all its training rows had one and"):
        compile_model(fitted, COLUMNS)
