"""Calibrated classifiers answer as scikit-learn does, by whatever method, and their contributions add up."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from tests.training.customers import customers, leavers, plans
from tests.training.pipelines import hold, scaled
from towpath.training.compile.curves import Polyline

FOREST = RandomForestClassifier(8, max_depth=5, random_state=0)
GRADIENT = GradientBoostingClassifier(n_estimators=6, random_state=0)

CASES = {
    "planes": (CalibratedClassifierCV(LinearSVC(), cv=2), "sigmoid"),
    "ridge": (CalibratedClassifierCV(RidgeClassifier(), cv=2), "temperature"),
    "hinge": (CalibratedClassifierCV(SGDClassifier(random_state=0), cv=2), "sigmoid"),
    "forest": (CalibratedClassifierCV(FOREST, cv=2), "isotonic"),
    "forest by temperature": (CalibratedClassifierCV(FOREST, cv=2), "temperature"),
    "boosting": (CalibratedClassifierCV(GRADIENT, cv=2), "isotonic"),
    "one for all folds": (CalibratedClassifierCV(GRADIENT, cv=2, ensemble=False), "sigmoid"),
    "votes": (
        CalibratedClassifierCV(AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=4), cv=2),
        "sigmoid",
    ),
    "bells": (CalibratedClassifierCV(GaussianNB(var_smoothing=1e-3), cv=2), "isotonic"),
    "one against the rest": (CalibratedClassifierCV(OneVsRestClassifier(LinearSVC()), cv=2), "sigmoid"),
}


@pytest.mark.parametrize("target", [leavers, plans])
@pytest.mark.parametrize("case", CASES)
def test_a_calibrated_classifier_answers_as_scikit_learn_and_adds_up(case: str, target: object) -> None:
    model, method = CASES[case]

    compiled = hold(scaled(model.set_params(method=method)), target(customers()))  # type: ignore[operator]

    assert compiled.outputs == (1 if target is leavers else 3)


def test_exponential_boosting_is_calibrated_by_its_own_decisions() -> None:
    model = GradientBoostingClassifier(n_estimators=6, loss="exponential", random_state=0)

    assert hold(scaled(CalibratedClassifierCV(model, cv=2, ensemble=False)), leavers(customers())).link == "logistic"


def test_a_model_fitted_before_is_calibrated_as_it_is() -> None:
    fitted = scaled(LogisticRegression()).fit(customers(), leavers(customers()))

    assert hold(CalibratedClassifierCV(FrozenEstimator(fitted)), leavers(customers())).outputs == 1


def test_a_line_of_pieces_is_flat_beyond_its_ends_and_keeps_what_is_missing() -> None:
    line = Polyline(np.array([0.0, 1.0, 3.0]), np.array([0.0, 0.5, 1.0]))

    found = line(np.array([-5.0, 0.0, 0.5, 1.0, 2.0, 3.0, 9.0, np.nan]))

    assert found[:-1].tolist() == [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    assert np.isnan(found[-1])
