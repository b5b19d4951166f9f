"""Resampling changes what is learnt from and nothing else."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.training.customers import columns_of, customers, proved
from towpath.declare import resampled
from towpath.declare.resample import balanced
from towpath.training.fit import seeded

NUMBERS = ["Age", "Balance"]
FRAME = customers()[NUMBERS]
RARE = np.where(FRAME["Age"] + np.random.default_rng(1).normal(0, 15, len(FRAME)) > 85, "leaves", "stays")


def drawn(how: Any, targets: list[str]) -> list[int]:
    return balanced(np.array(targets), how, np.random.RandomState(0)).tolist()


@pytest.mark.feature("F243")
def test_oversampling_keeps_every_row_and_repeats_rare_ones() -> None:
    chosen = drawn("oversample", ["a", "b", "b", "b", "c", "c"])

    assert set(chosen) == set(range(6))
    assert [sum(row in rows for row in chosen) for rows in ({0}, {1, 2, 3}, {4, 5})] == [3, 3, 3]


@pytest.mark.feature("F243")
def test_undersampling_repeats_no_row_and_leaves_common_ones_out() -> None:
    chosen = drawn("undersample", ["a", "b", "b", "b", "c", "a"])

    assert len(chosen) == len(set(chosen)) == 3
    assert 4 in chosen


@pytest.mark.parametrize("how", ["oversample", "undersample"])
def test_a_rare_class_is_found_more_often(how: Any) -> None:
    plain = make_pipeline(StandardScaler(), LogisticRegression())

    even = seeded(resampled(clone(plain), how), 1).fit(FRAME, RARE)

    found = [np.mean(one.predict(FRAME[RARE == "leaves"]) == "leaves") for one in (plain.fit(FRAME, RARE), even)]
    assert found[0] < 0.5 < found[1]
    assert even.classes_.tolist() == ["leaves", "stays"]


def test_the_same_seed_draws_the_same_rows() -> None:
    make = lambda seed: seeded(resampled(LogisticRegression()), seed).fit(FRAME, RARE).estimator_.coef_  # noqa: E731

    assert np.array_equal(make(1), make(1))
    assert not np.array_equal(make(1), make(2))


MODELS = {
    "a pipeline": resampled(make_pipeline(StandardScaler(), LogisticRegression())),
    "in a pipeline": make_pipeline(StandardScaler(), resampled(LogisticRegression(), "undersample")),
    "in a vote": VotingClassifier(
        [("line", resampled(LogisticRegression())), ("trees", resampled(RandomForestClassifier(5, max_depth=4)))],
        voting="soft",
    ),
}


@pytest.mark.parametrize("case", MODELS)
def test_the_fitted_estimator_inside_is_what_is_compiled(case: str) -> None:
    estimator = seeded(clone(MODELS[case]), 3).fit(FRAME, RARE)

    assert proved(estimator, FRAME, columns_of(FRAME)).outputs == 1


def test_another_way_is_refused() -> None:
    with pytest.raises(ValueError, match='how is \'smote\'; choose "oversample" or "undersample"'):
        resampled(LogisticRegression(), "smote").fit(FRAME, RARE)  # type: ignore[arg-type]


def test_a_classifier_without_probabilities_gets_none() -> None:
    from sklearn.svm import LinearSVC

    assert not hasattr(resampled(LinearSVC()), "predict_proba")
    assert hasattr(resampled(LinearSVC()), "decision_function")
