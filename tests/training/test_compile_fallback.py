"""What skl2onnx converts becomes a part of our graph, within its wider tolerance; what it cannot is refused by name."""

from typing import Any

import numpy as np
import pytest
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import AdaBoostRegressor, IsolationForest, VotingClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor

from tests.training.customers import COLUMNS, customers, leavers, plans, proved, scores, spending
from tests.training.pipelines import scaled
from towpath.core.errors import VerificationRefused
from towpath.training import parity
from towpath.training.compile.model import compile_model
from towpath.training.compile.protocol import NEAR

NETWORK = MLPClassifier((8,), max_iter=15, random_state=0)


def fitted(model: Any, target: np.ndarray) -> Any:
    return model.fit(customers(), target)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(
    ("model", "target"),
    [
        (NETWORK, leavers),
        (NETWORK, plans),
        (QuadraticDiscriminantAnalysis(reg_param=0.1), plans),
        (MLPRegressor(hidden_layer_sizes=(8,), activation="tanh", max_iter=15), spending),
        (GaussianProcessRegressor(RBF(2.0), alpha=1.0, optimizer=None), spending),
    ],
)
def test_another_estimator_is_proved_within_the_wider_tolerance(model: Any, target: Any) -> None:
    compiled = proved(fitted(scaled(model), target(customers())), customers(rows=300, seed=9), COLUMNS, NEAR)

    assert compiled.tolerance == NEAR
    assert compiled.explain is None
    assert compiled.unexplained.endswith("goes through skl2onnx, which tells scores only")


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_another_estimator_may_be_a_member() -> None:
    members = [("a", scaled(NETWORK)), ("b", scaled(MLPClassifier((4,), max_iter=15, random_state=1)))]
    model = fitted(VotingClassifier(members, voting="soft"), leavers(customers()))

    assert proved(model, customers(rows=300, seed=9), COLUMNS, NEAR).outputs == 1


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_network_does_not_swallow_what_is_missing() -> None:
    frame = customers()[["Age", "Balance"]] / 100.0
    model = MLPClassifier((8,), max_iter=15, random_state=0).fit(frame, leavers(customers()))
    columns = tuple(column for column in COLUMNS if column.name in frame)
    rows = parity.to_rows(frame, columns)[:3]
    rows[1, 0] = np.nan

    assert np.isnan(scores(compile_model(model, columns), rows)[:, 0]).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (KNeighborsRegressor(), "KNeighborsRegressor: a bundle would hold every training row"),
        (AdaBoostRegressor(n_estimators=2), "AdaBoostRegressor, cannot be run in double"),
        (IsolationForest(n_estimators=2), "IsolationForest, which has no converter"),
    ],
)
def test_what_cannot_be_converted_is_refused_by_name(model: Any, says: str) -> None:
    pipeline = fitted(scaled(model), spending(customers()))

    with pytest.raises(VerificationRefused, match=says):
        compile_model(pipeline, COLUMNS)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_the_same_network_gives_the_same_bytes() -> None:
    model = fitted(scaled(NETWORK), leavers(customers()))

    assert compile_model(model, COLUMNS).graph == compile_model(model, COLUMNS).graph
