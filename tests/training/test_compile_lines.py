"""The linear family, naive Bayes and the dummies answer as scikit-learn does, and their contributions add up."""

import numpy as np
import pytest
from sklearn import linear_model
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import (
    GammaRegressor,
    HuberRegressor,
    LogisticRegressionCV,
    PoissonRegressor,
    RANSACRegressor,
    SGDClassifier,
    TweedieRegressor,
)
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import LinearSVR

from tests.training.customers import COLUMNS, NUMBERS, columns_of, customers, leavers, plans, proved, scores, spending
from tests.training.pipelines import hold, scaled
from towpath.core.errors import VerificationRefused
from towpath.training import parity
from towpath.training.compile.lines import VALUES
from towpath.training.compile.model import compile_model

SLOW = {"HuberRegressor", "TheilSenRegressor", "QuantileRegressor", "ARDRegression"}

CLASSIFIERS = [
    LogisticRegressionCV(cv=2, Cs=2, l1_ratios=(0,), scoring="accuracy", use_legacy_attributes=False, max_iter=300),
    LinearDiscriminantAnalysis(),
    SGDClassifier(loss="log_loss", random_state=0),
    SGDClassifier(loss="modified_huber", random_state=0),
    GaussianNB(var_smoothing=1e-3),
    DummyClassifier(),
    DummyClassifier(strategy="uniform"),
]


def positive() -> np.ndarray:
    return spending(customers()) - spending(customers()).min() + 5.0


@pytest.mark.parametrize("target", [leavers, plans])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda model: type(model).__name__)
def test_classes_come_out_as_from_scikit_learn_and_add_up(model: object, target: object) -> None:
    assert hold(scaled(model), target(customers())).outputs == (1 if target is leavers else 3)  # type: ignore[operator]


@pytest.mark.filterwarnings("ignore:Orthogonal matching pursuit ended")
@pytest.mark.parametrize("name", [name for name in VALUES if name not in SLOW])
def test_values_come_out_as_from_scikit_learn_and_add_up(name: str) -> None:
    assert hold(scaled(getattr(linear_model, name)()), spending(customers())).link == "identity"


@pytest.mark.parametrize(
    ("model", "link"),
    [
        (PoissonRegressor(), "exp"),
        (GammaRegressor(), "exp"),
        (TweedieRegressor(power=1.5), "exp"),
        (TweedieRegressor(power=0), "identity"),
        (HuberRegressor(max_iter=300), "identity"),
        (RANSACRegressor(random_state=0), "identity"),
        (LinearSVR(), "identity"),
        (DummyRegressor(strategy="median"), "identity"),
    ],
    ids=lambda case: type(case).__name__,
)
def test_a_link_of_the_mean_is_the_engines_last_step(model: object, link: str) -> None:
    assert hold(scaled(model), positive()).link == link


@pytest.mark.parametrize("target", [leavers, plans])
def test_counts_come_out_as_from_scikit_learn(target: object) -> None:
    frame = customers()[["Age", "Products"]]
    model = make_pipeline(MinMaxScaler(), MultinomialNB()).fit(frame, target(customers()))  # type: ignore[operator]

    assert proved(model, frame, columns_of(frame)).outputs == (1 if target is leavers else 3)


def test_the_bells_of_a_refused_category_are_silent() -> None:
    frame = customers()[NUMBERS].fillna(5.0)
    model = GaussianNB().fit(frame, leavers(customers()))
    rows = parity.to_rows(frame, columns_of(frame))[:2]
    rows[1, 0] = np.nan

    given = scores(compile_model(model, columns_of(frame)), rows)[:, 0]

    assert np.isnan(given).tolist() == [False, True]


def test_a_dummy_that_draws_is_refused() -> None:
    model = scaled(DummyClassifier(strategy="stratified")).fit(customers(), leavers(customers()))

    with pytest.raises(VerificationRefused, match="draws at random"):
        compile_model(model, COLUMNS)
