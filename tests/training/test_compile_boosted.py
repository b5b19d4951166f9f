"""Gradient boosting and AdaBoost come out bit for bit, or nearly, and refuse what scikit-learn raises for."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from tests.training.customers import COLUMNS, additivity, columns_of, customers, leavers, plans, scores, spending
from tests.training.pipelines import hold, scaled
from towpath.core.errors import VerificationRefused
from towpath.core.plan import Column
from towpath.training import parity
from towpath.training.compile import ensemble
from towpath.training.compile.model import compile_model

FEW = {"n_estimators": 12, "random_state": 0}

CLASSIFIERS = {
    "two classes": (GradientBoostingClassifier(**FEW), leavers),
    "three classes": (GradientBoostingClassifier(**FEW), plans),
    "exponential": (GradientBoostingClassifier(loss="exponential", **FEW), leavers),
    "from zero": (GradientBoostingClassifier(init="zero", subsample=0.8, **FEW), plans),
    "votes": (AdaBoostClassifier(**FEW), leavers),
    "votes of three": (AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), **FEW), plans),
}


@pytest.mark.parametrize("case", CLASSIFIERS)
def test_boosted_classifiers_answer_as_scikit_learn_and_add_up(case: str) -> None:
    model, target = CLASSIFIERS[case]

    assert hold(scaled(model), target(customers())).link == ("softmax" if target is plans else "logistic")


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_boosted_values_come_out_bit_for_bit(loss: str) -> None:
    model = scaled(GradientBoostingRegressor(loss=loss, **FEW))
    compiled = hold(model, spending(customers()))

    given = scores(compiled, parity.to_rows(customers(), COLUMNS))

    assert np.array_equal(given, parity.predictions(model, customers()))


def test_a_missing_value_is_refused_as_scikit_learn_does() -> None:
    frame = customers()[["Age", "Balance"]]
    model = GradientBoostingRegressor(**FEW).fit(frame, spending(customers()))
    asked = parity.to_rows(frame, columns_of(frame))[:4]
    asked[1, 0] = asked[3, 1] = np.nan

    given = scores(compile_model(model, columns_of(frame)), asked)[:, 0]

    assert np.isnan(given).tolist() == [False, True, False, True]


def test_a_missing_value_that_is_filled_is_answered() -> None:
    frame = customers()[["Age", "Balance"]]
    model = make_pipeline(SimpleImputer(), GradientBoostingRegressor(**FEW)).fit(frame, spending(customers()))
    asked = frame.astype(float).mask(np.arange(800).reshape(400, 2) % 3 == 0)

    given = scores(compile_model(model, columns_of(frame)), parity.to_rows(asked, columns_of(frame)))

    assert np.array_equal(given, parity.predictions(model, asked))


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (GradientBoostingRegressor(init=Ridge(), **FEW), "init=Ridge"),
        (AdaBoostClassifier(LogisticRegression(), **FEW), "estimator=LogisticRegression"),
    ],
)
def test_what_boosting_starts_from_and_is_made_of_is_refused_by_name(model: object, says: str) -> None:
    target = leavers(customers()) if isinstance(model, AdaBoostClassifier) else spending(customers())
    pipeline = scaled(model).fit(customers(), target)

    with pytest.raises(VerificationRefused, match=says):
        compile_model(pipeline, COLUMNS)


def test_a_missing_value_goes_its_own_way_between_two_questions_for_values_with_equal_answers() -> None:
    """onnxruntime made one question of the two, and a missing value, filled as b, went where the first one sent it."""
    names = ("d", "a", "b", "c")  # the first one's code is 0, which it never put together with others
    frame = customers()[["Age"]].assign(Word=np.random.default_rng(1).choice(names, 400, p=[0.2, 0.2, 0.4, 0.2]))
    frame = frame.astype({"Word": object})
    frame.loc[::9, "Word"] = np.nan
    word = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    forest = ExtraTreesRegressor(20, max_features=1, random_state=0)
    model = make_pipeline(ColumnTransformer([("word", word, ["Word"])]), forest)
    model.fit(frame, ~frame["Word"].isin(["c", "d"]) * 1.0)
    columns = (Column("Age", "Age"), Column("Word", "Word", categories=names))

    given = scores(compile_model(model, columns), parity.to_rows(frame, columns))

    assert np.array_equal(given, parity.predictions(model, frame))


@pytest.mark.parametrize("case", ["three classes", "votes of three"])
def test_a_large_forest_walks_up_to_the_same_contributions(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, target = CLASSIFIERS[case]
    pipeline = scaled(model).fit(customers(), target(customers()))
    rows = parity.to_rows(customers(), COLUMNS)
    table = compile_model(pipeline, COLUMNS)

    monkeypatch.setattr(ensemble, "LARGEST_TABLE", 0)
    walked = compile_model(pipeline, COLUMNS)

    assert len(walked.explain or b"") < len(table.explain or b"")
    assert additivity(walked, rows) < 1e-12
